//! What the log of administrative acts tells of the viewer: who signed in and out, who was refused, and no more of it
//! than it can bear.

use anyhow::{Result, ensure};
use axum::http::StatusCode;
use threadkeep::http::{HttpSettings, Rate};
use threadkeep::store::{ActOutcome, Actor, AuditFilter, AuditLine};
use threadkeep::verbs::keys::{self, Scope};

use crate::api_world::World;
use crate::store_database::Database;
use crate::web_world::{Visit, sign_in};

crate::on_both_databases!(
    signing_in_and_out_is_told_and_so_are_refusals,
    wrong_keys_leave_some_lines_and_not_more,
    a_second_sign_in_of_a_browser_ends_the_first,
);

/// The lines about sessions, oldest first.
async fn told(world: &World) -> Result<Vec<String>> {
    let lines = world.app.store.audit_lines(&AuditFilter::default(), 1_000).await?;
    let one = |line: &AuditLine| {
        let who = match &line.who {
            Actor::Key { id, .. } => id.as_str(),
            Actor::Stranger { .. } => "stranger",
            _ => "-",
        };
        let code = match &line.outcome {
            ActOutcome::Done => "done",
            ActOutcome::Refused(code) => code,
        };
        format!("{who}: {} {}: {code}", line.act.as_str(), line.object.id.as_deref().unwrap_or("-"))
    };
    let about_sessions =
        lines.iter().rev().map(|(_, line)| line).filter(|line| line.act.as_str().starts_with("signed"));
    Ok(about_sessions.map(one).collect())
}

fn id_of(key: &str) -> String {
    key.split('_').nth(1).unwrap_or_default().to_owned()
}

async fn signing_in_and_out_is_told_and_so_are_refusals(db: &Database) -> Result<()> {
    let world = World::over(db.store.clone())?;
    let visit = Visit::begin(&world, &[Scope::Read], &[]).await?;
    let secret = visit.secret().await?;
    ensure!(visit.submit("/ui/logout", &[("secret", "wrong")]).await?.status == StatusCode::FORBIDDEN);
    visit.submit("/ui/logout", &[("secret", &secret)]).await?;
    let [blind, revoked] = [world.key(&[Scope::Sync], &[]).await?, world.key(&[Scope::Read], &[]).await?];
    keys::revoke(&world.app, &Actor::Setup, &id_of(&revoked)).await?;
    for key in [blind.as_str(), revoked.as_str(), "tk_canary", "li_at=AQEDcanary"] {
        ensure!(sign_in(&world, key, "").await?.status != StatusCode::SEE_OTHER);
    }
    let (first, blind, revoked) = ("000102030405", id_of(&blind), id_of(&revoked));
    let expected = [
        format!("{first}: signed_in {first}: done"),
        format!("{first}: signed_out {first}: done"),
        format!("{blind}: signed_in {blind}: scope_required"),
        format!("stranger: signed_in {revoked}: invalid_key"),
        "stranger: signed_in -: invalid_key".to_owned(),
        "stranger: signed_in -: invalid_key".to_owned(),
    ];
    ensure!(told(&world).await? == expected, "{:#?}", told(&world).await?);
    let all = world.app.store.audit_lines(&AuditFilter::default(), 100).await?;
    ensure!(!format!("{all:?}").contains("canary"), "nothing that was sent is kept");
    let admin = world.key(&[Scope::Admin], &[]).await?;
    let newest = &world.get(&admin, "/audit?count=2").await?.json()["entries"][1];
    ensure!(
        newest["act"] == "signed_in" && newest["who"]["kind"] == "key" && newest["who"]["id"].is_null(),
        "{newest}"
    );
    Ok(())
}

async fn wrong_keys_leave_some_lines_and_not_more(db: &Database) -> Result<()> {
    let mut world = World::over(db.store.clone())?;
    let endless = Rate { burst: u32::MAX, per_minute: u32::MAX };
    world.set(HttpSettings { address_rate: endless, ..HttpSettings::default() });
    for _ in 0..50 {
        ensure!(sign_in(&world, "tk_nonsense", "").await?.status == StatusCode::UNAUTHORIZED);
    }
    ensure!(told(&world).await?.len() == 20);
    world.clock.pass(60_000);
    for _ in 0..50 {
        sign_in(&world, "tk_nonsense", "").await?;
    }
    ensure!(told(&world).await?.len() == 22, "some come back with time");
    Visit::begin(&world, &[Scope::Read], &[]).await?;
    ensure!(told(&world).await?.len() == 23, "who has a key is told all the same");
    Ok(())
}

async fn a_second_sign_in_of_a_browser_ends_the_first(db: &Database) -> Result<()> {
    let world = World::over(db.store.clone())?;
    let visit = Visit::begin(&world, &[Scope::Read], &[]).await?;
    let other = world.key(&[Scope::Read], &[]).await?;
    visit.submit("/ui/login", &[("key", &other)]).await?;
    let (first, other) = ("000102030405", id_of(&other));
    let expected = [
        format!("{first}: signed_in {first}: done"),
        format!("{other}: signed_in {other}: done"),
        format!("{first}: signed_out {first}: done"),
    ];
    ensure!(told(&world).await? == expected, "{:#?}", told(&world).await?);
    ensure!(visit.open("/ui/").await?.status == StatusCode::SEE_OTHER);
    Ok(())
}
