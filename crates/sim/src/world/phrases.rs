//! What invented people write: everyday lines in several scripts, and texts that break careless programs.
//!
//! The lists are fixed, so a seed always gives the same words.

use rand::RngExt;

use super::id::WorldRng;
use super::names::pick;

const LINES: [&str; 44] = [
    "Hi, thanks for connecting!",
    "Are you free for a call on Tuesday?",
    "Yes.",
    "ok",
    "👍",
    "Sounds good, let us do that.",
    "I sent you the document yesterday, did it arrive?",
    "Sorry for the late answer, it was a long week.",
    "We are looking for somebody with your experience.",
    "What is the salary range?",
    "Could you tell me more about the team?",
    "It is remote, with two days a month in the office.",
    "Happy birthday! 🎂",
    "Congratulations on the new role 🎉🎉",
    "Please find the details below:\n- first point\n- second point\n\nBest regards",
    "https://example.com/jobs/42?ref=message&utm=none",
    "Mail me at invented@example.com, please.",
    "Danke, das passt mir gut.",
    "¿Puedes llamarme mañana por la tarde?",
    "Merci beaucoup, à bientôt !",
    "Отлично, договорились.",
    "ありがとうございます。来週お願いします。",
    "谢谢，我会看一下。",
    "감사합니다!",
    "شكرا جزيلا",
    "תודה רבה",
    "धन्यवाद, मैं देखता हूँ।",
    "Let me check with my manager and come back to you.",
    "No news yet, I will ask again on Monday.",
    "That was a great talk, are the slides somewhere?",
    "Can I quote you on that?",
    "I would rather not.",
    "Interesting. Why do you think so?",
    "Because the numbers of last quarter say so: 12% up, 3% down.",
    "See you there.",
    "Typo, sorry: I meant Thursday.",
    "Haha 😄",
    "Not interested, thanks.",
    "Could we move it by an hour?",
    "Of course, no problem at all.",
    "The invoice number is 2023-0117.",
    "I have attached my CV.",
    "Who else is coming?",
    "Long time no see! How have you been? We should have lunch some day, I am in town until the end of the month.",
];

/// Texts that break careless programs.
pub(super) const HOSTILE_TEXTS: [&str; 14] = [
    "<script>alert('hi')</script><img src=x onerror=alert(1)>",
    "'; DROP TABLE messages; -- \"quoted\" \\ back\\slash",
    "\u{202E}this runs from right to left\u{202C} and this does not",
    "family 👩‍👩‍👧‍👦 flag 🏴󠁧󠁢󠁳󠁣󠁴󠁿 skin 👍🏽 keycap 1️⃣",
    "combining: e\u{0301} o\u{0308}\u{0323} Z\u{0351}\u{0343}\u{0316}",
    "line\nline\r\nline\rseparator\u{2028}paragraph\u{2029}end",
    " leading and trailing blanks \t ",
    "\u{FEFF}byte order mark and zero\u{200B}width\u{200D}joiners",
    "control \u{1}\u{1b}[31mred\u{1b}[0m \u{7f}\u{85}",
    "=HYPERLINK(\"https://example.com\",\"click\")",
    "${jndi:ldap://example.com/a} %s%s%n {{7*7}} $(id) `id`",
    "{\"data\":null,\"errors\":[{\"message\":\"not really\"}]}",
    "\u{10FFFF} last \u{FFFD} replacement \u{E000} private",
    "ﷺ ﷽ ẞß İıIi Ǆǅǆ",
];

/// Emoji with which people react, single and joined.
pub(super) const EMOJI: [&str; 8] = ["👍", "❤️", "😂", "👏", "🎉", "👍🏽", "🏳️‍🌈", "👩‍💻"];

/// LinkedIn's own limit for the text of a message.
pub(super) const LONGEST_TEXT_CHARS: usize = 8_000;

/// An everyday text of one to three lines.
pub(super) fn everyday(rng: &mut WorldRng) -> String {
    let lines = *[1, 1, 1, 1, 2, 2, 3].get(rng.random_range(0..7)).unwrap_or(&1);
    let mut text = pick(&LINES, rng).to_owned();
    for _ in 1..lines {
        text.push(' ');
        text.push_str(pick(&LINES, rng));
    }
    text
}

/// A text as long as LinkedIn allows.
pub(super) fn longest(rng: &mut WorldRng) -> String {
    let mut text = String::with_capacity(LONGEST_TEXT_CHARS);
    let mut chars = 0;
    while chars < LONGEST_TEXT_CHARS {
        let line = pick(&LINES, rng);
        chars += line.chars().count() + 1;
        text.push_str(line);
        text.push(' ');
    }
    text.chars().take(LONGEST_TEXT_CHARS).collect()
}
