//! A mailbox as LinkedIn's own data export would tell it: without ids of messages, to the second, people by links and
//! names (official sources B1 to B4).
//!
//! It shares no code with the program that reads such archives. Everything that an export leaves out is left out here:
//! reactions, replies, who has read what.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Deserialize;

use super::model::{Entry, Message, Ms, Person, PersonKind, Thread, World};

/// What an export calls whoever is hidden.
const NOBODY: &str = "LinkedIn Member";
/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// The columns of an export, which have changed over the years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveEra {
    /// About 2017: seven columns, no ids, no links.
    Year2017,
    /// Early 2020: the same in capital letters, dates with a `T`.
    Year2020,
    /// Late 2020: nine columns, no links of recipients.
    Year2021,
    /// Middle of 2023: ten columns.
    Year2023,
    /// December 2024: two columns of drafts, none of attachments.
    Year2024,
    /// 2025: attachments and drafts.
    Year2025,
    /// March 2026: every field in quotes, line breaks as they are.
    #[default]
    Year2026,
}

impl ArchiveEra {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Year2017,
        Self::Year2020,
        Self::Year2021,
        Self::Year2023,
        Self::Year2024,
        Self::Year2025,
        Self::Year2026,
    ];

    /// The era with this name, for example `2026`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|era| format!("{era:?}").ends_with(name) && name.len() == 4)
    }

    fn header(self) -> Vec<&'static str> {
        let ten = [
            "CONVERSATION ID",
            "CONVERSATION TITLE",
            "FROM",
            "SENDER PROFILE URL",
            "TO",
            "RECIPIENT PROFILE URLS",
            "DATE",
            "SUBJECT",
            "CONTENT",
            "FOLDER",
        ];
        let with = |more: &[&'static str]| ten.into_iter().chain(more.iter().copied()).collect();
        match self {
            Self::Year2017 => vec!["From", "To", "Date", "Subject", "Content", "Direction", "Folder"],
            Self::Year2020 => vec!["FROM", "TO", "DATE", "SUBJECT", "CONTENT", "DIRECTION", "FOLDER"],
            Self::Year2021 => ten.into_iter().filter(|name| *name != "RECIPIENT PROFILE URLS").collect(),
            Self::Year2023 => with(&[]),
            Self::Year2024 => with(&["IS MESSAGE DRAFT", "IS CONVERSATION DRAFT"]),
            Self::Year2025 => with(&["ATTACHMENTS", "IS MESSAGE DRAFT"]),
            Self::Year2026 => with(&["ATTACHMENTS"]),
        }
    }
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Its name.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl World {
    /// The files of an export of one mailbox, as of now.
    pub fn archive(&self, owner: &str, era: ArchiveEra) -> Vec<ArchiveFile> {
        let decoy = "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,DATE,SUBJECT,CONTENT,FOLDER\n";
        let name = if era == ArchiveEra::Year2017 { "Messages.csv" } else { "messages.csv" };
        let mut files = vec![
            ArchiveFile { name: "guide_messages.csv", bytes: decoy.into() },
            ArchiveFile { name, bytes: self.archived_messages(owner, era).into() },
            ArchiveFile { name: "Profile.csv", bytes: self.archived_profile(owner).into() },
            ArchiveFile { name: "Connections.csv", bytes: self.archived_connections(owner).into() },
        ];
        if !matches!(era, ArchiveEra::Year2017 | ArchiveEra::Year2020) {
            files.push(ArchiveFile { name: "Invitations.csv", bytes: self.archived_invitations(owner).into() });
        }
        files
    }

    fn archived_messages(&self, owner: &str, era: ArchiveEra) -> String {
        let header = era.header();
        let mut text = String::new();
        line(&mut text, era, header.iter().map(|name| (*name).to_owned()));
        for (thread, entry) in self.newest_first(owner) {
            for message in thread.visible_messages().rev() {
                let row = Row { world: self, owner, era, thread, entry, message };
                line(&mut text, era, header.iter().map(|name| row.cell(name)));
            }
        }
        text
    }

    fn archived_profile(&self, owner: &str) -> String {
        let (first, last) = self.people.get(owner).map_or(("", ""), |one| (&one.first_name, &one.last_name));
        format!("First Name,Last Name,Maiden Name,Headline\n{},{},,\n", quoted(first), quoted(last))
    }

    fn archived_connections(&self, owner: &str) -> String {
        let mut text = "Notes:\n\"When exporting your connection data, you may notice that some are missing.\"\n\n\
             First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
            .to_owned();
        for one in self.people.values().filter(|one| one.id != owner && is_linked(one)) {
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "{},{},{},,,,06 Nov 2019",
                quoted(&one.first_name),
                quoted(&one.last_name),
                profile_link(one)
            );
        }
        text.pop();
        text
    }

    fn archived_invitations(&self, owner: &str) -> String {
        let mut text = "From,To,Sent At,Message,Direction,inviterProfileUrl,inviteeProfileUrl\n".to_owned();
        let Some(own) = self.people.get(owner) else { return text };
        for one in self.people.values().filter(|one| one.id != owner && is_linked(one)).take(3) {
            let (from, to) = (quoted(&own.display_name()), quoted(&one.display_name()));
            let _ = writeln!(
                text,
                "{from},{to},\"11/6/19, 2:08 AM\",,OUTGOING,{},{}",
                profile_link(own),
                profile_link(one)
            );
        }
        text
    }

    fn archived_name(&self, id: &str) -> String {
        let name = self.people.get(id).map(Person::display_name).unwrap_or_default();
        if name.is_empty() { NOBODY.to_owned() } else { name }
    }

    fn archived_link(&self, id: &str) -> String {
        self.people.get(id).filter(|one| is_linked(one)).map(profile_link).unwrap_or_default()
    }
}

