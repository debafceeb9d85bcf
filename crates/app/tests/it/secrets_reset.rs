//! A master key that is lost for good: what a reset takes, what it leaves, and when it refuses.

use anyhow::{Result, ensure};
use threadkeep::store::{AuditFilter, MASTER_KEY_BEFORE};
use threadkeep_core::sync::Health;

use crate::secrets_home::Home;
use crate::store_database::Database;
use crate::store_fixture::{Worker, account_id, conversation, listed};

crate::on_both_databases!(
    a_lost_key_costs_the_sessions_and_nothing_else,
    a_reset_refuses_while_the_key_is_there_and_replaces_no_key_file,
);

/// How the accounts stand.
async fn healths(db: &Database) -> Result<Vec<Health>> {
    Ok(db.store.accounts().await?.into_iter().map(|account| account.health).collect())
}

async fn a_lost_key_costs_the_sessions_and_nothing_else(db: &Database) -> Result<()> {
    let home = Home::new(db).await?;
    home.connect(1..=2).await?;
    Worker::new(&db.store, 3).await?.commit(&listed(vec![conversation("a", 1, "Ben")?])).await?;
    db.store.set_paused(&account_id(2)?, true).await?;
    let key = home.room.run(&["key", "create", "--scopes", "read"])?;
    ensure!(key.code == Some(0), "{}", key.told());

    std::fs::remove_file(home.key_file())?;
    let blocked = home.room.run(&["account", "list"])?;
    ensure!(blocked.code == Some(8) && blocked.err.contains("threadkeep secrets reset"), "{}", blocked.told());
    let asked = home.room.run(&["secrets", "reset"])?;
    ensure!(
        asked.code == Some(2) && asked.err.contains("3 accounts") && asked.err.contains("--yes"),
        "{}",
        asked.told()
    );
    ensure!(
        !home.key_file().exists() && db.store.sealed_session(&account_id(1)?).await?.is_some(),
        "nothing is changed"
    );

    let reset = home.room.run(&["secrets", "reset", "--yes", "--json"])?;
    ensure!(reset.code == Some(0) && reset.out.contains("\"sessionsRemoved\":3"), "{}", reset.told());
    let listed = home.room.run(&["account", "list"])?;
    ensure!(listed.code == Some(0), "{}", listed.told());
    assert_eq!(healths(db).await?, [Health::NeedsLogin, Health::Paused, Health::NeedsLogin]);
    for number in 1..=3 {
        assert_eq!(db.store.sealed_session(&account_id(number)?).await?, None);
    }
    assert_eq!(db.store.overview(&account_id(3)?).await?.conversations, 1);
    assert_eq!(db.store.keys().await?.len(), 1);
    let lines = db.store.audit_lines(&AuditFilter::default(), 1).await?;
    assert_eq!(lines.first().map(|(_, line)| line.act.as_str()), Some("secrets_reset"));

    home.connect(1..=2).await?;
    home.assert_opens(1..=2, "connected again").await?;
    assert_eq!(healths(db).await?, [Health::Connected, Health::Connected, Health::NeedsLogin]);
    Ok(())
}

async fn a_reset_refuses_while_the_key_is_there_and_replaces_no_key_file(db: &Database) -> Result<()> {
    let home = Home::new(db).await?;
    home.connect(1..=1).await?;
    let whole = home.room.run(&["secrets", "reset", "--yes"])?;
    ensure!(whole.code == Some(4), "{}", whole.told());
    // Moved to where old keys are looked for, it can still be put back.
    let right = home.key_text()?;
    let aside = home.key_file().with_file_name("mirror.key.0123abcd.old");
    std::fs::rename(home.key_file(), &aside)?;
    let whole = home.room.run(&["secrets", "reset", "--yes"])?;
    ensure!(whole.code == Some(4) && !home.key_file().exists(), "{}", whole.told());
    std::fs::rename(&aside, home.key_file())?;
    home.assert_opens(1..=1, "nothing was changed").await?;

    let other = "5e".repeat(32);
    std::fs::write(home.key_file(), &other)?;
    let reset = home.room.run(&["secrets", "reset", "--yes"])?;
    ensure!(reset.code == Some(0) && home.key_text()? == other && other != right, "{}", reset.told());
    assert_eq!(db.store.setting(MASTER_KEY_BEFORE).await?, None);
    assert_eq!(home.status()?["sessions"], 0);
    Ok(())
}
