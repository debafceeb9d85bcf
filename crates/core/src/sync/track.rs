//! How far we are sure: the state of the walks, as values that are stored between two requests.
//!
//! Everything that a next request needs is in here; nothing may be remembered anywhere else, or a crash would lose it.

use serde::{Deserialize, Serialize};

use crate::conversation::ConversationSeen;
use crate::id::{ConversationId, MessageId};
use crate::page::SyncToken;
use crate::planted::{self, Bug};
use crate::sync::paging::Paging;
use crate::time::Timestamp;

/// Failures in a row after which a conversation is set aside while the rest goes on.
pub const CONVERSATION_ATTEMPTS_MAX: u32 = 8;
/// Failures in a row of the inbox itself after which a run gives up.
pub const INBOX_ATTEMPTS_MAX: u32 = 8;

/// One run. Its number alone is not enough, because an account that moves to another database may meet it again there;
/// the time alone is not, because a clock that is set back shows it twice. Which of two is later is never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId {
    /// The number of its job in this database.
    pub job: i64,
    /// When it began.
    pub started_at: Timestamp,
}

/// How far we are sure of the inbox: the mark in its stream of changes and the walk of each category.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InboxTrack {
    /// The mark to ask for changes from; taken before the walks began, so that it covers what they overlap.
    pub token: Option<SyncToken>,
    /// When the mark was taken: everything up to here is known once nothing is due. "Fresh as of".
    pub token_at: Option<Timestamp>,
    /// The run in which it was taken.
    pub marked_by: Option<RunId>,
    /// Whether upstream had more changes than one answer held.
    pub more: bool,
    /// The walk of each mirrored category, in the order in which they are walked.
    pub lists: Vec<ListTrack>,
    /// Newest activity when the mark was taken; anything above it changed during the walk.
    pub high: Timestamp,
    /// Whether something was seen to change while walking, so that a delta is due afterwards.
    pub stirred: bool,
    /// Deltas asked in this run.
    pub drains: u32,
    /// Failures in a row.
    pub attempts: u32,
    /// Answers in a row with records that could not be read; they are asked again before they are taken as they are.
    pub odd: u32,
    /// Answers in a row that asked to slow down.
    pub rate_limits: u32,
    /// Answers in a row that refused the mark; the first is asked again before it is believed.
    pub resets: u32,
    /// When the whole inbox had been walked for the first time.
    pub imported_at: Option<Timestamp>,
    /// When the top of a list was last looked at, whatever the stream of changes said.
    pub glanced_at: Option<Timestamp>,
}

/// The walk of one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListTrack {
    /// Its upstream name.
    pub category: String,
    /// Where the walk is.
    pub walk: ListWalk,
}

/// Where the walk of a category is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ListWalk {
    /// Pages are to be asked.
    Walking {
        /// Where in the list.
        paging: Paging,
    },
    /// The list was walked to its end.
    Done {
        /// Whether the end was plain, or the list only stopped bringing news.
        proven: bool,
    },
}

impl InboxTrack {
    /// The first category that is not walked to its end.
    pub fn open_list(&self) -> Option<&ListTrack> {
        self.lists.iter().find(|list| matches!(list.walk, ListWalk::Walking { .. }))
    }

    /// Starts the walk of every category anew; what is stored stays.
    pub fn restart_lists(&mut self, categories: &[String]) {
        self.lists = categories
            .iter()
            .map(|category| ListTrack {
                category: category.clone(),
                walk: ListWalk::Walking { paging: Paging::default() },
            })
            .collect();
    }
}

/// What has to be asked about a conversation next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Nothing.
    Nothing,
    /// What changed since its mark.
    Changes,
    /// All its messages, for the first time.
    Fill,
    /// All its messages again, because upstream could not say what changed.
    Sweep,
}

/// A mark in the stream of changes of one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageMark {
    /// The token to ask with.
    pub token: SyncToken,
    /// Whether it is the inbox's token, taken before the conversation was walked, and not one of its own.
    ///
    /// A token names a point in time and no mailbox or thread (upstream protocol 3.5), so the inbox's serves for the
    /// first delta of a conversation; a refusal leads to a sweep. See `docs/adr/0003-borrowed-token.md`.
    pub borrowed: bool,
}

