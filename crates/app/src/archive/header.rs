//! The header of `messages.csv` in every form that LinkedIn has given it (official sources B2).
//!
//! Columns come and go in any combination, so they are found by their names and never by their places.

use super::table::Record;

/// Records that are looked at for a header; what stands before it is skipped.
pub(super) const HEADER_WITHIN: usize = 100;
/// How many columns there are.
const COLUMNS: usize = 14;

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    ConversationId,
    ConversationTitle,
    From,
    SenderProfileUrl,
    To,
    RecipientProfileUrls,
    Date,
    Subject,
    Content,
    Folder,
    Attachments,
    IsMessageDraft,
    IsConversationDraft,
    Direction,
}

const NAMES: [(Column, &str); COLUMNS] = [
    (Column::ConversationId, "CONVERSATION ID"),
    (Column::ConversationTitle, "CONVERSATION TITLE"),
    (Column::From, "FROM"),
    (Column::SenderProfileUrl, "SENDER PROFILE URL"),
    (Column::To, "TO"),
    (Column::RecipientProfileUrls, "RECIPIENT PROFILE URLS"),
    (Column::Date, "DATE"),
    (Column::Subject, "SUBJECT"),
    (Column::Content, "CONTENT"),
    (Column::Folder, "FOLDER"),
    (Column::Attachments, "ATTACHMENTS"),
    (Column::IsMessageDraft, "IS MESSAGE DRAFT"),
    (Column::IsConversationDraft, "IS CONVERSATION DRAFT"),
    (Column::Direction, "DIRECTION"),
];

/// Where each column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    places: [Option<usize>; COLUMNS],
    /// How many columns the file has, known or not.
    pub(super) width: usize,
}

impl Header {
    /// Reads a record as the header, if it is one.
    pub(super) fn read(record: &Record<'_>) -> Option<Self> {
        let names: Vec<String> = record.cells().map(normal).collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let mut places = [None; COLUMNS];
        for (column, name) in NAMES {
            places[column as usize] = place(name);
        }
        let header = Self { places, width: names.len() };
        let has = |column: Column| header.place(column).is_some();
        let tells_something = has(Column::Content) || has(Column::Attachments);
        (has(Column::From) && tells_something).then_some(header)
    }

    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }
}

/// A name without case, marks and the ways to write a blank.
pub(super) fn normal(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell).replace(['\u{feff}', '"', '\''], "").replace('_', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::table::Table;

    fn header(text: &str) -> Option<Header> {
        let mut table = Table::new(text.as_bytes());
        table.next().unwrap().and_then(|record| Header::read(&record))
    }

    #[test]
    fn names_are_found_in_any_case_and_place() {
        let found = header("\u{feff}\"Content\", from ,Sender_Profile_URL,whatever\n").unwrap();
        assert_eq!((found.place(Column::Content), found.place(Column::From), found.width), (Some(0), Some(1), 4));
        assert_eq!((found.place(Column::SenderProfileUrl), found.place(Column::Date)), (Some(2), None));
    }

    #[test]
    fn what_tells_neither_who_nor_what_is_no_header() {
        for text in ["Notes:\n", "FROM,DATE\n", "CONTENT,DATE\n", "No conversations found\n"] {
            assert_eq!(header(text), None, "{text}");
        }
    }
}
