//! Values to begin with; every test begins with one of these.
//!
//! They also plant the bug that the environment names, in a build that can have one.

use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::{ConversationId, MessageId, PersonId};
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::page::{ListedConversation, MessageChanges, MessagePage, Oddity, Reply, SyncToken};
use threadkeep_core::sync::track::{
    Completeness, ConversationTrack, InboxTrack, ListTrack, ListWalk, MessageMark, Need, RunId,
};
use threadkeep_core::sync::{Step, SyncState};
use threadkeep_core::time::Timestamp;

/// The run of every state.
pub const RUN: RunId = RunId { job: 7, started_at: Timestamp(1_000) };
/// The present.
pub const NOW: Timestamp = Timestamp(5_000);

#[cfg_attr(feature = "planted", expect(clippy::disallowed_methods, reason = "the test runner names the bug"))]
pub fn begin() {
    #[cfg(feature = "planted")]
    threadkeep_core::planted::plant(std::env::var("THREADKEEP_PLANTED").ok().as_deref()).unwrap();
}

pub fn thread() -> ConversationId {
    begin();
    ConversationId::new("2-thread").unwrap()
}

pub fn message_id(name: &str) -> MessageId {
    begin();
    MessageId::new(&format!("2-{name}")).unwrap()
}

pub fn person_id() -> PersonId {
    begin();
    PersonId::new("ACoAAOlga").unwrap()
}

pub fn token(name: &str) -> SyncToken {
    SyncToken(name.into())
}

pub fn mark(name: &str, borrowed: bool) -> MessageMark {
    MessageMark { token: token(name), borrowed }
}

/// A message of the thread with a text.
pub fn seen(name: &str, at: i64, body: &str) -> MessageSeen {
    MessageSeen {
        id: message_id(name),
        conversation: thread(),
        sender: None,
        delivered_at: Timestamp(at),
        body: Some(body.into()),
        attributes: None,
        subject: None,
        format: Some(MessageFormat::Default),
        content: None,
        fallback_text: None,
        reactions: None,
    }
}

/// The thread with activity at a time.
pub fn listed(at: i64) -> ListedConversation {
    let conversation =
        ConversationSeen { last_activity_at: Some(Timestamp(at)), ..ConversationSeen::only_id(thread()) };
    ListedConversation { conversation, newest: None }
}

pub fn oddity() -> Oddity {
    Oddity { conversation: None, what: "strange".into(), raw: "{}".into() }
}

/// The track of the thread, filled and at rest.
pub fn track() -> ConversationTrack {
    let mut track = ConversationTrack::new(thread());
    track.activity = Timestamp(100);
    track.synced_to = Some(Timestamp(100));
    track.detail.completeness = Completeness::Complete;
    track.detail.mark = Some(mark("own", false));
    track.detail.oldest = Some(Timestamp(1));
    track
}

/// The track of the thread, listed and not asked for yet.
pub fn unfilled() -> ConversationTrack {
    let mut track = ConversationTrack::new(thread());
    track.activity = Timestamp(100);
    track.detail.completeness = Completeness::Listed;
    track.detail.need = Need::Fill;
    track.detail.mark = Some(mark("inbox", true));
    track
}

/// A state whose mark is of this run and whose lists are walked.
pub fn state(due: Option<ConversationTrack>) -> SyncState {
    begin();
    let lists = ["INBOX", "ARCHIVE"]
        .map(|category| ListTrack { category: category.into(), walk: ListWalk::Done { proven: true } })
        .into();
    let inbox = InboxTrack {
        token: Some(token("inbox")),
        token_at: Some(Timestamp(2_000)),
        marked_by: Some(RUN),
        lists,
        high: Timestamp(100),
        ..InboxTrack::default()
    };
    SyncState { scope: vec!["INBOX".into(), "ARCHIVE".into()], inbox, due, hold: None, run: RUN }
}

/// A state in which the first list is still to be walked.
pub fn walking(due: Option<ConversationTrack>) -> SyncState {
    let mut state = state(due);
    state.inbox.lists[0].walk = ListWalk::Walking { paging: Default::default() };
    state
}

pub fn first_page() -> Step {
    Step::Messages { conversation: thread(), anchor: NOW, cursor: None }
}

pub fn delta_step() -> Step {
    Step::Delta { token: token("inbox") }
}

pub fn changes_step() -> Step {
    Step::MessageChanges { conversation: thread(), token: token("own") }
}

pub fn page(messages: Vec<MessageSeen>, older: Option<&str>) -> Reply {
    let older = older.map(|name| threadkeep_core::page::Cursor(name.into()));
    Reply::Messages(MessagePage { messages, older, ..MessagePage::default() })
}

pub fn changed(messages: Vec<MessageSeen>, token: &str) -> MessageChanges {
    MessageChanges { messages, token: Some(SyncToken(token.into())), ..MessageChanges::default() }
}
