//! Advertisements are the one kind of message whose text is HTML in an export (official sources B3).
//!
//! Everything else that looks like HTML was written so by somebody and stays as it is. What comes out of here is text
//! for people and is escaped like any other wherever it is shown.

/// What the text of an advertisement begins with.
const BEGINNINGS: [&str; 2] = ["<p class=\"spinmail-quill-editor", "<p class='spinmail-quill-editor"];
/// Longest entity, in letters.
const ENTITY_LENGTH_MAX: usize = 10;

/// Whether a text without a sender's link is an advertisement.
pub(super) fn is_sponsored(body: &str) -> bool {
    // In bytes: what follows may be short, and a letter of several bytes.
    let body = body.trim_start().as_bytes();
    let is_begun = |known: &str| body.get(..known.len()).is_some_and(|one| one.eq_ignore_ascii_case(known.as_bytes()));
    BEGINNINGS.iter().any(|known| is_begun(known))
}

/// The text of an advertisement without its marks.
pub(super) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    // Behind the last end no mark ends: to look for it again from each beginning would take the square of the length.
    let marks_end = html.rfind('>').unwrap_or_default();
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_mark = html.len() - rest.len() < marks_end;
        let (shown, taken) = match rest.starts_with('<') {
            true if is_mark => mark(rest),
            true => ("<".to_owned(), 1),
            false => entity(rest),
        };
        text.push_str(&shown);
        rest = &rest[taken..];
    }
    text.push_str(rest);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

/// What stands for a mark, and how many bytes it has.
fn mark(text: &str) -> (String, usize) {
    let Some(end) = text.find('>') else { return ("<".to_owned(), 1) };
    let name: String = text[1..end]
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let is_end = text.starts_with("</");
    let shown = match name.as_str() {
        "br" => "\n",
        "p" | "div" | "li" | "ul" | "ol" | "h1" | "h2" | "h3" | "tr" if is_end => "\n",
        _ => "",
    };
    (shown.to_owned(), end + 1)
}

/// What an entity stands for, and how many bytes it has.
fn entity(text: &str) -> (String, usize) {
    let end = text.bytes().take(ENTITY_LENGTH_MAX).position(|byte| byte == b';');
    let Some((end, name)) = end.and_then(|end| Some((end, text.get(1..end)?))) else {
        return ("&".to_owned(), 1);
    };
    let named = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => None,
    };
    let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    });
    match named.or_else(|| number.and_then(char::from_u32)) {
        Some(letter) => (letter.to_string(), end + 1),
        None => ("&".to_owned(), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertisement_becomes_plain_text() {
        let html = "<p class=\"spinmail-quill-editor__spin-break\">Hi %FIRSTNAME%,</p><p>Tom &amp; Eva&#39;s &lt;b&gt;<br>x &unknown; 1 < 2</p>";
        assert!(is_sponsored(html));
        assert_eq!(plain(html), "Hi %FIRSTNAME%,\nTom & Eva's <b>\nx &unknown; 1");
        assert_eq!(plain("a & b < c"), "a & b < c");
    }

    #[test]
    fn what_somebody_has_written_stays() {
        assert!(!is_sponsored("<p>hello</p>"));
        assert!(!is_sponsored("see <p class=\"spinmail-quill-editor\">"));
        assert!(!is_sponsored(""));
    }

    #[test]
    fn a_short_advertisement_is_one_whatever_its_letters() {
        assert!(is_sponsored("<P class='spinmail-quill-editor'>\u{1f44d}"));
        assert!(is_sponsored("<p class=\"spinmail-quill-editor__\u{1f44d}\u{e9}\u{1f44d}\">"));
        assert!(!is_sponsored("<p class=\"spinmail-quill-"));
    }

    #[test]
    fn beginnings_without_an_end_take_no_longer_than_other_text() {
        // With a look through the rest at each of them this would take minutes.
        let html = format!("<p>Hi</p>{}", "<".repeat(1 << 20));
        let text = plain(&html);
        assert!(text.starts_with("Hi\n<<<") && text.len() == (1 << 20) + 3);
    }
}
