//! The rows of `messages.csv` as messages (official sources B3).
//!
//! A row that lacks something is still taken in, and counted; a row that is none is told with its line. No text of a row
//! is ever in an error.

use std::borrow::Cow;
use std::io::Read;

use threadkeep_core::archived::{ArchivedMessage, ArchivedPerson};
use threadkeep_core::content::Content;
use threadkeep_core::id::{ConversationId, PersonId};
use threadkeep_core::identity::{ARCHIVE_PREFIX, NOBODY, ProfileSlug, comparable_name, profiles_in, row_identity};

use super::dates::second_of;
use super::header::{Column, HEADER_WITHIN, Header};
use super::names;
use super::report::ImportReport;
use super::sponsored;
use super::survey::{Owner, Survey};
use super::table::{Record, Table};
use super::{ArchiveError, Bundle, digest};

/// Rows that are handed on at once.
pub const BATCH_ROWS: usize = 500;
/// Bytes of text that are handed on at once, from which on a batch ends.
const BATCH_BYTES: usize = 1 << 20;
/// Most attachments of a row.
const ATTACHMENTS_MAX: usize = 100;
/// Most people of a row who are known by their names alone.
const NAMED_MAX: usize = 1_000;
/// The rank of the newest of one second.
const RANK_NEWEST: u8 = 99;
/// Longest name of a folder that is kept.
const FOLDER_LENGTH_MAX: usize = 64;

/// The cells of a row, as text.
pub(super) struct Cells<'a> {
    pub(super) conversation: Cow<'a, str>,
    pub(super) title: Cow<'a, str>,
    pub(super) from: Cow<'a, str>,
    pub(super) sender_url: Cow<'a, str>,
    pub(super) to: Cow<'a, str>,
    pub(super) recipient_urls: Cow<'a, str>,
    pub(super) date: Cow<'a, str>,
    pub(super) subject: Cow<'a, str>,
    pub(super) content: Cow<'a, str>,
    pub(super) folder: Cow<'a, str>,
    pub(super) attachments: Cow<'a, str>,
    pub(super) is_outgoing: bool,
    pub(super) is_draft: bool,
    /// Whether some bytes were no text and were replaced.
    pub(super) is_repaired: bool,
}

impl<'a> Cells<'a> {
    pub(super) fn read(header: &Header, record: &'a Record<'a>) -> Self {
        let mut is_repaired = false;
        let mut cell = |column| -> Cow<'a, str> {
            let bytes = header.place(column).map_or(&[][..], |at| record.cell(at));
            let text = String::from_utf8_lossy(bytes);
            is_repaired |= matches!(text, Cow::Owned(_));
            text
        };
        let is_yes = |text: &str| ["yes", "true", "1"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes));
        let drafts = [cell(Column::IsMessageDraft), cell(Column::IsConversationDraft)];
        Self {
            conversation: trimmed(cell(Column::ConversationId)),
            title: trimmed(cell(Column::ConversationTitle)),
            from: cut(trimmed(cell(Column::From))),
            sender_url: trimmed(cell(Column::SenderProfileUrl)),
            to: trimmed(cell(Column::To)),
            recipient_urls: cell(Column::RecipientProfileUrls),
            date: cell(Column::Date),
            subject: cell(Column::Subject),
            content: cell(Column::Content),
            folder: trimmed(cell(Column::Folder)),
            attachments: cell(Column::Attachments),
            is_outgoing: cell(Column::Direction).trim().eq_ignore_ascii_case("outgoing"),
            is_draft: drafts.iter().any(|text| is_yes(text)),
            is_repaired,
        }
    }

    /// A record of one cell among records of many is no row: a note, or a line that was torn apart.
    pub(super) fn is_row(header: &Header, record: &Record<'_>) -> bool {
        header.width < 2 || record.len() > 1
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn cut(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(names::cut(name)),
        Cow::Owned(name) => Cow::Owned(names::cut(&name).to_owned()),
    }
}

/// The first record that is a header.
pub(super) fn find_header<R: Read>(table: &mut Table<R>) -> Result<Option<Header>, ArchiveError> {
    for _ in 0..HEADER_WITHIN {
        match table.next()? {
            Some(record) => {
                if let Some(header) = Header::read(&record) {
                    return Ok(Some(header));
                }
            }
            None => break,
        }
    }
    Ok(None)
}

/// Reads an export's messages in batches.
pub struct Rows {
    table: Table<Box<dyn Read + Send>>,
    header: Header,
    owner: Option<Owner>,
    names: super::neighbours::KnownNames,
    /// The thread, second and rank of the last row, and the last second that was told in its thread.
    last: Option<(ConversationId, Option<i64>, u8)>,
    last_second: Option<(ConversationId, i64)>,
    report: ImportReport,
}

