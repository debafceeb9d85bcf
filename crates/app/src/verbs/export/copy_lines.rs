//! The lines of a complete copy: each record as JSON, written and read by the same types, so that neither can drift.
//!
//! A line is read strictly: an unknown key, a missing one or a value of another type makes the copy one that cannot be
//! believed. Keys stand in byte order, so that the same records give the same bytes.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};
use threadkeep_core::canonical::written;
use threadkeep_core::content::{Attribute, Content, Reaction};
use threadkeep_core::conversation::Conversation;
use threadkeep_core::id::{AccountId, ConversationId, MessageId, PersonId};
use threadkeep_core::message::{Message, MessageFormat, PriorText};
use threadkeep_core::person::{Person, PersonKind};
use threadkeep_core::sync::track::{ConversationTrack, InboxTrack, TrackDetail};
use threadkeep_core::time::Timestamp;

use crate::store::{
    CopiedAccount, CopiedAlias, CopiedArchived, CopiedConversation, CopiedEvent, CopiedImport, CopiedOddity,
    MediaPolicy,
};

/// The name of the form, in the first line of each copy.
pub const FORM: &str = "threadkeep-copy";
/// The version of the form that this program writes and reads.
pub const VERSION: u32 = 1;

/// A line of a copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Line {
    /// The first one.
    Header(Box<HeaderLine>),
    /// Somebody.
    Person(PersonLine),
    /// A conversation.
    Conversation(Box<ConversationLine>),
    /// A message.
    Message(Box<MessageLine>),
    /// A line of the log of changes.
    Event(EventLine),
    /// A record that could not be read.
    Oddity(OddityLine),
    /// An export of LinkedIn's that was taken in.
    Import(ImportLine),
    /// A row of an export.
    Archived(ArchivedLine),
    /// Another name of somebody.
    Alias(AliasLine),
    /// The last one.
    End(EndLine),
}

impl Line {
    /// The line, without its line end.
    pub fn text(&self) -> String {
        // Our own types always have a JSON form; an empty line would make the copy one that is refused.
        serde_json::to_value(self).map(|value| written(&value)).unwrap_or_default()
    }

    /// Reads a line.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

macro_rules! lines {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $(
                #[doc = concat!("See `", stringify!($field), "` in docs/EXPORT.md.")]
                #[serde(deserialize_with = "present")]
                pub $field: $type,
            )*
        }
    )*};
}

/// A key has to be there, also when its value may be null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<T, D::Error> {
    T::deserialize(value)
}

lines! {
    /// The first line.
    HeaderLine { form: String, version: u32, account: AccountLine, }
    /// The account, without its session.
    AccountLine {
        id: AccountId, member: PersonId, first_name: String, last_name: String, public_id: String,
        picture_url: Option<String>, premium: Option<bool>, scope: Vec<String>, inbox: InboxTrack,
        created_at: Timestamp, last_sync_at: Option<Timestamp>, media: String, logins_lost: i64, has_archive: bool,
    }
    /// Somebody.
    PersonLine {
        id: PersonId, r#type: PersonKind, first_name: String, last_name: String, headline: Option<String>,
        profile_url: Option<String>, picture_url: Option<String>, distance: Option<String>,
        backend_urn: Option<String>,
    }
    /// A conversation.
    ConversationLine {
        id: ConversationId, categories: BTreeSet<String>, group: bool, title: Option<String>, state: Option<String>,
        label: Option<String>, sponsored: bool, participants: BTreeSet<PersonId>, former: BTreeSet<PersonId>,
        created_at: Option<Timestamp>, last_activity_at: Timestamp, last_read_at: Option<Timestamp>, read: bool,
        unread_count: u32, muted: bool, deleted: bool, version: u32, track: Option<TrackLine>,
    }
    /// How far a conversation was copied.
    TrackLine { activity: Timestamp, synced_to: Option<Timestamp>, detail: TrackDetail, }
    /// A message.
    MessageLine {
        id: MessageId, conversation: ConversationId, sender: Option<PersonId>, delivered_at: Timestamp, body: String,
        attributes: Vec<Attribute>, subject: Option<String>, format: MessageFormat, content: Vec<Content>,
        fallback_text: Option<String>, reactions: Vec<Reaction>, prior: Vec<PriorText>, deleted: bool, version: u32,
    }
    /// A line of the log of changes.
    EventLine { seq: i64, id: String, event: String, object: String, version: u32, at: Timestamp, }
    /// A record that could not be read.
    OddityLine {
        digest: String, conversation: Option<ConversationId>, what: String, raw: String, times: i64,
        first_seen_at: Timestamp, last_seen_at: Timestamp,
    }
    /// An export of LinkedIn's that was taken in.
    ImportLine {
        digest: Option<String>, newest_second: Option<i64>, created_at: Timestamp, finished_at: Option<Timestamp>,
        asked_by: Option<String>, report: Option<String>,
    }
    /// A row of an export, and the message that it is; the import by its place among the lines of imports, from 1.
    ArchivedLine {
        conversation: ConversationId, second: i64, fingerprint: String, message: MessageId, import: i64,
        other_body: Option<String>,
    }
    /// Another name of somebody.
    AliasLine { alias: String, person: PersonId, }
    /// The last line: how many lines of each kind there are, and the SHA-256 of all bytes before it.
    #[derive(Default)]
    EndLine {
        people: u64, conversations: u64, messages: u64, events: u64, oddities: u64, imports: u64, archived: u64,
        aliases: u64, sha256: String,
    }
}

