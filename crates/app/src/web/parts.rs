//! What a message carries besides its text: images and files from our own copy, quotes, and everything else in words.
//!
//! An image is shown only when its bytes are here and were seen to be one of the few kinds that are safe to show.

use threadkeep_core::content::Content;
use threadkeep_core::id::{MessageId, PersonId};
use threadkeep_core::message::Message;
use threadkeep_core::time::Timestamp;

use super::inbox::encoded;
use super::message::{Around, message_href, name_of};
use super::text::{Piece, SHOWN_MAX, line, link, pieces};
use super::when::{self, Stamp};
use crate::store::{Account, AttachmentRow, AttachmentState};
use crate::verbs::media;
use crate::verbs::read::MessagesPage;

/// Longest name of a file, in characters.
const NAME_MAX: usize = 120;
/// Longest text of a reply's original, which has a place of its own, and of a note, in characters.
const QUOTE_MAX: usize = 600;

/// A part of a message.
pub(super) enum Part {
    /// An image that is here.
    Image {
        /// Where.
        href: String,
        /// For those who do not see it.
        words: String,
    },
    /// A file, or anything that cannot be shown in place.
    File(FilePart),
    /// Another message, quoted or forwarded.
    Quote {
        /// `Reply to`, `Forwarded from`, or `Forwarded` where nobody is named.
        how: &'static str,
        /// Whom.
        name: String,
        /// When it was sent.
        at: Option<Stamp>,
        /// Its text.
        text: Vec<Piece>,
        /// Whether there is more of it.
        is_cut: bool,
        /// Where it is, when it is here.
        href: Option<String>,
    },
    /// Anything else in words.
    Note {
        /// What it is.
        what: &'static str,
        /// Its text.
        text: String,
        /// Where it leads.
        link: Option<String>,
    },
}

/// A file.
pub(super) struct FilePart {
    /// What the sender called it, or what it is.
    pub(super) name: String,
    /// Kind and size.
    pub(super) about: String,
    /// Where its bytes are, when they are here.
    pub(super) href: Option<String>,
    /// Why they are not.
    pub(super) missing: Option<&'static str>,
    /// The message and the place by which they can be asked for.
    pub(super) fetch: Option<(String, String, u32)>,
}

/// A part of a message for one of its contents; none for what says nothing to a person.
pub(super) fn part(
    around: &Around<'_>,
    message: &Message,
    content: &Content,
    (ordinal, row): (Option<u32>, Option<&AttachmentRow>),
) -> Option<Part> {
    let account = around.account;
    if let Some(ordinal) = ordinal {
        return Some(attachment((message, account), content, (ordinal, row, around.may_media)));
    }
    let note = |what: &'static str, text: &str| Some(Part::Note { what, text: line(text, QUOTE_MAX), link: None });
    match content {
        Content::Forwarded { body, sender, sent_at } => {
            // It is nowhere else: as much of it is shown as of a message.
            let shown_max = around.shown_max(message, SHOWN_MAX);
            let how = sender.as_ref().map_or("Forwarded", |_| "Forwarded from");
            Some(quote(around.page, how, (body, shown_max), (sender.as_ref(), *sent_at, None)))
        }
        Content::Reply { body, message: original, sender, sent_at } => {
            let href = original.as_ref().map(|id| message_href(account, &message.conversation, id, around.list));
            let shown_max = around.shown_max(message, QUOTE_MAX);
            Some(quote(around.page, "Reply to", (body, shown_max), (sender.as_ref(), *sent_at, href)))
        }
        Content::HostUrn { type_name, urn } => Some(Part::Note {
            what: "Shared",
            text: line(type_name.as_deref().unwrap_or("something on LinkedIn"), NAME_MAX),
            link: urn.as_deref().and_then(on_linkedin),
        }),
        Content::Away { text } => note("Away message", text.as_deref().unwrap_or_default()),
        Content::Ad { .. } => note("Advertisement", ""),
        Content::Meeting { .. } => note("Meeting", "its details are in the stored record"),
        Content::Call { .. } => note("Call", "its details are in the stored record"),
        Content::Unavailable => note("Not available", "LinkedIn does not show this part any more"),
        Content::Unknown { key, .. } => note("Kept, but not understood", key),
        _ => None,
    }
}