impl Rows {
    /// Begins to read what a survey has found sound.
    pub fn open(bundle: &Bundle, survey: &Survey) -> Result<Self, ArchiveError> {
        let mut table = Table::new(bundle.read(&survey.part)?);
        let header = find_header(&mut table)?
            .ok_or_else(|| ArchiveError::rejected("the messages of the archive have changed while they were read"))?;
        Ok(Self {
            table,
            header,
            owner: survey.owner.clone(),
            names: survey.names.clone(),
            last: None,
            last_second: None,
            report: survey.report(),
        })
    }

    /// What was read and skipped so far.
    pub fn report(&self) -> &ImportReport {
        &self.report
    }

    /// How many bytes were read.
    pub fn bytes_read(&self) -> u64 {
        self.table.bytes_read
    }

    /// The next rows; none at the end.
    pub fn next_batch(&mut self) -> Result<Vec<ArchivedMessage>, ArchiveError> {
        let mut batch = Vec::with_capacity(BATCH_ROWS);
        let mut bytes = 0;
        while batch.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(record) = self.table.next()? else { break };
            if !Cells::is_row(&self.header, &record) {
                self.report.note_bad(record.line, "it has one cell only");
                continue;
            }
            self.report.rows += 1;
            let cells = Cells::read(&self.header, &record);
            self.report.repaired += u64::from(cells.is_repaired);
            if cells.is_draft {
                self.report.skipped.drafts += 1;
                continue;
            }
            let reading = Reading { owner: self.owner.as_ref(), names: &self.names };
            let Some(mut message) = reading.message(&cells, &mut self.report)? else {
                self.report.note_bad(record.line, "it has neither a text nor a sender nor a date");
                continue;
            };
            place(&mut message, &mut self.last, &mut self.last_second);
            bytes += text_bytes(&message);
            batch.push(message);
        }
        Ok(batch)
    }
}

/// How much memory the texts of a row take.
fn text_bytes(row: &ArchivedMessage) -> usize {
    let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let of_person = |one: &ArchivedPerson| one.id.as_str().len() + one.name.len() + of(&one.slug) + of(&one.link);
    let of_content = |one: &Content| match one {
        Content::Image { url, .. } | Content::Video { url, .. } | Content::File { url, .. } => of(url),
        _ => 0,
    };
    let people: usize = row.sender.iter().chain(&row.recipients).map(of_person).sum();
    let content: usize = row.content.iter().map(of_content).sum();
    row.body.len() + of(&row.subject) + of(&row.title) + people + content
}

/// Gives a row its place among its neighbours: a file is newest first within a conversation.
fn place(
    message: &mut ArchivedMessage,
    last: &mut Option<(ConversationId, Option<i64>, u8)>,
    last_second: &mut Option<(ConversationId, i64)>,
) {
    message.rank = match last {
        Some((thread, second, rank)) if *thread == message.conversation && *second == message.second => {
            rank.saturating_sub(1)
        }
        _ => RANK_NEWEST,
    };
    *last = Some((message.conversation.clone(), message.second, message.rank));
    let before = last_second.as_ref().filter(|(thread, _)| *thread == message.conversation).map(|(_, second)| *second);
    message.ordered_at = message.second.or(before).unwrap_or(0);
    if let Some(second) = message.second {
        *last_second = Some((message.conversation.clone(), second));
    }
}

/// The id of a thread that is known by those in it alone, the owner left out.
pub fn conversation_of_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<ConversationId> {
    // Whoever is hidden has no name in one source and a stand-in for one in the other.
    let is_known = |name: &String| !name.is_empty() && name != NOBODY;
    let mut names: Vec<String> = names.map(comparable_name).filter(is_known).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return None;
    }
    ConversationId::new(&format!("{ARCHIVE_PREFIX}{}", digest(&names.join("\u{1f}")))).ok()
}

struct Reading<'a> {
    owner: Option<&'a Owner>,
    names: &'a super::neighbours::KnownNames,
}

