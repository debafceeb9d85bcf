//! Conversations as Markdown, to read anywhere and to keep in notes.
//!
//! Every mark of Markdown and HTML in a stranger's text is escaped, so that it shows as it was written and makes no
//! heading, link, picture or script.

use std::io;

use super::{Attached, Entry, Form, Head, Spoken, Thread, in_form, one_line, push, shown};

/// The form.
#[derive(Debug, Default)]
pub struct Markdown {
    /// The day of the message before.
    day: String,
}

impl Form for Markdown {
    fn begin(&mut self, _: &Head<'_>, _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }

    fn open(&mut self, thread: &Thread, out: &mut Vec<u8>) -> io::Result<()> {
        self.day.clear();
        let names = thread.people.iter().map(|one| escaped_line(&shown(one))).collect::<Vec<_>>().join(", ");
        push(out, &format!("# {}\n\n", escaped_line(&thread.title)));
        push(out, &format!("Participants: {names}\\\nConversation: `{}`\n\n", thread.conversation.id));
        if let Some(lack) = thread.lack() {
            push(out, &format!("*{lack}*\n\n"));
        }
        if thread.conversation.deleted {
            push(out, "*This conversation was deleted at LinkedIn.*\n\n");
        }
        Ok(())
    }

    fn message(&mut self, _: &Thread, spoken: &Spoken<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let at = spoken.message.delivered_at;
        let day = in_form(at, "%Y-%m-%d");
        if day != self.day {
            push(out, &format!("## {day}\n\n"));
            self.day = day;
        }
        let fate = spoken.fate().map(|fate| format!(" *({fate})*")).unwrap_or_default();
        push(out, &format!("**{}** {} UTC{fate}\n\n", escaped_line(&spoken.sender), in_form(at, "%H:%M:%S")));
        if let Some(subject) = &spoken.message.subject {
            push(out, &format!("Subject: {}\n\n", escaped_line(subject)));
        }
        if let Some((_, body)) = spoken.reply() {
            quote(out, body);
        }
        paragraph(out, spoken.text());
        for extra in spoken.extras() {
            push(out, &format!("*{}*\n\n", escaped_line(&extra).trim()));
        }
        for one in &spoken.attachments {
            push(out, &format!("- {}\n", attachment(one)));
        }
        if !spoken.attachments.is_empty() {
            push(out, "\n");
        }
        if !spoken.message.reactions.is_empty() {
            push(out, &format!("Reactions: {}\n\n", escaped_line(&spoken.reactions())));
        }
        if spoken.with_history {
            for prior in &spoken.message.prior {
                push(out, &format!("Before {} UTC:\n\n", in_form(prior.replaced_at, "%Y-%m-%d %H:%M:%S")));
                quote(out, &prior.body);
            }
        }
        Ok(())
    }

    fn index(&mut self, head: &Head<'_>, entries: &[Entry], out: &mut Vec<u8>) -> io::Result<()> {
        push(out, &format!("# {}\n\n", escaped_line(head.title)));
        for entry in entries {
            let day = in_form(entry.last_activity_at, "%Y-%m-%d");
            let title = escaped_line(&entry.title);
            push(out, &format!("- {day} [{title}]({}) ({} messages)\n", entry.file, entry.messages));
        }
        Ok(())
    }
}

fn attachment(one: &Attached) -> String {
    let name = escaped_line(&one.name);
    match (&one.file, one.is_image) {
        (Some(file), true) => format!("![{name}]({file})"),
        (Some(file), false) => format!("[{name}]({file})"),
        (None, _) => format!("{}: {name}", one.kind),
    }
}

fn paragraph(out: &mut Vec<u8>, text: &str) {
    let lines = lines(text);
    if !lines.is_empty() {
        push(out, &lines.join("\n"));
        push(out, "\n\n");
    }
}

fn quote(out: &mut Vec<u8>, text: &str) {
    for line in lines(text) {
        push(out, &format!("> {line}\n"));
    }
    push(out, "\n");
}

/// The lines of a text, each with what keeps it a line of its own.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let text = text.trim_end_matches('\n');
    if text.is_empty() {
        return Vec::new();
    }
    let all: Vec<&str> = text.split('\n').collect();
    let line = |(at, line): (usize, &&str)| {
        // An empty line would end the paragraph, and blanks in front could make a block of code.
        let indent = line.chars().take_while(|one| one.is_whitespace()).count();
        let rest: String = line.chars().skip(indent).collect();
        let shown = match rest.is_empty() {
            true => "&nbsp;".to_owned(),
            false => format!("{}{}", "&nbsp;".repeat(indent.min(40)), escaped_line(rest.trim_end())),
        };
        if at + 1 < all.len() { format!("{shown}\\") } else { shown }
    };
    all.iter().enumerate().map(line).collect()
}

/// One line in which nothing means anything to Markdown.
fn escaped_line(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in one_line(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '.' | '!' | '|' | '~'
            | '=' | '$' | '^' | '@' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::tests::{attached, file, message, spoken, thread};
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let body = "# no heading\n    no code\n\n![x](http://evil.example/p.png) <script>alert(1)</script>\n1. no list";
        let thread = thread(Some("[click](javascript:alert(1))\n# two"), &["<b>Olga</b>"]);
        let text = file(&mut Markdown::default(), &thread, &spoken(&message(body), "**Olga**"));
        assert!(text.starts_with("# \\[click\\]\\(javascript:alert\\(1\\)\\) \\# two\n"), "{text}");
        assert!(text.contains("\\# no heading\\\n&nbsp;&nbsp;&nbsp;&nbsp;no code\\\n&nbsp;\\\n"), "{text}");
        assert!(text.contains("\\!\\[x\\]\\(http://evil\\.example/p\\.png\\) &lt;script&gt;"), "{text}");
        assert!(!text.contains("<script") && !text.contains("](http") && !text.contains("<b>"), "{text}");
    }

    #[test]
    fn attachments_are_links_to_files_beside() {
        let kept = message("see");
        let mut one = spoken(&kept, "Olga");
        one.attachments =
            vec![Attached { file: Some("media/ab-plan.pdf".into()), ..attached("plan [1].pdf", b"x", false) }];
        let text = file(&mut Markdown::default(), &thread(None, &["Olga"]), &one);
        assert!(text.contains("- [plan \\[1\\]\\.pdf](media/ab-plan.pdf)\n"), "{text}");
        assert!(text.contains("*(edited)*") && text.contains("> before\n"), "{text}");
    }
}