fn attachment(
    (message, account): (&Message, &Account),
    content: &Content,
    (ordinal, row, may_media): (u32, Option<&AttachmentRow>, bool),
) -> Part {
    let name = name(content);
    let stored = row.filter(|row| row.state == AttachmentState::Stored).and_then(|row| row.object.as_ref());
    let href = stored.filter(|_| may_media).map(|_| attachment_href(account, &message.id, ordinal));
    let is_image = row.and_then(media::kept).is_some_and(|kept| kept.is_image);
    if let (Some(href), true) = (&href, is_image) {
        return Part::Image { href: href.clone(), words: name };
    }
    let about = match stored {
        Some(object) => format!("{} · {}", object.media_type, size(object.size_bytes)),
        None => declared(content),
    };
    let missing = if href.is_some() { None } else { Some(why(row, may_media)) };
    let may_ask = may_media && stored.is_none() && row.is_none_or(|row| may_be_asked_for(row.state));
    let fetch = may_ask.then(|| (account.id.to_string(), message.id.to_string(), ordinal));
    Part::File(FilePart { name, about, href, missing, fetch })
}

/// Where the bytes of an attachment are.
fn attachment_href(account: &Account, message: &MessageId, ordinal: u32) -> String {
    format!("/ui/media/{}/{}/{ordinal}", account.id, encoded(message.as_str()))
}

fn may_be_asked_for(state: AttachmentState) -> bool {
    matches!(state, AttachmentState::Remote | AttachmentState::Failed)
}

fn why(row: Option<&AttachmentRow>, may_media: bool) -> &'static str {
    match row.map(|row| row.state) {
        Some(AttachmentState::Stored) if !may_media => "here, but this key lacks the scope media",
        Some(AttachmentState::Wanted) => "on its way: load the page again in a moment",
        Some(AttachmentState::Refused) => "not kept: too large, or not what it says it is",
        Some(AttachmentState::Gone) => "LinkedIn does not have it any more",
        Some(AttachmentState::Failed) => "could not be fetched",
        _ => "not copied yet",
    }
}

fn quote(
    page: &MessagesPage,
    how: &'static str,
    (body, shown_max): (&str, usize),
    (sender, sent_at, href): (Option<&PersonId>, Option<Timestamp>, Option<String>),
) -> Part {
    let name = sender.map(|sender| name_of(page, Some(sender))).unwrap_or_default();
    let (text, is_cut) = pieces(body, shown_max);
    Part::Quote { how, name, at: sent_at.map(when::full), text, is_cut, href }
}

fn name(content: &Content) -> String {
    let (given, kind) = match content {
        Content::Image { .. } => (None, "Image"),
        Content::File { name, .. } => (name.as_deref(), "File"),
        Content::Video { .. } => (None, "Video"),
        Content::Audio { .. } => (None, "Voice message"),
        Content::External { title, .. } => (title.as_deref(), "Moving image"),
        _ => (None, "Attachment"),
    };
    given.map(|name| line(name, NAME_MAX)).filter(|name| !name.is_empty()).unwrap_or_else(|| kind.to_owned())
}

fn declared(content: &Content) -> String {
    match content {
        Content::File { byte_size: Some(bytes), .. } => size(u64::try_from(*bytes).unwrap_or_default()),
        Content::Video { duration_ms: Some(ms), .. } | Content::Audio { duration_ms: Some(ms), .. } => {
            let seconds = ms.max(&0) / 1_000;
            format!("{}:{:02}", seconds / 60, seconds % 60)
        }
        _ => String::new(),
    }
}

/// A number of bytes in words.
pub(super) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

/// A number with its thousands apart.
pub(super) fn number(count: &u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The page of a post on LinkedIn.
fn on_linkedin(urn: &str) -> Option<String> {
    let is_plain = urn.starts_with("urn:li:") && urn.len() <= NAME_MAX && !urn.contains(['/', '?', '#', '%']);
    is_plain.then(|| link(&format!("https://www.linkedin.com/feed/update/{urn}/"))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_words() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(|count| number(&count)), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 20_480, 1_250_000, 3_000_000_000].map(size), ["0 B", "999 B", "20 kB", "1.2 MB", "3.0 GB"]);
    }

    #[test]
    fn a_shared_thing_leads_to_linkedin_or_nowhere() {
        assert_eq!(
            on_linkedin("urn:li:activity:7").as_deref(),
            Some("https://www.linkedin.com/feed/update/urn:li:activity:7/")
        );
        for urn in ["javascript:alert(1)", "urn:li:x/../y", "urn:li:x?y", "https://evil.test"] {
            assert_eq!(on_linkedin(urn), None, "{urn}");
        }
    }
}
