//! What each planted bug breaks, and the cheapest stage of the gate that has to catch it.
//!
//! What a bug does wrong stands at its name in `crates/core/src/planted.rs`, where it is done is found in the sources. A
//! bug that survives is never taken out of here: the gate is made stronger.

/// A part of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The rules of the core, value by value: tests with this in their name.
    Values(&'static str),
    /// Tests inside the program with this in their name.
    Unit(&'static str),
    /// Tests of the program from outside with this in their name.
    It(&'static str),
}

/// A bug and what has to catch it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name.
    pub bug: &'static str,
    /// What does not hold any more.
    pub breaks: &'static str,
    /// What has to catch it.
    pub by: Stage,
}

const fn row(bug: &'static str, breaks: &'static str, by: Stage) -> Row {
    Row { bug, breaks, by }
}

/// Every bug, in the order of their list.
pub const ROWS: &[Row] = &[
    row("EqualTimesAreNoNews", "nothing lost", Stage::Values("walks::items")),
    row("RepeatedPageIsNews", "paging ends", Stage::Values("walks::")),
    row("EndlessPages", "paging ends", Stage::Values("walks::every_list")),
    row("EmptyPageIsTheEnd", "nothing lost", Stage::Values("walks::an_empty_page")),
    row("GoneListIsTheEnd", "nothing lost", Stage::Values("walks::an_empty_last")),
    row("UnprovenEndIsTheEnd", "says what it lacks", Stage::Values("walks::every_list")),
    row("OddAnswerNotAskedAgain", "nothing lost", Stage::Values("absorbing::a_damaged")),
    row("FailuresNeverForgotten", "backoff obeyed", Stage::Values("absorbing::an_answer")),
    row("LostMarkBelievedAtOnce", "least requests", Stage::Values("absorbing::a_lost")),
    row("DrainedTokenDropped", "least requests", Stage::Values("absorbing::a_delta")),
    row("FullInboxDeltaIsAll", "nothing lost", Stage::Values("absorbing::a_full")),
    row("FullDeltaIsAll", "nothing lost", Stage::Values("changes::a_full")),
    row("StirNotNoticed", "nothing lost", Stage::Values("absorbing::a_list")),
    row("StaleAnswerBelieved", "nothing lost", Stage::Values("absorbing::an_answer_without")),
    row("MarkTakenAtWalkEnd", "nothing lost", Stage::Values("absorbing::a_walk_keeps")),
    row("SyncedToNewestSeen", "cursor never ahead", Stage::Values("absorbing::a_walk_keeps")),
    row("FirstPageFinishes", "cursor never ahead", Stage::Values("absorbing::a_walk_keeps")),
    row("MarkOfEmptyAnswerTaken", "nothing lost", Stage::Values("changes::an_empty")),
    row("MarkOfOddAnswerTaken", "nothing lost", Stage::Values("changes::a_damaged")),
    row("SameTimeSameMessage", "nothing lost", Stage::Values("absorbing::messages_are")),
    row("VanishedIsDeleted", "absence deletes nothing", Stage::Values("absorbing::absence")),
    row("DeltaTakenForPage", "converges", Stage::Values("changes::changes_move")),
    row("BlockedIsRetried", "backoff obeyed", Stage::Values("settling::a_block")),
    row("DeadSessionAsksAgain", "session death is clean", Stage::Values("settling::a_dead")),
    row("RateLimitNotDoubled", "backoff obeyed", Stage::Values("settling::a_429")),
    row("LostCursorKept", "converges", Stage::Values("settling::a_refused_cursor")),
    row("RefusedMarkKept", "converges", Stage::Values("settling::a_refused_mark")),
    row("OneConversationStopsAll", "bad pages are harmless", Stage::Values("settling::a_conversation")),
    row("RetryAfterIgnored", "backoff obeyed", Stage::Values("names::each_pace")),
    row("HoldIgnored", "backoff obeyed", Stage::Values("steps::a_wait")),
    row("DeltaOnlyOnce", "converges", Stage::Values("steps::first_a_mark")),
    row("DrainNotAsked", "nothing lost", Stage::Values("steps::what_moved")),
    row("AnchorAtNewest", "clock-proof", Stage::Values("steps::the_first_page")),
    row("ChangeDuringFillForgotten", "nothing lost", Stage::Values("tracks::a_change")),
    row("KnownActivityIsNew", "least requests", Stage::Values("tracks::only_newer")),
    row("SetAsideForever", "converges", Stage::Values("tracks::what_was_set")),
    row("ReturnedNotAsked", "nothing lost", Stage::Values("tracks::what_leaves")),
    row("ScopeIgnored", "least requests", Stage::Values("tracks::what_no_list")),
    row("TombstoneRevived", "deletes hold", Stage::Values("records::a_recall")),
    row("OlderEditOverwrites", "no edit regressed", Stage::Values("records::an_older")),
    row("EarlierTextOverwrites", "no edit regressed", Stage::Values("records::an_older")),
    row("PriorTextLost", "edits are kept", Stage::Values("records::an_edit")),
    row("EditWithoutEvent", "one event for a change", Stage::Values("records::an_edit")),
    row("RenewedLinkIsAnEdit", "one event for a change", Stage::Values("records::a_renewed")),
    row("VersionSkipped", "one event for a change", Stage::Values("records::an_edit")),
    row("UntoldReactionsErased", "absence deletes nothing", Stage::Values("records::what_is_not_told")),
    row("DeletedConversationRevived", "deletes hold", Stage::Values("records::a_removed")),
    row("StalePageOverwrites", "no edit regressed", Stage::Values("records::a_stale")),
    row("UntoldTitleErased", "absence deletes nothing", Stage::Values("records::a_conversation")),
    row("UntoldNameErased", "absence deletes nothing", Stage::Values("records::silence")),
    row("CursorBeforeRecords", "cursor never ahead", Stage::It("manners::sqlite::between")),
    row("NoEpochCheck", "fencing", Stage::It("store_contract_commit::sqlite::a_lost_lease")),
    row("StaleFinishAccepted", "fencing", Stage::It("store_contract_jobs::sqlite::an_expired")),
    row("LeaseNotExtended", "fencing", Stage::It("store_contract_jobs::sqlite::a_commit")),
    row("LiveLeaseClaimed", "fencing", Stage::It("store_contract_jobs::sqlite::a_job_is")),
    row("CancelIgnored", "a user is obeyed", Stage::It("manners::sqlite::a_run")),
    row("PutBackLosesProgress", "says what it did", Stage::It("store_contract_jobs::sqlite::a_waiting_job")),
    row("WaitNotKept", "backoff obeyed", Stage::It("store_contract_jobs::sqlite::a_waiting_job")),
    row("GapForgotten", "slow by default", Stage::It("manners::sqlite::between")),
    row("HoldDropped", "backoff obeyed", Stage::It("store_contract_commit::sqlite::a_hold")),
    row("FatalAnswerKeepsCookies", "session death is clean", Stage::Unit("source::voyager::tests::a_rotated")),
    row("EventIdOfPosition", "one event for a change", Stage::It("store_contract_commit::sqlite::a_dead")),
    row("EventGap", "event log without gaps", Stage::It("store_contract_commit::sqlite::events")),
    row("ConversationEventMissing", "one event for a change", Stage::It("store_contract_commit::sqlite::a_changed")),
    row("RemovedCountsOn", "says what it has", Stage::It("store_contract_commit::sqlite::deletions")),
    row("NewestNotLaid", "lists are true", Stage::It("store_contract_listed::sqlite::the_newest")),
    row("LeaverForgotten", "nothing lost", Stage::It("store_contract_listed::sqlite::participants")),
    row("ChangedRowNotWritten", "converges", Stage::It("store_contract_commit::sqlite::edits")),
    row("CategoriesPileUp", "lists are true", Stage::It("store_contract_export::sqlite::the_export")),
    row("OdditiesCountOnce", "says what it lacks", Stage::It("store_contract_commit::sqlite::oddities")),
    row("RemovalLeavesRows", "removal is whole", Stage::It("store_contract_accounts::sqlite::a_removed")),
    row("RemovalKeepsSession", "removal is whole", Stage::It("store_contract_accounts::sqlite::a_removed")),
    row("LoginErasesSync", "nothing lost", Stage::It("store_contract_accounts::sqlite::a_new_login")),
    row(
        "ResumeRevivesDeadSession",
        "session death is clean",
        Stage::It("store_contract_accounts::sqlite::only_a_pause"),
    ),
    row("ReferredBytesRemoved", "nothing lost", Stage::It("store_contract_media::sqlite::an_object")),
    row("BytesBeforeRow", "nothing lost", Stage::It("store_contract_media::sqlite::an_expected")),
    row("RenewedLinkForgets", "nothing lost", Stage::It("store_contract_media::sqlite::a_renewed")),
    row("MediaHashNotChecked", "bad pages are harmless", Stage::It("vault_contract::a_damaged")),
    row("ExpiredLinkNotRenewed", "converges", Stage::It("media_stories::sqlite::a_dead_link")),
    row("MediaTriedForEver", "backoff obeyed", Stage::It("media_stories::sqlite::what_fails")),
    row("KeysetSkipsEqual", "stable paging", Stage::It("store_contract_reads::sqlite::pages")),
    row("ListKeysetRepeats", "stable paging", Stage::It("store_contract_reads::sqlite::pages")),
    row("SinceIsInclusive", "stable paging", Stage::It("api_messages::a_plain_time")),
    row("UnreadByFlagAlone", "lists are true", Stage::It("store_contract_reads::sqlite::unread")),
    row("ForeignConversationRead", "own records only", Stage::It("store_contract_reads::sqlite::one_conversation")),
    row("DeletedShown", "deletes hold", Stage::It("api_lists::filters")),
    row("RevokedKeyAccepted", "own records only", Stage::It("api_access::row_04")),
    row("KeyGrowsBeyondItself", "own records only", Stage::It("api_admin::an_admin_of_one")),
    row("RateLimitOffByOne", "limits hold", Stage::Unit("http::limits")),
    row("RateLimitRefillsTwice", "limits hold", Stage::Unit("http::limits")),
    row("CsrfAskedForEver", "backoff obeyed", Stage::Unit("source::voyager::tests::a_rotated")),
    row("RedirectIsPassing", "session death is clean", Stage::Unit("source::voyager::tests::every_answer")),
    row("LoginPageIsOdd", "session death is clean", Stage::Unit("source::voyager::tests::every_answer")),
    row("RetryDateAsSpan", "backoff obeyed", Stage::Unit("source::voyager::tests::every_answer")),
    row("RotatedCookieNotKept", "session death is clean", Stage::Unit("source::voyager::tests::a_renewed")),
    row("RevokedSessionOverlooked", "session death is clean", Stage::Unit("source::voyager::tests::every_answer")),
    row("ForeignCookieTaken", "session death is clean", Stage::Unit("source::voyager::cookies")),
    row("OtherMemberAccepted", "own records only", Stage::It("api_admin::row_41")),
    row("OddRecordEndsPage", "bad pages are harmless", Stage::Unit("source::voyager::parse::tests::a_strange")),
    row("OddityDropped", "says what it lacks", Stage::Unit("source::voyager::parse::tests::a_missing")),
    row("ForeignTombstone", "deletes hold", Stage::Unit("source::voyager::parse::tests::lists::a_delta")),
    row("PlaceholderIsAName", "absence deletes nothing", Stage::Unit("source::voyager::parse::tests::lists::people")),
    row("HalfTheParticipants", "absence deletes nothing", Stage::Unit("source::voyager::parse::tests::lists::row_42")),
    row("QuietRunNotNoted", "says what it did", Stage::It("store_contract_jobs::sqlite::the_end")),
    row("ForcedWaits", "a user is obeyed", Stage::It("store_contract_jobs::sqlite::a_second")),
    row("SecondJob", "one request in flight", Stage::It("store_contract_jobs::sqlite::a_second")),
];
