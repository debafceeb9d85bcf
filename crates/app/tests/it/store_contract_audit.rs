//! The contract of the log of administrative acts: an act and its line are one, and the log is bounded.

use threadkeep::store::{
    Act, ActOutcome, Actor, AuditFilter, AuditLine, Deed, KeyRow, Login, Object, ObjectKind, SharedStore,
};
use threadkeep_core::id::AccountId;

use crate::store_database::Database;
use crate::store_fixture::{NOW, Worker, account_id, login, sealed};

crate::on_both_databases!(
    an_act_and_its_line_are_one,
    what_had_nothing_to_act_on_leaves_no_line,
    an_act_that_fails_leaves_no_line,
    lines_are_paged_and_filtered,
    the_log_is_bounded_and_refusals_push_out_no_deeds,
    sign_ins_push_out_nothing_else,
);

fn line(act: Act, object: Object) -> AuditLine {
    let who = Actor::Key { id: "0123456789ab".into(), address: Some("192.0.2.7".into()) };
    AuditLine { at: NOW, who, act, object, outcome: ActOutcome::Done }
}

fn about(act: Act, id: &AccountId) -> AuditLine {
    line(act, Object::account(id))
}

fn key() -> KeyRow {
    KeyRow {
        id: "0123456789ab".into(),
        hash: vec![0, 255],
        scopes: vec!["read".into()],
        accounts: None,
        label: None,
        created_at: NOW,
        last_used_at: None,
        revoked_at: None,
    }
}

async fn acts(store: &SharedStore) -> anyhow::Result<Vec<&'static str>> {
    let lines = store.audit_lines(&AuditFilter::default(), 100).await?;
    Ok(lines.iter().map(|(_, line)| line.act.as_str()).collect())
}

async fn an_act_and_its_line_are_one(db: &Database) -> anyhow::Result<()> {
    let (store, id) = (&db.store, account_id(1)?);
    let as_key = |act| line(act, Object::of(ObjectKind::Key, Some("0123456789ab")));
    assert!(store.carry_out(&Deed::LogIn(&login(1)?), &about(Act::AccountAdded, &id)).await?);
    let again = Login { sealed_session: sealed(&[9]), ..login(1)? };
    assert!(store.carry_out(&Deed::LogIn(&again), &about(Act::AccountReconnected, &id)).await?);
    assert_eq!(store.sealed_session(&id).await?, Some(vec![9]));
    assert!(store.carry_out(&Deed::SetPaused(&id, true), &about(Act::AccountPaused, &id)).await?);
    assert!(store.carry_out(&Deed::SetPaused(&id, false), &about(Act::AccountResumed, &id)).await?);
    assert!(store.carry_out(&Deed::AddKey(&key()), &as_key(Act::KeyCreated)).await?);
    assert!(store.carry_out(&Deed::RevokeKey("0123456789ab"), &as_key(Act::KeyRevoked)).await?);
    assert!(store.key("0123456789ab").await?.is_some_and(|key| key.revoked_at == Some(NOW)));
    let (job, _) = store.enqueue_sync(&id, false, NOW).await?;
    let cancelled = line(Act::RunCancelled, Object::run(job.id, Some(&id)));
    assert!(store.carry_out(&Deed::Cancel(job.id), &cancelled).await?);
    assert!(store.job(job.id).await?.is_some_and(|job| job.state.is_over()));
    assert!(store.carry_out(&Deed::Remove(&id), &about(Act::AccountRemoved, &id)).await?);
    assert_eq!(store.account(&id).await?, None);
    let expected = [
        "account_removed",
        "run_cancelled",
        "key_revoked",
        "key_created",
        "account_resumed",
        "account_paused",
        "account_reconnected",
        "account_added",
    ];
    assert_eq!(acts(store).await?, expected);
    let lines = store.audit_lines(&AuditFilter::default(), 2).await?;
    assert_eq!(lines[0].1, about(Act::AccountRemoved, &id), "every field comes back");
    assert_eq!(lines[1].1, cancelled);
    Ok(())
}

async fn what_had_nothing_to_act_on_leaves_no_line(db: &Database) -> anyhow::Result<()> {
    let (store, id) = (&db.store, account_id(1)?);
    assert!(!store.carry_out(&Deed::Remove(&id), &about(Act::AccountRemoved, &id)).await?);
    assert!(!store.carry_out(&Deed::SetPaused(&id, true), &about(Act::AccountPaused, &id)).await?);
    assert!(
        !store.carry_out(&Deed::RevokeKey("none"), &line(Act::KeyRevoked, Object::of(ObjectKind::Key, None))).await?
    );
    assert!(!store.carry_out(&Deed::Cancel(99), &line(Act::RunCancelled, Object::run(99, None))).await?);
    assert_eq!(acts(store).await?, Vec::<&str>::new());
    Ok(())
}

async fn an_act_that_fails_leaves_no_line(db: &Database) -> anyhow::Result<()> {
    let made = line(Act::KeyCreated, Object::of(ObjectKind::Key, None));
    assert!(db.store.carry_out(&Deed::AddKey(&key()), &made).await?);
    assert!(db.store.carry_out(&Deed::AddKey(&key()), &made).await.is_err(), "a public part is unique");
    assert_eq!(acts(&db.store).await?, ["key_created"]);
    // A log that cannot be written stops the act.
    db.raw("DROP TABLE audit_log").await?;
    let gone = db.store.carry_out(&Deed::RevokeKey("0123456789ab"), &made).await;
    assert!(gone.is_err());
    assert!(db.store.key("0123456789ab").await?.is_some_and(|key| key.revoked_at.is_none()), "nothing was done");
    Ok(())
}

