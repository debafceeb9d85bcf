//! Conversations as pages that open anywhere, also without a network and without scripts.
//!
//! A page loads nothing: its style is in it and named by its hash, its pictures are data. Its policy forbids everything
//! else, so that even a mistake in escaping could not run or send anything. What a stranger wrote is always escaped.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Attached, Entry, Form, Head, Spoken, Thread, in_form, one_line, push, shown};

/// Largest image that is put into a page; larger ones stand beside it.
pub const INLINE_MAX_BYTES: u64 = 4 << 20;

/// How pages look: light or dark as the reader has it, and plain on paper.
const STYLE: &str = "\
:root{color-scheme:light dark;--back:#f6f6f4;--card:#fff;--mine:#e3effd;--ink:#1d2226;--soft:#5c6670;--line:#d9dde1;--link:#0a66c2}\
@media(prefers-color-scheme:dark){:root{--back:#15181b;--card:#1f2428;--mine:#16324f;--ink:#e8eaec;--soft:#9aa4ad;--line:#343b41;--link:#7cb8f5}}\
*{box-sizing:border-box}\
body{margin:0 auto;padding:1rem;max-width:46rem;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
h1{font-size:1.4rem;margin:.5rem 0;overflow-wrap:anywhere}h2{font-size:.85rem;text-align:center;color:var(--soft);margin:1.5rem 0 .5rem}\
a{color:var(--link)}\
.soft{color:var(--soft);font-size:.85rem}\
article{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.5rem .8rem;margin:.5rem 3rem .5rem 0}\
article.mine{background:var(--mine);margin:.5rem 0 .5rem 3rem}\
article:target{outline:2px solid var(--link)}\
header b{margin-right:.5rem}\
.text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}\
blockquote{margin:.3rem 0;padding-left:.6rem;border-left:3px solid var(--line);color:var(--soft)}\
img{max-width:100%;height:auto;display:block;margin:.4rem 0;border-radius:.3rem}\
ul.plain{list-style:none;padding:0}ul.plain li{padding:.3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
@media print{body{max-width:none;background:none;color:#000}article,article.mine{background:none;break-inside:avoid;margin:.4rem 0}}";

/// The form.
#[derive(Debug, Default)]
pub struct Html {
    /// The day of the message before.
    day: String,
}

impl Form for Html {
    fn begin(&mut self, head: &Head<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let style_hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let title = escaped(&one_line(head.title));
        push(
            out,
            &format!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                 <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                 style-src 'sha256-{style_hash}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
                 <meta name=\"referrer\" content=\"no-referrer\">\n\
                 <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            ),
        );
        Ok(())
    }

    fn open(&mut self, thread: &Thread, out: &mut Vec<u8>) -> io::Result<()> {
        self.day.clear();
        let names = thread.people.iter().map(|one| escaped(&one_line(&shown(one)))).collect::<Vec<_>>().join(", ");
        let title = escaped(&one_line(&thread.title));
        push(out, &format!("<section>\n<h1 dir=\"auto\">{title}</h1>\n<p class=\"soft\" dir=\"auto\">{names}</p>\n"));
        if let Some(lack) = thread.lack() {
            push(out, &format!("<p class=\"soft\">{lack}</p>\n"));
        }
        if thread.conversation.deleted {
            push(out, "<p class=\"soft\">This conversation was deleted at LinkedIn.</p>\n");
        }
        Ok(())
    }

    fn message(&mut self, _: &Thread, spoken: &Spoken<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let at = spoken.message.delivered_at;
        let day = in_form(at, "%Y-%m-%d");
        if day != self.day {
            push(out, &format!("<h2>{day}</h2>\n"));
            self.day = day;
        }
        let mine = if spoken.is_mine { " class=\"mine\"" } else { "" };
        let fate = spoken.fate().map(|fate| format!(" ({fate})")).unwrap_or_default();
        // An id of a message has letters, digits and `-_=+/` only.
        push(out, &format!("<article id=\"{}\"{mine}>\n", spoken.message.id));
        push(
            out,
            &format!(
                "<header><b dir=\"auto\">{}</b><time class=\"soft\" datetime=\"{}\">{} UTC{fate}</time></header>\n",
                escaped(&one_line(&spoken.sender)),
                in_form(at, "%Y-%m-%dT%H:%M:%SZ"),
                in_form(at, "%H:%M"),
            ),
        );
        if let Some(subject) = &spoken.message.subject {
            push(out, &format!("<p dir=\"auto\"><b>{}</b></p>\n", escaped(&one_line(subject))));
        }
        reply(spoken, out);
        text("div", spoken.text(), out);
        for extra in spoken.extras() {
            push(out, &format!("<p class=\"soft text\" dir=\"auto\">{}</p>\n", escaped(&extra)));
        }
        spoken.attachments.iter().for_each(|one| attachment(one, out));
        if !spoken.message.reactions.is_empty() {
            push(out, &format!("<p class=\"soft\">{}</p>\n", escaped(&one_line(&spoken.reactions()))));
        }
        if spoken.with_history {
            history(spoken, out);
        }
        push(out, "</article>\n");
        Ok(())
    }

    fn close(&mut self, _: &Thread, out: &mut Vec<u8>) -> io::Result<()> {
        push(out, "</section>\n");
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        push(out, "</body>\n</html>\n");
        Ok(())
    }

    fn index(&mut self, head: &Head<'_>, entries: &[Entry], out: &mut Vec<u8>) -> io::Result<()> {
        self.begin(head, out)?;
        push(out, &format!("<h1 dir=\"auto\">{}</h1>\n<ul class=\"plain\">\n", escaped(&one_line(head.title))));
        for entry in entries {
            push(
                out,
                &format!(
                    "<li><a href=\"{}\" dir=\"auto\">{}</a> <span class=\"soft\">{}, {} messages</span></li>\n",
                    entry.file,
                    escaped(&one_line(&entry.title)),
                    in_form(entry.last_activity_at, "%Y-%m-%d"),
                    entry.messages
                ),
            );
        }
        push(out, "</ul>\n");
        self.end(out)
    }
}

fn reply(spoken: &Spoken<'_>, out: &mut Vec<u8>) {
    let Some((message, body)) = spoken.reply() else { return };
    let link = message.map(|id| format!("<a href=\"#{id}\" class=\"soft\">in reply to</a> ")).unwrap_or_default();
    push(out, &format!("<blockquote class=\"text\" dir=\"auto\">{link}{}</blockquote>\n", escaped(body)));
}

fn history(spoken: &Spoken<'_>, out: &mut Vec<u8>) {
    for prior in &spoken.message.prior {
        let until = in_form(prior.replaced_at, "%Y-%m-%d %H:%M");
        push(out, &format!("<details><summary class=\"soft\">before {until} UTC</summary>\n"));
        text("div", &prior.body, out);
        push(out, "</details>\n");
    }
}

fn text(tag: &str, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        push(out, &format!("<{tag} class=\"text\" dir=\"auto\">{}</{tag}>\n", escaped(text)));
    }
}

fn attachment(one: &Attached, out: &mut Vec<u8>) {
    let name = escaped(&one_line(&one.name));
    let is_small = one.size_bytes.is_some_and(|size| size <= INLINE_MAX_BYTES);
    match (&one.bytes, one.media_type, &one.file) {
        (Some(bytes), Some(media_type), _) if one.is_image && is_small => {
            push(out, &format!("<img alt=\"{name}\" src=\"data:{media_type};base64,"));
            push(out, &STANDARD.encode(bytes));
            push(out, "\">\n");
        }
        // The name of the file is one of ours: letters, digits, `-`, `.` and `/`.
        (_, _, Some(file)) => {
            push(out, &format!("<p><a href=\"{file}\" download=\"{name}\" dir=\"auto\">{name}</a></p>\n"));
        }
        _ => push(out, &format!("<p class=\"soft\" dir=\"auto\">{}: {name}</p>\n", escaped(&one.kind))),
    }
}

/// Text in which nothing means anything to HTML, in elements and in attributes with quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            '\r' => {}
            letter if letter.is_control() => escaped.push('\u{FFFD}'),
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
    fn row_36_hostile_text_stays_text_and_a_page_loads_nothing() {
        let hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(1)>&lt;b&gt;\0";
        let kept = message(hostile);
        let mut one = spoken(&kept, hostile);
        one.attachments = vec![attached("\" onerror=\"x.png", b"png", true), attached("<b>.pdf", b"pdf", false)];
        let text = file(&mut Html::default(), &thread(Some(hostile), &[hostile]), &one);
        for forbidden in ["<script", "<svg", "<b>.", "\0", "<img src", "http://", "https://", "url("] {
            assert!(!text.contains(forbidden), "{forbidden}: {text}");
        }
        assert_eq!(text.matches("<img ").count(), 1);
        assert!(text.contains("alt=\"&quot; onerror=&quot;x.png\" src=\"data:image/png;base64,cG5n\">"), "{text}");
        assert!(text.contains("&amp;lt;b&amp;gt;\u{FFFD}"), "{text}");
    }

    #[test]
    fn the_policy_names_the_style_that_is_there() {
        let text = file(&mut Html::default(), &thread(None, &["Olga"]), &spoken(&message("x"), "Olga"));
        let style = text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(text.contains(&format!("default-src 'none'; style-src 'sha256-{hash}'; img-src data:;")), "{text}");
        assert!(text.ends_with("</section>\n</body>\n</html>\n"), "{text}");
    }
}