/// Conversions between a record and its line: fields with the same name, and those with another.
macro_rules! same {
    ($from:ty => $to:ident { $($same:ident)* } $($field:ident: $with:expr => $one:ident)*) => {
        impl From<$from> for $to {
            fn from(one: $from) -> Self {
                $(let $field = { let $one = &one; $with };)*
                Self { $($same: one.$same,)* $($field,)* }
            }
        }
    };
}

same!(Person => PersonLine { id first_name last_name headline profile_url picture_url distance backend_urn }
    r#type: one.kind => one);
same!(PersonLine => Person { id first_name last_name headline profile_url picture_url distance backend_urn }
    kind: one.r#type => one);
same!(Message => MessageLine { id conversation sender delivered_at body attributes subject format content
    fallback_text reactions prior deleted version });
same!(MessageLine => Message { id conversation sender delivered_at body attributes subject format content
    fallback_text reactions prior deleted version });
same!(CopiedEvent => EventLine { seq id object version at } event: one.kind.clone() => one);
same!(EventLine => CopiedEvent { seq id object version at } kind: one.event.clone() => one);
same!(CopiedOddity => OddityLine { digest conversation what raw times first_seen_at last_seen_at });
same!(OddityLine => CopiedOddity { digest conversation what raw times first_seen_at last_seen_at });
same!(CopiedImport => ImportLine { digest newest_second created_at finished_at asked_by report });
same!(ImportLine => CopiedImport { digest newest_second created_at finished_at asked_by report });
same!(CopiedArchived => ArchivedLine { conversation second fingerprint message import other_body });
same!(ArchivedLine => CopiedArchived { conversation second fingerprint message import other_body });
same!(CopiedAlias => AliasLine { alias person });
same!(AliasLine => CopiedAlias { alias person });
same!(CopiedAccount => AccountLine { id member first_name last_name public_id picture_url premium scope inbox created_at
    last_sync_at logins_lost has_archive } media: one.media_policy.as_str().to_owned() => one);

impl AccountLine {
    /// The account; `None` when its policy is none.
    pub fn account(self) -> Option<CopiedAccount> {
        let media_policy = MediaPolicy::named(&self.media)?;
        Some(CopiedAccount {
            id: self.id,
            member: self.member,
            first_name: self.first_name,
            last_name: self.last_name,
            public_id: self.public_id,
            picture_url: self.picture_url,
            premium: self.premium,
            scope: self.scope,
            inbox: self.inbox,
            created_at: self.created_at,
            last_sync_at: self.last_sync_at,
            media_policy,
            logins_lost: self.logins_lost,
            has_archive: self.has_archive,
        })
    }
}

impl From<CopiedConversation> for ConversationLine {
    fn from(copied: CopiedConversation) -> Self {
        let one = copied.conversation;
        let track = |track: ConversationTrack| TrackLine {
            activity: track.activity,
            synced_to: track.synced_to,
            detail: track.detail,
        };
        Self {
            id: one.id,
            categories: one.categories,
            group: one.group,
            title: one.title,
            state: one.state,
            label: one.label,
            sponsored: one.sponsored,
            participants: one.participants,
            former: copied.former.into_iter().collect(),
            created_at: one.created_at,
            last_activity_at: one.last_activity_at,
            last_read_at: one.last_read_at,
            read: one.read,
            unread_count: one.unread_count,
            muted: one.muted,
            deleted: one.deleted,
            version: one.version,
            track: copied.track.map(track),
        }
    }
}

impl From<ConversationLine> for CopiedConversation {
    fn from(line: ConversationLine) -> Self {
        let track = line.track.map(|track| ConversationTrack {
            conversation: line.id.clone(),
            activity: track.activity,
            synced_to: track.synced_to,
            detail: track.detail,
        });
        let conversation = Conversation {
            id: line.id,
            categories: line.categories,
            group: line.group,
            title: line.title,
            state: line.state,
            label: line.label,
            sponsored: line.sponsored,
            participants: line.participants,
            created_at: line.created_at,
            last_activity_at: line.last_activity_at,
            last_read_at: line.last_read_at,
            read: line.read,
            unread_count: line.unread_count,
            muted: line.muted,
            deleted: line.deleted,
            version: line.version,
        };
        Self { conversation, former: line.former.into_iter().collect(), track }
    }
}
