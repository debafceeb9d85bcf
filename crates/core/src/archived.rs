//! A message as LinkedIn's own data export tells it, and the people around it.
//!
//! A row has no id of a message, tells seconds, and names people by links or by names alone. What it does not tell must
//! never replace what another source has told; that is decided where it is taken in.

use crate::content::Content;
use crate::id::{ConversationId, PersonId};
use crate::identity::{comparable_link, comparable_name};

/// The second that rows without one are noted under: before every real one, and the same wherever they stand.
pub const UNDATED_SECOND: i64 = -(1 << 40);

/// Somebody as a row names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedPerson {
    /// The id that the link or the name was made into.
    pub id: PersonId,
    /// The slug of the profile in its normal form, where there was a link.
    pub slug: Option<String>,
    /// The name as shown; empty when the row has none or names nobody.
    pub name: String,
    /// The link to the profile.
    pub link: Option<String>,
}

impl ArchivedPerson {
    /// First and last name: what stands before and after the first blank.
    pub fn names(&self) -> (&str, &str) {
        match self.link {
            Some(_) => self.name.split_once(' ').unwrap_or((&self.name, "")),
            None => (&self.name, ""),
        }
    }

    /// The name as it is compared.
    pub fn comparable(&self) -> String {
        comparable_name(&self.name)
    }
}

/// A row of the messages of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivedMessage {
    /// Which thread; made of the names of those in it when the export gives no id.
    pub conversation: ConversationId,
    /// Whether the id of the thread was made here.
    pub is_thread_derived: bool,
    /// Name of the conversation.
    pub title: Option<String>,
    /// The second in which it was sent, counted from 1970.
    pub second: Option<i64>,
    /// The second that stands for it in order when it has none of its own.
    pub ordered_at: i64,
    /// Its place among those of the same second, oldest lowest.
    pub rank: u8,
    /// Who wrote it.
    pub sender: Option<ArchivedPerson>,
    /// Whom it was sent to, as far as they can be told apart.
    pub recipients: Vec<ArchivedPerson>,
    /// Its text.
    pub body: String,
    /// Subject of an InMail.
    pub subject: Option<String>,
    /// What was attached.
    pub content: Vec<Content>,
    /// The folder in LinkedIn's name, `INBOX` when none is told.
    pub category: String,
    /// Whether it is an advertisement.
    pub is_sponsored: bool,
    /// A hash of all that makes it this row (official sources 4.3).
    pub fingerprint: String,
}

impl ArchivedMessage {
    /// The second under which the row is noted and looked for: not that of its neighbours, which differ in every archive.
    pub fn noted_second(&self) -> i64 {
        self.second.unwrap_or(UNDATED_SECOND)
    }

    /// The links to what is attached, as they are compared.
    pub fn comparable_links(urls: &[String]) -> impl Iterator<Item = String> {
        let mut links: Vec<String> = urls.iter().map(|url| comparable_link(url)).collect();
        links.sort_unstable();
        links.into_iter()
    }
}
