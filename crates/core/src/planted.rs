//! Bugs that are planted on purpose, to see whether the tests find them; `cargo xtask planted` switches on one at a time.
//!
//! Each bug is asked for at exactly one place, in one short line. Without the feature `planted` the answer is `false`
//! when the program is compiled, and no build without debug assertions can have the feature: nothing of this may ever
//! reach a release. What each bug breaks and what has to catch it stands in `docs/PLANTED.md`.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted bugs are for test builds: the feature `planted` needs debug assertions");

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A mistake that a good programmer makes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug { $($(#[$doc])* $name,)+ }

        impl Bug {
            /// Every bug.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name by which it is chosen.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }
    };
}

bugs! {
    /// A page whose messages share the lowest time seen so far is taken for a repeated one (`<` for `<=`).
    EqualTimesAreNoNews,
    /// Any page with records counts as progress, also one that was seen before.
    RepeatedPageIsNews,
    /// Pages without news are not counted, so a list in a cycle is followed for ever.
    EndlessPages,
    /// An empty page ends the list although its cursor leads on.
    EmptyPageIsTheEnd,
    /// An empty last page proves the end, although the list may be gone for a moment.
    GoneListIsTheEnd,
    /// A list that only stops bringing news counts as walked to its end.
    UnprovenEndIsTheEnd,
    /// An answer with a damaged record is taken as it is at once.
    OddAnswerNotAskedAgain,
    /// An answer does not end the count of failures in a row.
    FailuresNeverForgotten,
    /// A single refusal of the inbox's mark costs a walk of every list.
    LostMarkBelievedAtOnce,
    /// The token that came with the drained changes is dropped, and the old one asked again.
    DrainedTokenDropped,
    /// A delta of the inbox that is full is taken for all that changed.
    FullInboxDeltaIsAll,
    /// A delta of a conversation that is full is taken for all that changed.
    FullDeltaIsAll,
    /// A conversation that moves while the lists are walked does not lead to a drain.
    StirNotNoticed,
    /// An answer without the message that the list has just shown is taken for fresh.
    StaleAnswerBelieved,
    /// The mark of a conversation is the newest token at the end of its walk, not the one from before it.
    MarkTakenAtWalkEnd,
    /// A walk counts for the newest activity seen while it ran, not for the one it was started for.
    SyncedToNewestSeen,
    /// A conversation counts as finished after the first page of its walk.
    FirstPageFinishes,
    /// The mark of an empty answer is stored, though a conversation that is gone for a moment gives one too.
    MarkOfEmptyAnswerTaken,
    /// The mark of an answer with a damaged record is stored, so the record is never asked for again.
    MarkOfOddAnswerTaken,
    /// Messages of one page are told apart by their time instead of their id.
    SameTimeSameMessage,
    /// A conversation whose page is empty is marked as deleted: absence deletes.
    VanishedIsDeleted,
    /// Changes that a mark brought are believed no more than a stale page.
    DeltaTakenForPage,
    /// A 999 is waited out for seconds like a failure that passes.
    BlockedIsRetried,
    /// A dead session is asked again like a server that is down.
    DeadSessionAsksAgain,
    /// The wait after a 429 does not grow.
    RateLimitNotDoubled,
    /// A refused cursor is asked again instead of starting the walk anew.
    LostCursorKept,
    /// A refused mark of a conversation is kept and asked again after every sweep.
    RefusedMarkKept,
    /// Unreadable answers of one conversation count as failures of the whole inbox.
    OneConversationStopsAll,
    /// A 429 is waited out by our own schedule, whatever `Retry-After` says.
    RetryAfterIgnored,
    /// A stored wait does not hold.
    HoldIgnored,
    /// A run that finds a mark asks for no changes.
    DeltaOnlyOnce,
    /// No delta is asked after the walks, whatever moved meanwhile.
    DrainNotAsked,
    /// The first page is asked before the newest activity instead of behind it.
    AnchorAtNewest,
    /// A change told while a conversation is filled for the first time is not asked for afterwards.
    ChangeDuringFillForgotten,
    /// Activity that is already known makes a conversation due (`>=` for `>`).
    KnownActivityIsNew,
    /// A conversation that was set aside stays so, whatever happens in it.
    SetAsideForever,
    /// A conversation that comes back into a mirrored category is not asked what changed meanwhile.
    ReturnedNotAsked,
    /// Conversations outside of the mirrored categories are filled too.
    ScopeIgnored,
    /// A page that is older than a tombstone brings the message back.
    TombstoneRevived,
    /// The text from before an edit overwrites the edited one.
    OlderEditOverwrites,
    /// A stale page brings an earlier edit back.
    EarlierTextOverwrites,
    /// The text that an edit replaced is not kept.
    PriorTextLost,
    /// A second edit of a message is written without a version and without an event.
    EditWithoutEvent,
    /// A renewed media link counts as an edit: an event without a change.
    RenewedLinkIsAnEdit,
    /// A change of a message counts two versions.
    VersionSkipped,
    /// An answer that does not tell of reactions removes them.
    UntoldReactionsErased,
    /// A page of the tombstone's own time brings a conversation back (`>=` for `>`).
    DeletedConversationRevived,
    /// A page with older activity overwrites a conversation.
    StalePageOverwrites,
    /// An answer that does not tell the title removes it.
    UntoldTitleErased,
    /// An answer that does not tell a last name removes it.
    UntoldNameErased,
    /// The tracks of a page are committed before its records, in a transaction of their own.
    CursorBeforeRecords,
    /// A commit is accepted from a worker whose job has been taken over.
    NoEpochCheck,
    /// The end of a run is accepted from a worker whose job has been taken over.
    StaleFinishAccepted,
    /// A commit does not extend the lease, so a long run is taken over while it lives.
    LeaseNotExtended,
    /// A job is claimed although somebody works on it.
    LiveLeaseClaimed,
    /// A running job goes on when it is asked to stop.
    CancelIgnored,
    /// A job that is put back forgets what it has counted.
    PutBackLosesProgress,
    /// A job that is put back is due at once, whatever it waits for.
    WaitNotKept,
    /// The pause between two requests is not kept when another worker goes on.
    GapForgotten,
    /// A commit without a wait of its own ends the wait that is stored.
    HoldDropped,
    /// The cookies of an answer that ended the session replace the stored ones.
    FatalAnswerKeepsCookies,
    /// The id of an event is made of its place in the batch, so a repeated page tells it again under another id.
    EventIdOfPosition,
    /// The number of the last event counts one too many.
    EventGap,
    /// A conversation that changed is written without an event.
    ConversationEventMissing,
    /// A removed message still counts among the messages of its account.
    RemovedCountsOn,
    /// What lists show as the newest message stays when that message changes.
    NewestNotLaid,
    /// Somebody who left a group is dropped from its history.
    LeaverForgotten,
    /// A message that is known is not written again when it changes.
    ChangedRowNotWritten,
    /// Categories that a conversation has left stay searchable.
    CategoriesPileUp,
    /// An unreadable record that comes again makes no note of when.
    OdditiesCountOnce,
    /// Removing an account leaves its conversations' people behind.
    RemovalLeavesRows,
    /// Removing an account leaves its sealed session.
    RemovalKeepsSession,
    /// A new login starts the mirror anew.
    LoginErasesSync,
    /// Resuming a paused account makes one connected whose session is dead.
    ResumeRevivesDeadSession,
    /// Bytes that an attachment still refers to are marked for removal.
    ReferredBytesRemoved,
    /// An attachment is shown as stored though its bytes are being removed.
    BytesBeforeRow,
    /// A renewed link throws away what was fetched by the old one.
    RenewedLinkForgets,
    /// Bytes from the vault are served without being compared with their hash.
    MediaHashNotChecked,
    /// An attachment whose link is dead is given up without asking its message again.
    ExpiredLinkNotRenewed,
    /// What changed while an empty page was doubted is no reason to walk again.
    ReturnDuringProbe,
    /// A refused secret is sent once more by somebody who was away for longer than the lease.
    SecondTryWithoutLease,
    /// An import whose process is gone is told as going on.
    DeadImportGoesOn,
    /// A session does not tell when its login ends.
    LoginEndForgotten,
    /// A conversation in which the first walk saw nothing is believed to be empty.
    EmptyWalkBelieved,
    /// Bytes that somebody began to remove and never finished removing are waited for without end.
    LeavingBytesAwaited,
    /// An attachment that fails is tried without end.
    MediaTriedForEver,
    /// The pause after a file is not kept by the run that fetched it.
    FileGapForgotten,
    /// An attachment that was refused or is gone is fetched anew whenever somebody looks at it.
    GivenUpAskedAgain,
    /// Removing an account removes the attachments of those that came after it.
    RemovalTakesNeighbours,
    /// A run that fails does not end as long as somebody waits for a verification.
    FailedRunGoesOn,
    /// Whoever gets another id, under which they had left a conversation, is gone from it.
    NewIdHidesPresence,
    /// A new login of another member leaves the lists as they were laid for the former one.
    ListsOfFormerOwner,
    /// The next page of messages leaves out those of the same time (`<` on the time alone).
    KeysetSkipsEqual,
    /// The next page of conversations shows the last one again (`<=` for `<`).
    ListKeysetRepeats,
    /// Messages since a time include those of that time.
    SinceIsInclusive,
    /// The unread filter leaves out conversations that have unread messages but are marked as read.
    UnreadByFlagAlone,
    /// A key for one account reads a conversation of another.
    ForeignConversationRead,
    /// Conversations that are gone appear in lists.
    DeletedShown,
    /// A revoked key works on.
    RevokedKeyAccepted,
    /// A key that is limited to an account makes one that is not.
    KeyGrowsBeyondItself,
    /// A bucket gives one request more than it holds.
    RateLimitOffByOne,
    /// A refused request fills the bucket as if no time had been counted.
    RateLimitRefillsTwice,
    /// A refused CSRF secret is asked again and again.
    CsrfAskedForEver,
    /// A redirect to the login page counts as a server that is down for a moment.
    RedirectIsPassing,
    /// A login page in place of data counts as an answer that cannot be read.
    LoginPageIsOdd,
    /// The date of a `Retry-After` is taken for a length of time.
    RetryDateAsSpan,
    /// A cookie that LinkedIn changes is not stored.
    RotatedCookieNotKept,
    /// A cookie that ends the session is overlooked when the answer looks good.
    RevokedSessionOverlooked,
    /// A cookie for another site enters the jar.
    ForeignCookieTaken,
    /// Cookies of another member are accepted for an account.
    OtherMemberAccepted,
    /// One strange record makes a whole page unreadable.
    OddRecordEndsPage,
    /// A strange record leaves no trace.
    OddityDropped,
    /// A tombstone of a message removes its conversation.
    ForeignTombstone,
    /// The placeholder of a deleted member overwrites the name that was known.
    PlaceholderIsAName,
    /// A list of participants that cannot be read whole is taken for all of them.
    HalfTheParticipants,
    /// A run that changed nothing does not count as a sync.
    QuietRunNotNoted,
    /// A forced sync waits as long as the one it joins.
    ForcedWaits,
    /// An account that is being synced gets a second job.
    SecondJob,
}

/// Whether this bug is planted in this process.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn is(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use chosen::{UnknownBug, is, plant};

#[cfg(feature = "planted")]
mod chosen {
    use std::sync::OnceLock;

    use super::Bug;

    static CHOSEN: OnceLock<Option<Bug>> = OnceLock::new();

    /// No bug has this name.
    #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
    #[error("there is no planted bug `{0}`: docs/PLANTED.md has the list")]
    pub struct UnknownBug(pub String);

    /// Plants a bug, or none, for the whole process; the first choice stands.
    pub fn plant(name: Option<&str>) -> Result<(), UnknownBug> {
        let bug = name.map(named).transpose()?;
        CHOSEN.get_or_init(|| bug);
        Ok(())
    }

    /// Whether this bug is planted in this process.
    pub fn is(bug: Bug) -> bool {
        CHOSEN.get().copied().flatten() == Some(bug)
    }

    fn named(name: &str) -> Result<Bug, UnknownBug> {
        Bug::ALL.iter().copied().find(|bug| bug.name() == name).ok_or_else(|| UnknownBug(name.to_owned()))
    }
}
