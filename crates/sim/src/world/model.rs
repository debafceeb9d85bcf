//! The ground truth as plain values: who exists, which threads there are, and how each member's mailbox sees them.
//!
//! Nothing here knows about the wire, about faults or about time passing. Every change goes through the verbs beside
//! this file, which keep the change log honest; nothing else may write these fields.

use std::collections::BTreeMap;

use serde_json::Value;

use super::history::History;
use super::links::Links;

/// Milliseconds since 1970 in UTC.
pub type Ms = i64;
/// A profile id (`ACoAA…`, 39 characters) or, for anybody who is not a member, the URN without `urn:li:`
/// (for example `fsd_company:1234`).
pub type PersonId = String;
/// A bare thread id, `2-…`.
pub type ThreadId = String;
/// A bare message id, `2-…`.
pub type MessageId = String;

/// Everything that is true.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Everybody, by id.
    pub people: BTreeMap<PersonId, Person>,
    /// Every thread that ever existed, by bare id.
    pub threads: BTreeMap<ThreadId, Thread>,
    /// One mailbox for each member that has an account here, by profile id.
    pub mailboxes: BTreeMap<PersonId, Mailbox>,
    /// The time of the newest change. Each change gets a time of its own, so this grows strictly.
    pub changed_at_ms: Ms,
    /// Owners of the mailboxes in the order in which they were declared; the first is the default account.
    pub accounts: Vec<PersonId>,
    /// Handles that a world file gave to people, so that verbs may use them too.
    pub person_keys: BTreeMap<String, PersonId>,
    /// Handles that a world file gave to conversations.
    pub thread_keys: BTreeMap<String, ThreadId>,
    /// What the newest changes replaced, for answers from a server that lags behind.
    pub history: History,
    /// How often links to files were renewed. Not a part of the truth, which has no links.
    pub links: Links,
}

/// What somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonKind {
    /// A member with a profile.
    Member,
    /// A company page; its name is in `first_name`.
    Organization,
    /// A sender that LinkedIn made up, such as its own team; its name is in `first_name`.
    Custom,
    /// An automation; it has no name on the wire.
    Agent,
}

/// Somebody who takes part in conversations.
#[derive(Debug, Clone)]
pub struct Person {
    /// See [`PersonId`].
    pub id: PersonId,
    /// Which member of the `participantType` union is filled.
    pub kind: PersonKind,
    /// A deleted member shows no name, no headline and no picture.
    pub deleted: bool,
    /// First name of a member, whole name of anybody else.
    pub first_name: String,
    /// Last name of a member, empty for anybody else.
    pub last_name: String,
    /// Headline of a member, tagline of an organisation.
    pub headline: Option<String>,
    /// The number in `urn:li:member:<n>` or `urn:li:company:<n>`.
    pub number: u64,
    /// The public slug, for `/me`.
    pub public_id: String,
    /// Whether `profilePicture` or `logo` is filled.
    pub has_picture: bool,
}