impl Reading<'_> {
    fn message(&self, cells: &Cells<'_>, report: &mut ImportReport) -> Result<Option<ArchivedMessage>, ArchiveError> {
        let second = second_of(&cells.date);
        let urls = split_links(&cells.attachments);
        if cells.content.is_empty() && urls.is_empty() && cells.from.is_empty() && second.is_none() {
            return Ok(None);
        }
        let is_spam = cells.folder.eq_ignore_ascii_case("spam");
        let is_ad = cells.sender_url.is_empty() && sponsored::is_sponsored(&cells.content);
        let body = cells.content.replace("\r\n", "\n").replace('\r', "\n");
        let body = if is_ad { sponsored::plain(&body) } else { body };
        let (conversation, is_thread_derived) = self.thread(cells)?;
        let sender = self.sender(cells, &conversation);
        let links = ArchivedMessage::comparable_links(&urls);
        let key = sender.as_ref().map_or_else(|| comparable_name(&cells.from), |one| one.id.to_string());
        let identity = row_identity(conversation.as_str(), second, &key, &body, links);
        report.no_time += u64::from(second.is_none());
        report.no_conversation_id += u64::from(is_thread_derived);
        report.no_sender_url += u64::from(cells.sender_url.is_empty());
        report.sponsored += u64::from(is_ad);
        report.spam += u64::from(is_spam);
        report.see_second(second);
        Ok(Some(ArchivedMessage {
            recipients: self.recipients(cells, &conversation),
            conversation,
            is_thread_derived,
            title: Some(cells.title.to_string()).filter(|title| !title.is_empty()),
            second,
            ordered_at: 0,
            rank: RANK_NEWEST,
            sender,
            body,
            subject: Some(cells.subject.trim().to_owned()).filter(|subject| !subject.is_empty()),
            content: urls.into_iter().map(attachment).collect(),
            category: category(&cells.folder),
            is_sponsored: is_ad,
            fingerprint: digest(&identity),
        }))
    }

    fn thread(&self, cells: &Cells<'_>) -> Result<(ConversationId, bool), ArchiveError> {
        if let Some(id) =
            Some(&cells.conversation).filter(|id| !id.is_empty()).and_then(|id| ConversationId::parse(id).ok())
        {
            return Ok((id, false));
        }
        let made = |of: &str| ConversationId::new(&format!("{ARCHIVE_PREFIX}{}", digest(of)));
        let id = if cells.conversation.is_empty() {
            let is_owner = |name: &str| self.owner.is_some_and(|owner| owner.is_named(name));
            let everybody = std::iter::once(cells.from.to_string()).chain(names::split_freely(&cells.to));
            let others: Vec<String> = everybody.filter(|name| !is_owner(name)).collect();
            let by_names = conversation_of_names(others.iter().map(String::as_str));
            by_names.map_or_else(|| made(&format!("\u{1f}{}", others.join("\u{1f}"))), Ok)
        } else {
            // It is no id of LinkedIn's, but it names the conversation, whoever sends and whoever receives.
            made(&format!("id\u{1f}{}", cells.conversation))
        };
        let id = id.map_err(|_| ArchiveError::rejected("a conversation of the archive cannot be named"))?;
        Ok((id, true))
    }

    fn sender(&self, cells: &Cells<'_>, conversation: &ConversationId) -> Option<ArchivedPerson> {
        let slug = ProfileSlug::parse(&cells.sender_url);
        if slug.is_none()
            && let Some(owner) = self.owner
        {
            let is_owner = cells.is_outgoing || owner.is_named(&cells.from);
            if is_owner {
                return Some(owner.person.clone());
            }
        }
        match slug {
            Some(slug) => self.linked(&slug, Some(&cells.from)),
            None => named(&cells.from, conversation),
        }
    }

    fn recipients(&self, cells: &Cells<'_>, conversation: &ConversationId) -> Vec<ArchivedPerson> {
        let slugs = profiles_in(&cells.recipient_urls);
        if slugs.is_empty() {
            let names = names::split_freely(&cells.to).into_iter().take(NAMED_MAX);
            let person = |name: String| match self.owner.filter(|owner| owner.is_named(&name)) {
                Some(owner) => Some(owner.person.clone()),
                None => named(&name, conversation),
            };
            return names.filter_map(person).collect();
        }
        let names = names::split(&cells.to, slugs.len());
        let name = |at: usize| names.as_ref().and_then(|names| names.get(at)).map(String::as_str);
        slugs.iter().enumerate().filter_map(|(at, slug)| self.linked(slug, name(at))).collect()
    }

    /// Somebody with a link; the neighbour files know the name better than the row.
    fn linked(&self, slug: &ProfileSlug, name: Option<&str>) -> Option<ArchivedPerson> {
        if let Some(owner) = self.owner.filter(|owner| owner.slug.as_ref() == Some(slug)) {
            return Some(owner.person.clone());
        }
        let name = self.names.get(slug.as_str()).or(name).unwrap_or_default();
        let name = if comparable_name(name) == NOBODY { "" } else { name.trim() };
        let (slug_text, link) = (Some(slug.as_str().to_owned()), Some(slug.link()));
        Some(ArchivedPerson { id: slug.person().ok()?, slug: slug_text, name: name.to_owned(), link })
    }
}

