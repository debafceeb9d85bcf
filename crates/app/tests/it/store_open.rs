//! Opening a store: addresses, the SQLite file, and whether the schema's page and the tests leave nothing out.

use anyhow::Context;
use threadkeep::store::{OpenOptions, StoreError, migration_status, open};

use crate::store_database::Database;
use crate::store_fixture::{Worker, account_id, conversation, listed, login};

const TRAITS: [&str; 2] = [include_str!("../../src/store/mod.rs"), include_str!("../../src/store/copies.rs")];
const SQL_PAGE: &str = include_str!("../../../../docs/SQL.md");
const SCHEMA_PAGE: &str = include_str!("../../../../docs/SCHEMA.md");
const TESTS: [&str; 16] = [
    include_str!("store_contract_accounts.rs"),
    include_str!("store_contract_audit.rs"),
    include_str!("store_contract_commit.rs"),
    include_str!("store_contract_copies.rs"),
    include_str!("store_contract_export.rs"),
    include_str!("store_contract_jobs.rs"),
    include_str!("store_contract_listed.rs"),
    include_str!("store_contract_lookups.rs"),
    include_str!("store_contract_media.rs"),
    include_str!("store_contract_reads.rs"),
    include_str!("store_contract_search.rs"),
    include_str!("store_contract_search_lists.rs"),
    include_str!("store_contract_secrets.rs"),
    include_str!("store_contract_sign_ins.rs"),
    include_str!("store_contract_upkeep.rs"),
    include_str!("store_contract_verify.rs"),
];

#[test]
fn every_method_of_the_store_has_a_test() {
    let methods = TRAITS
        .into_iter()
        .filter_map(|text| text.split("#[async_trait]\nimpl").next())
        .flat_map(str::lines)
        .filter_map(|line| line.trim().strip_prefix("async fn ")?.split('(').next());
    let missing: Vec<&str> =
        methods.filter(|name| !TESTS.iter().any(|test| test.contains(&format!(".{name}(")))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[tokio::test]
async fn strange_addresses_are_refused() -> anyhow::Result<()> {
    for url in
        ["", "mysql://root:secret@host/db", "/tmp/x.db", "sqlite:", "sqlite://", "sqlite:a?mode=ro", "postgres:/x"]
    {
        let refused = open(url, OpenOptions::default()).await.map(|_| ());
        let Err(error @ StoreError::BadAddress(_)) = refused else {
            anyhow::bail!("{url} was not refused: {refused:?}");
        };
        assert!(error.to_string().contains("sqlite:PATH") && !error.to_string().contains("secret"), "{error}");
    }
    let unreachable = open("postgres://someone:secret@127.0.0.1:9/none", OpenOptions::default()).await.map(|_| ());
    let text = format!("{unreachable:?}");
    assert!(matches!(unreachable, Err(StoreError::Unavailable(_))) && !text.contains("secret"), "{text}");
    assert!(text.contains("nobody listens"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_database_in_memory_is_private() -> anyhow::Result<()> {
    let first = open("sqlite::memory:", OpenOptions::default()).await?;
    let second = open("sqlite::memory:", OpenOptions::default()).await?;
    Worker::new(&first, 1).await?.commit(&listed(vec![conversation("a", 1, "Ben")?])).await?;
    assert_eq!(first.overview(&account_id(1)?).await?.conversations, 1);
    assert_eq!(second.accounts().await?.len(), 0);
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_alone() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a/b/kept.db");
    let url = format!("sqlite://{}", path.display());
    assert_eq!(migration_status(&url).await?.applied, 0);
    assert!(!path.exists(), "asking creates nothing");
    let store = open(&url, OpenOptions::default()).await?;
    Worker::new(&store, 1).await?;
    for (name, mode) in [("a", 0o700), ("a/b", 0o700), ("a/b/kept.db", 0o600), ("a/b/kept.db-wal", 0o600)] {
        let found = std::fs::metadata(folder.path().join(name)).context(name)?.permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    store.close().await;
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "dear diary ".repeat(1_000))?;
    let refused = open(&format!("sqlite:{}", path.display()), OpenOptions::default()).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path)?, "dear diary ".repeat(1_000));
    Ok(())
}

#[tokio::test]
async fn two_stores_share_a_file() -> anyhow::Result<()> {
    let db = Database::sqlite().await?;
    let second = db.second().await?;
    let mut worker = Worker::new(&db.store, 1).await?;
    for number in 0..20 {
        let name = format!("c{number}");
        let page = listed(vec![conversation(&name, number, "Ben")?]);
        let login = login(2)?;
        let (committed, logged_in) =
            tokio::join!(worker.commit(&page), second.log_in(&login, threadkeep_core::time::Timestamp(number)));
        committed?;
        logged_in?;
    }
    assert_eq!(second.overview(&account_id(1)?).await?.conversations, 20);
    second.close().await;
    db.finish().await
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_behind() -> anyhow::Result<()> {
    let db = Database::sqlite().await?;
    let mut worker = Worker::new(&db.store, 1).await?;
    for rounds in 0..40u32 {
        let name = format!("c{rounds}");
        let page = listed(vec![conversation(&name, 1, "Ben")?]);
        let step = worker.step(&page);
        let mut commit = std::pin::pin!(db.store.commit(&step));
        // Polled a few times, then dropped wherever it stands.
        for _ in 0..rounds {
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(std::future::Future::poll(commit.as_mut(), context).is_ready())
            });
            if polled.await {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    worker.commit(&listed(vec![conversation("last", 1, "Ben")?])).await?;
    assert!(db.store.examine().await?.iter().all(|(_, _, is_fine)| *is_fine));
    let conversations = db.count("SELECT COUNT(*) FROM conversations").await?;
    assert_eq!(db.count("SELECT COUNT(*) FROM events").await?, conversations);
    db.finish().await
}

#[tokio::test]
async fn every_table_and_column_is_described() -> anyhow::Result<()> {
    let db = Database::sqlite().await?;
    let tables = "(SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' \
         AND name NOT LIKE '_sqlx%' AND name NOT GLOB 'search_index_*')";
    let connection = db.connect()?;
    let text = format!("SELECT t.name, c.name FROM {tables} t JOIN pragma_table_info(t.name) c");
    let columns: Vec<(String, String)> = connection
        .prepare(&text)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    assert!(columns.len() > 100);
    for (table, column) in columns {
        let (page, mut parts, beginning) = match table.starts_with("v_") {
            true => ("docs/SQL.md", SQL_PAGE.split("\n"), format!("| `{table}`")),
            false => ("docs/SCHEMA.md", SCHEMA_PAGE.split("\n### "), format!("`{table}`")),
        };
        let section = parts.find(|section| section.starts_with(&beginning));
        let section = section.with_context(|| format!("{page} says nothing of {table}"))?;
        let is_told = section.contains(&format!("`{column}`")) || (table.starts_with("v_") && column == "account_id");
        assert!(is_told, "{page} does not name {table}.{column}");
    }
    db.finish().await
}