/// A walk through the messages of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageWalk {
    /// Where in the list.
    pub paging: Paging,
    /// The activity it was started for; not the newest one seen while it ran.
    pub target: Timestamp,
    /// A mark taken before it began, from which changes are asked once it is done.
    pub mark: Option<MessageMark>,
    /// Whether its first page lacked a message that a list had shown, so that its end proves nothing.
    #[serde(default)]
    pub is_doubtful: bool,
}

/// How much of a conversation we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Listed, no message asked for yet.
    Listed,
    /// Filled from the top down to its oldest point, going on.
    Partial,
    /// Walked to its true end.
    Complete,
    /// Walked until nothing new came, without a plain end.
    EndUnproven,
    /// Set aside after failures in a row; the reason stands beside it.
    SetAside,
    /// Known, but in no category that is mirrored: its messages are not asked for.
    OutOfScope,
}

impl Completeness {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Partial => "partial",
            Self::Complete => "complete",
            Self::EndUnproven => "end_unproven",
            Self::SetAside => "set_aside",
            Self::OutOfScope => "out_of_scope",
        }
    }

    /// The completeness with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Listed, Self::Partial, Self::Complete, Self::EndUnproven, Self::SetAside, Self::OutOfScope]
            .into_iter()
            .find(|one| one.as_str() == name)
    }
}

/// How far we are sure of one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationTrack {
    /// Which thread.
    pub conversation: ConversationId,
    /// Newest activity that upstream has shown for it.
    pub activity: Timestamp,
    /// The activity that its last finished walk was started for.
    pub synced_to: Option<Timestamp>,
    /// The rest, stored as one value.
    pub detail: TrackDetail,
}

/// The part of a conversation's track that nothing is searched by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackDetail {
    /// What to ask next.
    pub need: Need,
    /// The walk that is going on.
    pub walk: Option<MessageWalk>,
    /// Where to ask for changes from.
    pub mark: Option<MessageMark>,
    /// How much we have.
    pub completeness: Completeness,
    /// How much we had when it left the mirrored categories; it goes on from there when it comes back.
    #[serde(default)]
    pub before: Option<Completeness>,
    /// Walks in a row that ended by an empty page. One is enough while nothing changes, since a conversation that is
    /// gone for a moment shows the same; two are enough altogether.
    #[serde(default)]
    pub probed: u32,
    /// Walks in a row without a plain end.
    #[serde(default)]
    pub unproven: u32,
    /// Whether it changed before it was walked, so that its mark is to be asked after the walk.
    #[serde(default)]
    pub stirred: bool,
    /// The newest message that a list showed and that an answer has to contain, or it is stale.
    pub expected: Option<(Timestamp, MessageId)>,
    /// Newest message that a walk or a delta of this conversation brought.
    #[serde(default)]
    pub newest: Option<Timestamp>,
    /// Answers in a row that lacked it.
    pub stale: u32,
    /// Failures in a row.
    pub attempts: u32,
    /// Answers in a row with records that could not be read.
    #[serde(default)]
    pub odd: u32,
    /// Answers in a row that refused the mark.
    pub resets: u32,
    /// What the last failure was, in words that name no content.
    pub trouble: Option<String>,
    /// Oldest message that the walk has reached.
    pub oldest: Option<Timestamp>,
}

impl ConversationTrack {
    /// The track of a conversation that nothing is known of.
    pub fn new(conversation: ConversationId) -> Self {
        Self {
            conversation,
            activity: Timestamp(0),
            synced_to: None,
            detail: TrackDetail {
                need: Need::Nothing,
                walk: None,
                mark: None,
                completeness: Completeness::OutOfScope,
                before: None,
                probed: 0,
                unproven: 0,
                stirred: false,
                expected: None,
                newest: None,
                stale: 0,
                attempts: 0,
                odd: 0,
                resets: 0,
                trouble: None,
                oldest: None,
            },
        }
    }