fn is_linked(one: &Person) -> bool {
    one.kind == PersonKind::Member && !one.deleted && !one.display_name().is_empty()
}

fn profile_link(one: &Person) -> String {
    format!("https://www.linkedin.com/in/{}", one.public_id)
}

struct Row<'a> {
    world: &'a World,
    owner: &'a str,
    era: ArchiveEra,
    thread: &'a Thread,
    entry: &'a Entry,
    message: &'a Message,
}

impl Row<'_> {
    fn cell(&self, column: &str) -> String {
        match column.to_uppercase().as_str() {
            "CONVERSATION ID" => self.thread.id.clone(),
            "CONVERSATION TITLE" => self.thread.title.clone().unwrap_or_default(),
            "FROM" => self.world.archived_name(&self.message.sender),
            "SENDER PROFILE URL" => self.world.archived_link(&self.message.sender),
            "TO" => self.recipients(|id| self.world.archived_name(id)).join(", "),
            "RECIPIENT PROFILE URLS" => self.recipients(|id| self.world.archived_link(id)).join(","),
            "DATE" => date(self.message.delivered_at_ms, self.era),
            "SUBJECT" => self.message.subject.clone().unwrap_or_default(),
            "CONTENT" => self.content(),
            "FOLDER" => self.folder().to_owned(),
            "ATTACHMENTS" => self.attachments().join(","),
            "DIRECTION" if self.message.sender == self.owner => "OUTGOING".to_owned(),
            "DIRECTION" => "INCOMING".to_owned(),
            "IS MESSAGE DRAFT" | "IS CONVERSATION DRAFT" => "No".to_owned(),
            _ => String::new(),
        }
    }

    fn recipients(&self, tell: impl Fn(&str) -> String) -> Vec<String> {
        let mut known = BTreeSet::new();
        let others =
            self.thread.participants.iter().filter(|id| **id != self.message.sender && known.insert(id.as_str()));
        others.map(|id| tell(id)).filter(|told| !told.is_empty()).collect()
    }

    fn content(&self) -> String {
        let body = self.message.body.clone().unwrap_or_default();
        match self.era {
            ArchiveEra::Year2026 | ArchiveEra::Year2025 => body,
            _ => body.replace(['\r', '\n'], " "),
        }
    }

    fn folder(&self) -> &'static str {
        let has = |name: &str| self.entry.categories.iter().any(|category| category == name);
        match () {
            () if has("SPAM") => "SPAM",
            () if has("ARCHIVE") => "ARCHIVE",
            () => "INBOX",
        }
    }

    fn attachments(&self) -> Vec<String> {
        let links = self.message.content.iter().enumerate().filter_map(|(number, (member, _))| {
            let kind = match member.as_str() {
                "vectorImage" => "image",
                "video" | "audio" => "vid",
                "file" => "document",
                _ => return None,
            };
            let place = self.message.id.replace(['=', '+', '/'], "");
            Some(format!("https://www.linkedin.com/dms/prv/{kind}/v2/{place}{number}?e=1&v=beta&t=invented"))
        });
        links.collect()
    }
}

/// One record.
fn line(text: &mut String, era: ArchiveEra, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells
        .map(|cell| match era {
            ArchiveEra::Year2026 => format!("\"{}\"", cell.replace('"', "\"\"")),
            _ => quoted(&cell),
        })
        .collect();
    text.push_str(&cells.join(","));
    text.push('\n');
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

fn date(ms: Ms, era: ArchiveEra) -> String {
    let seconds = ms.div_euclid(1_000);
    let (days, rest) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    let (year, month, day) = civil(days);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3_600, rest % 3_600 / 60, rest % 60);
    match era {
        ArchiveEra::Year2017 => format!("{year:04}/{month:02}/{day:02} {clock} UTC"),
        ArchiveEra::Year2020 => format!("{year:04}-{month:02}-{day:02}T{clock}"),
        _ => format!("{year:04}-{month:02}-{day:02} {clock} UTC"),
    }
}

/// Year, month and day of a day counted from 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::GenerateOptions;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(1_573_006_100_733, ArchiveEra::Year2026), "2019-11-06 02:08:20 UTC");
        assert_eq!(date(951_782_400_000, ArchiveEra::Year2020), "2000-02-29T00:00:00");
        assert_eq!(date(-1, ArchiveEra::Year2017), "1969/12/31 23:59:59 UTC");
    }

    #[test]
    fn every_era_tells_every_visible_message_once() {
        let world = World::generate(&GenerateOptions {
            conversations: 12,
            messages_mean: 5.0,
            ..GenerateOptions::at(1_790_000_000_000)
        });
        let owner = world.owners()[0].clone();
        let messages: usize =
            world.newest_first(&owner).iter().map(|(thread, _)| thread.visible_messages().count()).sum();
        for era in ArchiveEra::ALL {
            let files = world.archive(&owner, era);
            let text = files.iter().find(|file| file.name.eq_ignore_ascii_case("messages.csv")).unwrap();
            let text = String::from_utf8(text.bytes.clone()).unwrap();
            // A record ends where a line ends outside of quotes.
            let mut quotes = 0;
            let records = text.chars().filter(|letter| {
                quotes += usize::from(*letter == '"');
                *letter == '\n' && quotes % 2 == 0
            });
            assert_eq!(records.count(), messages + 1, "{era:?}");
        }
        assert_eq!(ArchiveEra::from_name("2023"), Some(ArchiveEra::Year2023));
        assert_eq!(ArchiveEra::from_name("23"), None);
    }
}