async fn lines_are_paged_and_filtered(db: &Database) -> anyhow::Result<()> {
    let store = &db.store;
    let (first, second) = (account_id(1)?, account_id(2)?);
    for minute in 0..6_i64 {
        let id = if minute % 2 == 0 { &first } else { &second };
        let outcome = match minute {
            3 => ActOutcome::Refused("scope_required".into()),
            _ => ActOutcome::Done,
        };
        let who = if minute == 4 { Actor::Command { user: Some("olga".into()) } } else { Actor::Setup };
        let at = NOW.plus_ms(minute * 60_000);
        store.note(&AuditLine { at, who, outcome, ..about(Act::AccountPaused, id) }).await?;
    }
    let all = store.audit_lines(&AuditFilter::default(), 100).await?;
    let minutes = |lines: &[(i64, AuditLine)]| -> Vec<i64> {
        lines.iter().map(|(_, line)| line.at.since_ms(NOW) / 60_000).collect()
    };
    assert_eq!(minutes(&all), [5, 4, 3, 2, 1, 0]);
    assert_eq!(all[2].1.outcome, ActOutcome::Refused("scope_required".into()));
    assert_eq!(all[1].1.who, Actor::Command { user: Some("olga".into()) });
    let page = store.audit_lines(&AuditFilter { before: Some(all[1].0), ..AuditFilter::default() }, 2).await?;
    assert_eq!(minutes(&page), [3, 2]);
    let since = AuditFilter { since: Some(NOW.plus_ms(240_000)), ..AuditFilter::default() };
    assert_eq!(minutes(&store.audit_lines(&since, 100).await?), [5, 4]);
    let of_second = AuditFilter { accounts: Some(vec![second]), ..AuditFilter::default() };
    assert_eq!(minutes(&store.audit_lines(&of_second, 100).await?), [5, 3, 1]);
    let of_nobody = AuditFilter { accounts: Some(Vec::new()), ..AuditFilter::default() };
    assert!(store.audit_lines(&of_nobody, 100).await?.is_empty());
    Ok(())
}

async fn the_log_is_bounded_and_refusals_push_out_no_deeds(db: &Database) -> anyhow::Result<()> {
    Worker::new(&db.store, 1).await?;
    db.store.note(&about(Act::AccountAdded, &account_id(1)?)).await?;
    let flood = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500) \
         INSERT INTO audit_log (at, who, act, object_kind, outcome, code) \
         SELECT i, 'setup', 'key_created', 'key', 'refused', 'scope_required' FROM n";
    db.raw(flood).await?;
    db.store.note(&about(Act::AccountAdded, &account_id(1)?)).await?;
    let refused = ActOutcome::Refused("scope_required".into());
    db.store.note(&AuditLine { outcome: refused, ..line(Act::KeyCreated, Object::of(ObjectKind::Key, None)) }).await?;
    assert_eq!(db.count("SELECT COUNT(*) FROM audit_log WHERE outcome = 'refused'").await?, 10_000);
    assert_eq!(db.count("SELECT COUNT(*) FROM audit_log WHERE outcome = 'done'").await?, 2);
    assert_eq!(db.count("SELECT MIN(at) FROM audit_log WHERE outcome = 'refused'").await?, 502, "the oldest go first");
    Ok(())
}

async fn sign_ins_push_out_nothing_else(db: &Database) -> anyhow::Result<()> {
    db.store.note(&line(Act::KeyCreated, Object::of(ObjectKind::Key, None))).await?;
    let flood = |count: u32, outcome: &str, code: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             INSERT INTO audit_log (at, who, act, object_kind, outcome, code) \
             SELECT i, 'key', 'signed_in', 'key', '{outcome}', {code} FROM n"
        )
    };
    db.raw(&flood(5_010, "done", "NULL")).await?;
    db.raw(&flood(1_010, "refused", "'invalid_key'")).await?;
    db.store.note(&line(Act::KeyCreated, Object::of(ObjectKind::Key, None))).await?;
    let signed_in = line(Act::SignedIn, Object::of(ObjectKind::Key, Some("0123456789ab")));
    db.store.note(&signed_in).await?;
    let who = Actor::Stranger { address: Some("192.0.2.9".into()) };
    let refused = AuditLine {
        who,
        outcome: ActOutcome::Refused("invalid_key".into()),
        ..line(Act::SignedIn, Object::of(ObjectKind::Key, None))
    };
    db.store.note(&refused).await?;
    let newest = db.store.audit_lines(&AuditFilter::default(), 2).await?;
    assert_eq!(newest.into_iter().map(|(_, line)| line).collect::<Vec<_>>(), [refused, signed_in]);
    let count = async |outcome: &str| {
        db.count(&format!("SELECT COUNT(*) FROM audit_log WHERE act = 'signed_in' AND outcome = '{outcome}'")).await
    };
    assert_eq!((count("done").await?, count("refused").await?), (5_000, 1_000));
    assert_eq!(db.count("SELECT COUNT(*) FROM audit_log WHERE act = 'key_created'").await?, 2);
    Ok(())
}
