//! The contract of verifications: what is asked for is kept once, and what is compared with is what lies here.

use anyhow::Context;
use threadkeep::store::{Commit, JobEnd, JobFailure, JobState, VerdictRow};
use threadkeep_core::page::Oddity;
use threadkeep_core::sync::Batch;
use threadkeep_core::time::Timestamp;
use threadkeep_core::verify::compare::Window;
use threadkeep_core::verify::{Ask, Depth, Finding, Kind, Verdict, Verification, VerifyBatch};

use crate::store_database::Database;
use crate::store_fixture::{
    NOW, Worker, account_id, batch, conversation, conversation_id, listed, message, message_id, spoken,
};

crate::on_both_databases!(
    a_verification_joins_the_open_run,
    a_run_that_was_asked_to_verify_does_not_end_before_it_has,
    a_run_that_fails_ends_whatever_it_was_asked_for,
    what_is_kept_is_found_by_id_and_by_stretch,
    every_mirrored_conversation_has_its_turn,
    a_verdict_is_told_whole,
    oddities_come_in_pages,
    nothing_lags_where_nothing_was_shown,
);

async fn a_verification_joins_the_open_run(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let ask = Ask { depth: Depth::Messages, repairs: false };
    let (job, joined) = db.store.enqueue_verify(worker.account(), ask, NOW).await?;
    assert!(joined && job.id == worker.lease.job && job.verify == Some(ask), "{job:?}");
    assert!(db.store.verification(worker.account()).await?.is_none(), "none has begun");
    assert!(db.store.verdicts(worker.account(), None, 10).await?.is_empty());
    Ok(())
}

async fn a_run_that_was_asked_to_verify_does_not_end_before_it_has(db: &Database) -> anyhow::Result<()> {
    let worker = Worker::new(&db.store, 1).await?;
    let ask = Ask { depth: Depth::Lists, repairs: false };
    db.store.enqueue_verify(worker.account(), ask, NOW).await?;
    db.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?;
    let job = db.store.job(worker.lease.job).await?;
    assert_eq!(job.map(|job| (job.state, job.verify)), Some((JobState::Waiting, Some(ask))));
    Ok(())
}

async fn a_run_that_fails_ends_whatever_it_was_asked_for(db: &Database) -> anyhow::Result<()> {
    let failure = JobFailure { code: "needs_login".into(), what: "the login has ended".into() };
    for (end, state) in [(JobEnd::Failed(failure), JobState::Failed), (JobEnd::Cancelled, JobState::Cancelled)] {
        let worker = Worker::new(&db.store, 1).await?;
        db.store.enqueue_verify(worker.account(), Ask { depth: Depth::Lists, repairs: false }, NOW).await?;
        db.store.finish(&worker.lease, &end, &worker.progress, NOW).await?;
        assert_eq!(db.store.job(worker.lease.job).await?.map(|job| job.state), Some(state));
    }
    Ok(())
}

async fn what_is_kept_is_found_by_id_and_by_stretch(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 9, "Ben")?])).await?;
    let messages = [("m1", 3), ("m2", 5), ("m3", 9)].map(|(name, at)| message("a", name, at, "words"));
    worker.commit(&spoken(messages.into_iter().collect::<Result<_, _>>()?)).await?;
    let (conversations, ids) = ([conversation_id("a")?, conversation_id("z")?], [message_id("m2")?, message_id("no")?]);
    let kept = db.store.kept(&account_id(1)?, &conversations, &ids).await?;
    assert_eq!((kept.conversations.len(), kept.messages.len()), (1, 1));
    assert!(kept.conversations.contains_key(&conversations[0]) && kept.messages.contains_key(&ids[0]));
    let window = Window { after: Some(Timestamp(3)), up_to: Some(Timestamp(9)) };
    let stretch = db.store.stretch(&account_id(1)?, &conversations[0], window).await?;
    assert_eq!(stretch.iter().map(|one| one.delivered_at.0).collect::<Vec<_>>(), [5, 9]);
    let all = db.store.stretch(&account_id(1)?, &conversations[0], Window { after: None, up_to: None }).await?;
    assert_eq!(all.len(), 3);
    let foreign = db.store.kept(&account_id(2)?, &conversations, &ids).await?;
    assert!(foreign.conversations.is_empty() && foreign.messages.is_empty());
    Ok(())
}

async fn every_mirrored_conversation_has_its_turn(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("b", 2, "Ben")?, conversation("a", 1, "Ben")?])).await?;
    let mut seen = Vec::new();
    while let Some(next) = db.store.next_to_read(worker.account(), seen.last()).await? {
        assert!(seen.len() < 2, "it does not end");
        seen.push(next);
    }
    assert_eq!(seen, [conversation_id("a")?, conversation_id("b")?]);
    assert_eq!(db.store.unlisted(worker.account(), 1).await?, seen, "no list has shown them yet");
    Ok(())
}

