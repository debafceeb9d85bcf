//! Messages as comma-separated values (RFC 4180), for spreadsheets.
//!
//! A spreadsheet takes a cell that begins like a formula for one, and a formula can send data away. Such a cell gets an
//! apostrophe in front; who wants the exact text takes JSON Lines. Nothing that a stranger wrote may begin a cell as it is.

use std::io;

use threadkeep_core::attachment::attachments;

use super::{Form, Head, Spoken, Thread, date_time, shown};

/// The columns; new ones are added at the end.
pub const COLUMNS: [&str; 17] = [
    "account_id",
    "conversation_id",
    "conversation_title",
    "participants",
    "message_id",
    "sent_at",
    "sender_id",
    "sender_name",
    "is_mine",
    "subject",
    "body",
    "format",
    "deleted",
    "reply_to",
    "reactions",
    "attachments",
    "earlier_texts",
];
/// What a cell must not begin with, with the wide forms that some programs take for the same (ASVS 1.2.10).
const FORMULA_BEGINNINGS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];
/// Tells programs that expect another encoding that this is UTF-8.
const BOM: &[u8] = "\u{FEFF}".as_bytes();

/// The form.
#[derive(Debug, Default)]
pub struct Csv {
    has_bom: bool,
    account: String,
    participants: String,
}

impl Csv {
    /// With a byte order mark, Excel reads the file as UTF-8.
    pub fn new(has_bom: bool) -> Self {
        Self { has_bom, ..Self::default() }
    }
}

impl Form for Csv {
    fn begin(&mut self, head: &Head<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        self.account = head.account.to_string();
        if self.has_bom {
            out.extend_from_slice(BOM);
        }
        row(out, COLUMNS.iter().copied());
        Ok(())
    }

    fn open(&mut self, thread: &Thread, _: &mut Vec<u8>) -> io::Result<()> {
        self.participants = thread.people.iter().map(shown).collect::<Vec<_>>().join("; ");
        Ok(())
    }

    fn message(&mut self, thread: &Thread, spoken: &Spoken<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let message = spoken.message;
        let flag = |is_set: bool| if is_set { "1" } else { "0" };
        let names = attachments(&message.content).map(|one| one.name().unwrap_or(one.kind()).to_owned());
        let earlier = message.prior.iter().map(|prior| prior.body.as_str());
        let earlier = if spoken.with_history { earlier.collect::<Vec<_>>().join("\n---\n") } else { String::new() };
        row(
            out,
            [
                self.account.as_str(),
                thread.conversation.id.as_str(),
                &thread.title,
                &self.participants,
                message.id.as_str(),
                &date_time(message.delivered_at),
                message.sender.as_ref().map_or("", |id| id.as_str()),
                &spoken.sender,
                flag(spoken.is_mine),
                message.subject.as_deref().unwrap_or_default(),
                spoken.text(),
                message.format.as_str(),
                flag(message.deleted || thread.conversation.deleted),
                spoken.reply().and_then(|(id, _)| id).unwrap_or_default(),
                &spoken.reactions(),
                &names.collect::<Vec<_>>().join("; "),
                &earlier,
            ],
        );
        Ok(())
    }
}

fn row<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
    for (position, text) in cells.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        cell(out, text);
    }
    out.extend_from_slice(b"\r\n");
}

fn cell(out: &mut Vec<u8>, text: &str) {
    let guard = if text.starts_with(FORMULA_BEGINNINGS) { "'" } else { "" };
    if guard.is_empty() && !text.contains(['"', ',', '\r', '\n', '\0', ' ']) {
        return out.extend_from_slice(text.as_bytes());
    }
    // A null character ends the file for some readers.
    let text = text.replace('"', "\"\"").replace('\0', "\u{FFFD}");
    out.extend_from_slice(format!("\"{guard}{text}\"").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, message, spoken, thread};
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        cell(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn row_35_a_cell_is_never_a_formula() {
        let cases = [
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\0=1", "\"'\u{FFFD}=1\""),
            ("＝1", "\"'＝1\""),
            ("=HYPERLINK(\"http://a\",\"b\")", "\"'=HYPERLINK(\"\"http://a\"\",\"\"b\"\")\""),
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a\"b\nc", "\"a\"\"b\nc\""),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(written(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let thread = thread(Some("=team"), &["Olga"]);
        let text = file(&mut Csv::new(true), &thread, &spoken(&message("hi, \"you\""), "@Olga"));
        let text = text.strip_prefix('\u{FEFF}').unwrap();
        let expected = "0123456789abcdef01234567,2-c,\"'=team\",Olga,2-m,2026-01-02T03:04:05.006Z,,\"'@Olga\",0,,\
             \"hi, \"\"you\"\"\",EDITED,0,,,,before\r\n";
        assert_eq!(text, format!("{}\r\n{expected}", COLUMNS.join(",")));
    }
}