    /// How urgent it is: 0 before the first page of a walk or a delta, 1 within a walk, 2 after failures; `None` when
    /// nothing is due. Among equals the newest activity goes first.
    pub fn due_rank(&self) -> Option<u8> {
        let detail = &self.detail;
        let is_due = detail.walk.is_some() || detail.need != Need::Nothing;
        if !is_due || matches!(detail.completeness, Completeness::SetAside | Completeness::OutOfScope) {
            return None;
        }
        Some(match detail {
            _ if detail.attempts > 0 => 2,
            TrackDetail { walk: Some(walk), .. } if walk.paging.has_begun() => 1,
            _ => 0,
        })
    }
}

/// Walks that a forced run begins anew because the last one had no plain end.
pub const UNPROVEN_WALKS_MAX: u32 = 3;

/// The track of a conversation in a run that somebody forced: one more try for what was set aside, another walk for what
/// had no plain end. `None` when there is nothing to try again.
pub fn revive(old: &ConversationTrack) -> Option<ConversationTrack> {
    let mut track = old.clone();
    let detail = &mut track.detail;
    match detail.completeness {
        Completeness::SetAside => try_again(detail),
        Completeness::EndUnproven if detail.unproven < UNPROVEN_WALKS_MAX => {
            detail.need = Need::Sweep;
            detail.stirred = true;
        }
        _ => return None,
    }
    Some(track)
}

/// The track of a conversation that is to be walked again from the top; `None` when it is not walked at all.
pub fn sweep(old: &ConversationTrack) -> Option<ConversationTrack> {
    let mut track = old.clone();
    let detail = &mut track.detail;
    if matches!(detail.completeness, Completeness::SetAside | Completeness::OutOfScope) || detail.walk.is_some() {
        return None;
    }
    detail.need = Need::Sweep;
    // What changes meanwhile is asked for after the walk.
    detail.stirred = true;
    Some(track)
}

/// The track of a conversation of which a list has shown more than was brought: it is due.
pub fn rouse(old: &ConversationTrack) -> ConversationTrack {
    let mut track = old.clone();
    let need = match (old.synced_to, &old.detail.mark) {
        (None, _) => Need::Fill,
        (Some(_), Some(_)) => Need::Changes,
        (Some(_), None) => Need::Sweep,
    };
    track.detail.need = track.detail.need.max(need);
    track
}

/// What was set aside gets one more try; another failure sets it aside again.
fn try_again(detail: &mut TrackDetail) {
    detail.completeness = if detail.oldest.is_some() { Completeness::Partial } else { Completeness::Listed };
    detail.attempts = CONVERSATION_ATTEMPTS_MAX - 1;
}

/// What a list or a delta said about a conversation, for its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Which thread.
    pub conversation: ConversationId,
    /// Newest activity shown.
    pub activity: Option<Timestamp>,
    /// Whether it is in a mirrored category, where categories were told.
    pub in_scope: Option<bool>,
    /// The newest message that was shown inside it.
    pub newest: Option<(Timestamp, MessageId)>,
    /// Whether an answer to a sync token said that something in it changed.
    pub changed: bool,
    /// The inbox's mark when it was shown: serves the conversation until it has one of its own.
    pub mark: Option<SyncToken>,
}

impl Sighting {
    /// What a listed conversation says for its track, when it is just shown.
    pub fn of(seen: &ConversationSeen, newest: Option<(Timestamp, MessageId)>, scope: &[String]) -> Self {
        Self {
            conversation: seen.id.clone(),
            activity: seen.last_activity_at,
            in_scope: seen.categories.as_ref().map(|told| scope.iter().any(|category| told.contains(category))),
            newest,
            changed: false,
            mark: None,
        }
    }
}

