//! What a step of a verification writes: where it is, what lists have shown, and the verdicts.
//!
//! It is written with the step's own records, so that a crash repeats one page and no verdict is ahead of its page.

use std::collections::{BTreeMap, BTreeSet};

use threadkeep_core::id::ConversationId;
use threadkeep_core::verify::{Depth, Stage, Verdict, VerifyBatch, Weight, drift_of};

use crate::store::statement::{Kind, Statement, Value, insert_rows, json, json_list, sql};
use crate::store::{Commit, StoreResult};

const SHOWN_HEAD: &str = "INSERT INTO verdicts (account_pk, conversation_id, shown_in) VALUES";
const SHOWN_TAIL: &str = "ON CONFLICT (account_pk, conversation_id) DO UPDATE SET shown_in = excluded.shown_in";
const LISTED_HEAD: &str = "INSERT INTO verdicts \
     (account_pk, conversation_id, listed_at, listed_drift, listed_findings, repaired_at) VALUES";
const LISTED_TAIL: &str = "ON CONFLICT (account_pk, conversation_id) DO UPDATE SET \
     listed_at = COALESCE(excluded.listed_at, verdicts.listed_at), listed_drift = excluded.listed_drift, \
     listed_findings = excluded.listed_findings, repaired_at = COALESCE(excluded.repaired_at, verdicts.repaired_at)";
const READ_HEAD: &str = "INSERT INTO verdicts \
     (account_pk, conversation_id, read_at, read_drift, read_findings, upstream_messages, repaired_at) VALUES";
const READ_TAIL: &str = "ON CONFLICT (account_pk, conversation_id) DO UPDATE SET \
     read_at = COALESCE(excluded.read_at, verdicts.read_at), read_drift = excluded.read_drift, \
     read_findings = excluded.read_findings, \
     upstream_messages = COALESCE(excluded.upstream_messages, verdicts.upstream_messages), \
     repaired_at = COALESCE(excluded.repaired_at, verdicts.repaired_at)";

/// The statements that write it.
pub(super) fn write(
    script: &mut Vec<Statement>,
    commit: &Commit<'_>,
    account_pk: i64,
    written: &VerifyBatch,
) -> StoreResult<()> {
    let state = &written.state;
    let shown: BTreeSet<&ConversationId> = written.shown.iter().collect();
    let pass = state.pass_number();
    let values = shown.into_iter().flat_map(|id| [Value::from(account_pk), id.into(), pass.into()]).collect();
    insert_rows(script, SHOWN_HEAD, SHOWN_TAIL, 3, values);
    write_verdicts(script, commit, account_pk, &written.verdicts)?;
    let is_over = state.stage == Stage::Done;
    script.push(sql!(
        "INSERT INTO verifications (account_pk, job_id, asked, started_at, finished_at, state) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_pk) DO UPDATE SET \
         started_at = CASE WHEN verifications.job_id = excluded.job_id AND verifications.asked = excluded.asked \
         THEN verifications.started_at ELSE excluded.started_at END, \
         job_id = excluded.job_id, asked = excluded.asked, finished_at = excluded.finished_at, state = excluded.state",
        account_pk,
        commit.lease.job,
        state.ask.as_str(),
        commit.now,
        is_over.then_some(commit.now),
        json(state)?,
    ));
    Ok(())
}

fn write_verdicts(
    script: &mut Vec<Statement>,
    commit: &Commit<'_>,
    account_pk: i64,
    verdicts: &[Verdict],
) -> StoreResult<()> {
    // One row for each conversation, or PostgreSQL refuses the statement.
    let by_depth = |depth| {
        let of_depth = verdicts.iter().filter(move |one| one.depth == depth);
        of_depth.map(|one| (&one.conversation, one)).collect::<BTreeMap<&ConversationId, &Verdict>>()
    };
    let mut listed = Vec::new();
    for verdict in by_depth(Depth::Lists).into_values() {
        listed.extend(Told::of(verdict, commit).values(account_pk, verdict)?);
        listed.push(repaired(verdict, commit));
    }
    insert_rows(script, LISTED_HEAD, LISTED_TAIL, 6, listed);
    let mut read = Vec::new();
    for verdict in by_depth(Depth::Messages).into_values() {
        read.extend(Told::of(verdict, commit).values(account_pk, verdict)?);
        read.extend([verdict.upstream_messages.map(i64::from).into(), repaired(verdict, commit)]);
    }
    insert_rows(script, READ_HEAD, READ_TAIL, 7, read);
    Ok(())
}

/// When it was verified and how much drift is left.
struct Told {
    at: Value,
    drift: i64,
}

impl Told {
    fn of(verdict: &Verdict, commit: &Commit<'_>) -> Self {
        // What could not be judged was not verified.
        let is_judged = verdict.findings.iter().all(|one| one.kind.weight() != Weight::Unsure);
        let drift = if verdict.is_repaired { 0 } else { i64::from(drift_of(&verdict.findings)) };
        Self { at: is_judged.then_some(commit.now).into(), drift }
    }

    fn values(self, account_pk: i64, verdict: &Verdict) -> StoreResult<[Value; 5]> {
        let findings = json_list(&verdict.findings)?;
        Ok([account_pk.into(), (&verdict.conversation).into(), self.at, self.drift.into(), findings])
    }
}

fn repaired(verdict: &Verdict, commit: &Commit<'_>) -> Value {
    match verdict.is_repaired {
        true => commit.now.into(),
        false => Value::Null(Kind::Int),
    }
}