async fn a_verdict_is_told_whole(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 9, "Ben")?, conversation("b", 8, "Ben")?])).await?;
    let ask = Ask { depth: Depth::Messages, repairs: false };
    let mut wanted = VerdictRow {
        conversation: conversation_id("a")?,
        listed_at: None,
        listed_drift: 0,
        listed_findings: Vec::new(),
        read_at: None,
        read_drift: 0,
        read_findings: Vec::new(),
        upstream_messages: None,
        repaired_at: None,
    };
    // Each comes again with everything changed; one that could not be judged keeps the date of the last that could.
    let looks = [
        (Depth::Lists, Kind::Title, 1, false),
        (Depth::Messages, Kind::MessageMissing, 2, false),
        (Depth::Lists, Kind::ReadState, 3, true),
        (Depth::Messages, Kind::Reactions, 4, true),
        (Depth::Lists, Kind::Moved, 5, false),
        (Depth::Messages, Kind::Unreadable, 6, false),
        (Depth::Lists, Kind::ActivityOlder, 7, false),
        (Depth::Messages, Kind::MessageOlder, 8, false),
    ];
    for (depth, kind, number, is_repaired) in looks {
        let now = NOW.plus_ms(i64::from(number));
        let is_read = depth == Depth::Messages;
        let is_judged = !matches!(kind, Kind::Moved | Kind::Unreadable);
        let findings = vec![Finding { kind, count: number }];
        let upstream_messages = (is_read && is_judged).then_some(number);
        let verdict =
            Verdict { conversation: wanted.conversation.clone(), depth, findings, upstream_messages, is_repaired };
        let drift = if is_repaired || !is_judged { 0 } else { u64::from(number) };
        let (at, left, found) = match depth {
            Depth::Lists => (&mut wanted.listed_at, &mut wanted.listed_drift, &mut wanted.listed_findings),
            Depth::Messages => (&mut wanted.read_at, &mut wanted.read_drift, &mut wanted.read_findings),
        };
        *at = if is_judged { Some(now) } else { *at };
        (*left, *found) = (drift, verdict.findings.clone());
        wanted.upstream_messages = upstream_messages.map(u64::from).or(wanted.upstream_messages);
        wanted.repaired_at = if is_repaired { Some(now) } else { wanted.repaired_at };
        let state = Verification { pass: number, ..Verification::begin(ask, worker.lease.job, &[]) };
        let pass = state.pass_number();
        let verification = VerifyBatch { verdicts: vec![verdict], shown: vec![conversation_id("b")?], ..state.alone() };
        let batch = Batch { verification: Some(verification), ..batch() };
        db.store.commit(&Commit { now, ..worker.step(&batch) }).await?;
        assert_eq!(db.store.verdicts(worker.account(), None, 10).await?, [wanted.clone()], "{kind:?}");
        assert_eq!(
            db.store.unlisted(worker.account(), pass).await?,
            [conversation_id("a")?],
            "only the other was shown"
        );
        assert_eq!(db.store.unlisted(worker.account(), pass - 1).await?.len(), 2, "not in that walk of the lists");
        let row = db.store.verification(worker.account()).await?.context("it has begun")?;
        assert_eq!((row.job, row.asked, row.started_at), (worker.lease.job, ask, NOW.plus_ms(1)));
        assert_eq!((row.state.pass, row.finished_at), (number, None));
    }
    // Another question begins anew.
    for (ask, after, began) in [(ask, 20, 1), (ask.with(Ask { repairs: true, ..ask }), 21, 21)] {
        let verification = Some(Verification::begin(ask, worker.lease.job, &[]).alone());
        let batch = Batch { verification, ..batch() };
        db.store.commit(&Commit { now: NOW.plus_ms(after), ..worker.step(&batch) }).await?;
        let row = db.store.verification(worker.account()).await?.context("it has begun")?;
        assert_eq!((row.asked, row.started_at), (ask, NOW.plus_ms(began)));
    }
    Ok(())
}

async fn oddities_come_in_pages(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let odd = |raw: &str| Oddity { conversation: None, what: "no id".into(), raw: raw.into() };
    worker.commit(&Batch { oddities: vec![odd("{\"a\":1}"), odd("{\"b\":2}")], ..batch() }).await?;
    let first = db.store.oddities(worker.account(), None, 1).await?;
    let second = db.store.oddities(worker.account(), first.last().map(|one| one.digest.as_str()), 10).await?;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].raw, second[0].raw);
    Ok(())
}

async fn nothing_lags_where_nothing_was_shown(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    worker.commit(&listed(vec![conversation("a", 9, "Ben")?])).await?;
    assert_eq!(db.store.rouse(&worker.lease).await?, 0, "what is due needs no rousing");
    Ok(())
}