/// The track of a conversation after it was sighted.
pub fn sight(old: Option<&ConversationTrack>, sighting: &Sighting) -> ConversationTrack {
    let mut track = old.cloned().unwrap_or_else(|| ConversationTrack::new(sighting.conversation.clone()));
    let is_above = |at, synced| at > synced || (at == synced && planted::is(Bug::KnownActivityIsNew));
    let was_above = track.synced_to.is_none_or(|synced| sighting.activity.is_some_and(|at| is_above(at, synced)));
    let is_news = sighting.changed || sighting.activity.is_some_and(|at| at > track.activity);
    if let Some(activity) = sighting.activity {
        track.activity = track.activity.max(activity);
    }
    if track.detail.mark.is_none() {
        track.detail.mark = sighting.mark.clone().map(|token| MessageMark { token, borrowed: true });
    }
    let in_scope = sighting.in_scope.unwrap_or(old.is_none() || track.detail.completeness != Completeness::OutOfScope);
    if !in_scope && !planted::is(Bug::ScopeIgnored) {
        return leave(&track);
    }
    if track.detail.completeness == Completeness::OutOfScope {
        return expecting(enter(track, old.is_some()), sighting);
    }
    let has_seen_nothing = has_seen_nothing(&track);
    let detail = &mut track.detail;
    // It may have been gone when the empty page was given, and what brought it back is this: to find it there proves nothing.
    let is_probed = |walk: &&mut MessageWalk| walk.paging.is_probing() && !planted::is(Bug::ReturnDuringProbe);
    if let Some(walk) = detail.walk.as_mut().filter(|walk| is_news && is_probed(walk)) {
        walk.paging = Paging::default();
    }
    if sighting.changed || was_above {
        let never_filled = track.synced_to.is_none();
        if detail.completeness == Completeness::SetAside && !planted::is(Bug::SetAsideForever) {
            try_again(detail);
        }
        // A walk whose end was not plain may have missed something: what changed is no answer to that.
        let is_doubtful = detail.completeness == Completeness::EndUnproven || detail.probed == 1 || has_seen_nothing;
        match (never_filled, detail.walk.is_some()) {
            _ if is_doubtful => {
                detail.need = Need::Sweep;
                detail.stirred = true;
            }
            (true, false) => {
                detail.need = detail.need.max(Need::Fill);
                detail.stirred |= sighting.changed && old.is_some();
            }
            (true, true) if !sighting.changed || planted::is(Bug::ChangeDuringFillForgotten) => {}
            _ => detail.need = detail.need.max(Need::Changes),
        }
        return expecting(track, sighting);
    }
    track
}

/// The track of a conversation that left the mirrored categories, or is gone: nothing is asked, nothing is forgotten.
pub fn leave(old: &ConversationTrack) -> ConversationTrack {
    let mut track = old.clone();
    let detail = &mut track.detail;
    detail.need = Need::Nothing;
    detail.expected = None;
    if detail.completeness != Completeness::OutOfScope {
        detail.before = Some(detail.completeness);
        detail.completeness = Completeness::OutOfScope;
    }
    track
}

/// The track of a conversation that came (back): filled, or asked what changed since its mark.
fn enter(mut track: ConversationTrack, was_known: bool) -> ConversationTrack {
    let was_begun = track.synced_to.is_some() || track.detail.walk.is_some();
    let has_seen_nothing = has_seen_nothing(&track);
    let detail = &mut track.detail;
    detail.need = match was_begun {
        true if planted::is(Bug::ReturnedNotAsked) => Need::Nothing,
        true => Need::Changes,
        false => Need::Fill,
    };
    detail.completeness = match detail.before.take() {
        Some(Completeness::SetAside) | None => Completeness::Listed,
        Some(before) => before,
    };
    if detail.completeness == Completeness::EndUnproven || detail.probed > 0 || has_seen_nothing {
        detail.need = Need::Sweep;
    }
    detail.stirred |= was_known;
    // What the walk saw last may have been the absence; it begins anew with its old mark.
    if let Some(walk) = &mut detail.walk {
        walk.paging = Paging::default();
    }
    track
}

/// Whether it was walked and there was no message at all, which a conversation that is gone for a moment shows, too.
fn has_seen_nothing(track: &ConversationTrack) -> bool {
    let is_empty = track.synced_to.is_some() && track.detail.walk.is_none() && track.detail.oldest.is_none();
    is_empty && !planted::is(Bug::EmptyWalkBelieved)
}

fn expecting(mut track: ConversationTrack, sighting: &Sighting) -> ConversationTrack {
    if let Some((at, id)) = &sighting.newest
        && track.detail.newest.is_none_or(|newest| *at > newest)
    {
        track.detail.expected = Some((*at, id.clone()));
    }
    track
}