/// A thread as all its members share it.
#[derive(Debug, Clone)]
pub struct Thread {
    /// See [`ThreadId`].
    pub id: ThreadId,
    /// `groupChat`.
    pub group: bool,
    /// Only groups have one; never empty.
    pub title: Option<String>,
    /// Current members, the mailbox owners among them.
    pub participants: Vec<PersonId>,
    /// Who started it, when that is known.
    pub creator: Option<PersonId>,
    /// `createdAt`.
    pub created_at_ms: Ms,
    /// Delivery time of the newest message, or `created_at_ms` when there is none. It never goes back, not even when
    /// the newest message is removed.
    pub last_activity_at_ms: Ms,
    /// Text of `conversationTypeText`, for example `InMail` or `Sponsored`.
    pub label: Option<String>,
    /// `contentMetadata.conversationAdContent` is filled.
    pub sponsored: bool,
    /// Oldest first, ordered by (`delivered_at_ms`, `id`). Hard-deleted ones stay here with `deleted_at_ms` set.
    pub messages: Vec<Message>,
    /// Set when the server would answer `incompleteRetriableData` or something that cannot be parsed for this thread:
    /// a thread that is poisoned for every reader. `None` for a healthy one.
    pub poison: Option<String>,
}

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// See [`MessageId`].
    pub id: MessageId,
    /// Who wrote it; perhaps no longer a participant.
    pub sender: PersonId,
    /// Differs from the sender when somebody else acted, as when a connection note is accepted.
    pub actor: Option<PersonId>,
    /// `deliveredAt`, the order key.
    pub delivered_at_ms: Ms,
    /// The wire leaves `deliveredAt` out and gives only `createdAt`.
    pub hides_delivered_at: bool,
    /// `None` is a null body on the wire.
    pub body: Option<String>,
    /// Spans of the body.
    pub attributes: Vec<Attribute>,
    /// Subject of an InMail; never empty.
    pub subject: Option<String>,
    /// `messageBodyRenderFormat`.
    pub format: Format,
    /// Members of the `renderContent` union, each a (name, value) pair as in the protocol, already in wire form
    /// but without `_type` and `_recipeType`. A pair with the name `""` is the all-null element.
    /// URNs that name the mailbox owner hold [`super::content::OWNER_MARK`] instead: ask [`Message::content_for`].
    /// A participant inside is only `{entityUrn, hostIdentityUrn}`; the wire may fill it up.
    pub content: Vec<(String, Value)>,
    /// `renderContentFallbackText`.
    pub fallback_text: Option<String>,
    /// One for each emoji, in the order of their first use.
    pub reactions: Vec<Reaction>,
    /// Time of the newest change of this message: delivery, edit, recall, reaction, deletion.
    pub changed_at_ms: Ms,
    /// Time of a hard deletion.
    pub deleted_at_ms: Option<Ms>,
}

/// `messageBodyRenderFormat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// `DEFAULT`
    Default,
    /// `EDITED`
    Edited,
    /// `RECALLED`
    Recalled,
    /// `SYSTEM`
    System,
    /// Any other word.
    Other(String),
}

/// A span of the body with a meaning; offsets count Unicode code points.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// First code point.
    pub start: u32,
    /// Number of code points.
    pub length: u32,
    /// Name of the union member: `entity`, `hyperlink`, `bold`, `list`, …
    pub kind: String,
    /// Person id of an entity, url of a hyperlink, `ordered` or `unordered` of a list.
    pub target: Option<String>,
}

/// One emoji with everybody who chose it.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// The emoji itself.
    pub emoji: String,
    /// `firstReactedAt`.
    pub first_reacted_at_ms: Ms,
    /// Never empty, nobody twice.
    pub people: Vec<PersonId>,
}

/// A member's own view of their threads.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Whose it is.
    pub owner: PersonId,
    /// Threads in this mailbox by bare id; a deleted one stays here with `deleted_at_ms` set.
    pub entries: BTreeMap<ThreadId, Entry>,
}

/// How one mailbox sees one thread.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `INBOX`, `PRIMARY_INBOX`, `ARCHIVE`, `SPAM`, `INMAIL`, `MESSAGE_REQUEST_PENDING`, …
    pub categories: Vec<String>,
    /// `PENDING`, `ACCEPTED`, `DECLINED` or none.
    pub state: Option<String>,
    /// `read`.
    pub read: bool,
    /// `unreadCount`; may be 0 while `read` is false.
    pub unread_count: u32,
    /// `lastReadAt`.
    pub last_read_at_ms: Option<Ms>,
    /// `notificationStatus` is not `ACTIVE`.
    pub muted: bool,
    /// Time of the newest change that this mailbox sees in this thread, changes of its messages included.
    pub changed_at_ms: Ms,
    /// Time at which the owner deleted the conversation.
    pub deleted_at_ms: Option<Ms>,
}