/// Somebody without a link: the same name in another conversation may be somebody else.
fn named(name: &str, conversation: &ConversationId) -> Option<ArchivedPerson> {
    let comparable = comparable_name(name);
    if comparable.is_empty() {
        return None;
    }
    let id = PersonId::new(&format!("name:{}", digest(&format!("{conversation}\u{1f}{comparable}")))).ok()?;
    let name = if comparable == NOBODY { "" } else { name };
    Some(ArchivedPerson { id, slug: None, name: name.to_owned(), link: None })
}

/// Links that are divided by commas, which may also be inside a link.
fn split_links(field: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for part in field.split(',').map(str::trim) {
        let is_link = part.starts_with("https://") || part.starts_with("http://");
        match links.last_mut() {
            _ if is_link => links.push(part.to_owned()),
            Some(link) if !part.is_empty() => {
                link.push(',');
                link.push_str(part);
            }
            _ => {}
        }
        if links.len() > ATTACHMENTS_MAX {
            links.truncate(ATTACHMENTS_MAX);
            break;
        }
    }
    links
}

fn attachment(url: String) -> Content {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match () {
        () if path.contains("/image/") => Content::Image { asset: None, url: Some(url) },
        () if path.contains("/vid/") => {
            Content::Video { asset: None, duration_ms: None, media_type: None, url: Some(url) }
        }
        () => Content::File { asset: None, byte_size: None, media_type: None, name: None, url: Some(url) },
    }
}

fn category(folder: &str) -> String {
    let is_plain = folder.len() <= FOLDER_LENGTH_MAX && folder.bytes().all(|byte| byte.is_ascii_graphic());
    match folder.to_ascii_uppercase().as_str() {
        "" | "SENT" => "INBOX".to_owned(),
        "ARCHIVED" => "ARCHIVE".to_owned(),
        name if is_plain => name.to_owned(),
        _ => "INBOX".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Scratch, survey};

    /// The sizes of the batches of a file of such rows.
    fn batches(row: &str, count: usize) -> Vec<usize> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.csv");
        let header = "CONVERSATION ID,CONVERSATION TITLE,FROM,RECIPIENT PROFILE URLS,SUBJECT,CONTENT,ATTACHMENTS\n";
        std::fs::write(&path, format!("{header}{}", row.repeat(count))).unwrap();
        let bundle = Bundle::open(&path, &Scratch::new(folder.path().join("scratch"))).unwrap();
        let seen = survey(&bundle, None, &mut |_| true).unwrap();
        let mut rows = Rows::open(&bundle, &seen).unwrap();
        let sizes = std::iter::from_fn(|| Some(rows.next_batch().unwrap().len()).filter(|size| *size > 0));
        sizes.collect()
    }

    #[test]
    fn a_batch_is_bounded_whichever_cell_is_long() {
        assert_eq!(batches("2-YQ==,a,Olga,,s,hi,\n", 7), [7]);
        let long = "x".repeat(300 << 10);
        let people: String = (0..900).map(|n| format!("https://www.linkedin.com/in/{n:0200} ")).collect();
        for row in [
            format!("2-YQ==,{long},Olga,,s,hi,\n"),
            format!("2-YQ==,a,Olga,,{long},hi,\n"),
            format!("2-YQ==,a,Olga,,s,{long},\n"),
            format!("2-YQ==,a,Olga,,s,hi,https://media.licdn.com/{long}\n"),
            format!("2-YQ==,a,Olga,{people},s,hi,\n"),
        ] {
            let sizes = batches(&row, 9);
            assert!(sizes.iter().sum::<usize>() == 9 && sizes.iter().all(|size| *size <= 4), "{sizes:?}");
        }
    }

    #[test]
    fn a_name_without_an_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.csv");
        std::fs::write(&path, format!("FROM,TO,CONTENT\n{0},Olga Test,hi\nOlga Test,{0},hi\n", "y".repeat(1 << 20)))
            .unwrap();
        let bundle = Bundle::open(&path, &Scratch::new(folder.path().join("scratch"))).unwrap();
        let seen = survey(&bundle, None, &mut |_| true).unwrap();
        let rows = Rows::open(&bundle, &seen).unwrap().next_batch().unwrap();
        let people = rows.iter().flat_map(|row| row.sender.iter().chain(&row.recipients));
        let lengths: Vec<usize> = people.map(|one| one.name.len()).collect();
        assert!(lengths.len() == 4 && lengths.iter().all(|length| *length <= 400), "{lengths:?}");
        assert_eq!(rows[0].sender, rows[1].recipients.first().cloned());
    }
}
