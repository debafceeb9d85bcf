//! Pages of a mailbox that is large: what one holds does not depend on how much there is beside it.
//!
//! The messages are written past the store, as many at once as there are to be.

use threadkeep::store::{JobEnd, SharedStore};
use threadkeep::verbs::keys::Scope;

use crate::api_world::World;
use crate::store_database::Database;
use crate::store_fixture::{NOW, Worker, account_id, conversation, listed, message, person};
use crate::web_world::Visit;

/// Messages of the long conversation, besides the newest one.
const MANY: usize = 50_000;
/// Messages of a window, and those around one that is asked for.
const WINDOW: usize = 50;
const AROUND: usize = 51;
/// Largest page of a conversation, in bytes.
const THREAD_PAGE_MAX: usize = 80_000;

async fn mailbox(db: &Database) -> anyhow::Result<()> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 1_000_000, "Ben")?]);
    page.people = vec![person("Owner")?, person("Ben")?];
    page.messages = vec![message("a", "newest", 1_000_000, "the newest")?];
    worker.commit(&page).await?;
    worker.store.finish(&worker.lease, &JobEnd::Done, &worker.progress, NOW).await?;
    let text = "A text of the usual length, which is a sentence or two. ".repeat(3);
    db.raw(&format!(
        "INSERT INTO messages (account_pk, id, conversation_pk, delivered_at, sender_id, body, format, is_deleted, version) \
         WITH RECURSIVE n (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < {MANY} - 1) \
         SELECT c.account_pk, '2-x' || x, c.pk, x, CASE WHEN x % 2 = 0 THEN 'ACoAAOwner' ELSE 'ACoAABen' END, '{text}', \
         'DEFAULT', 0, 1 FROM n, conversations c"
    ))
    .await?;
    anyhow::ensure!(db.count("SELECT COUNT(*) FROM messages").await? == 50_001);
    Ok(())
}

fn link(page: &str, words: &str) -> Option<String> {
    let before = page.split(&format!(">{words}</a>")).next().filter(|before| before.len() < page.len())?;
    Some(before.rsplit("href=\"").next()?.split('"').next()?.replace("&#38;", "&"))
}

#[tokio::test]
async fn a_page_of_fifty_thousand_messages_is_a_page_of_fifty() -> anyhow::Result<()> {
    let db = Database::sqlite().await?;
    mailbox(&db).await?;
    let world = World::over(SharedStore::clone(&db.store))?;
    let visit = Visit::begin(&world, &[Scope::Read], &[]).await?;
    let path = format!("/ui/thread/{}/2-a", account_id(1)?);
    let check = |page: &str, expected: usize| {
        let shown = page.matches("<li class=\"message").count();
        anyhow::ensure!(shown == expected && page.len() <= THREAD_PAGE_MAX, "{shown}, {} bytes", page.len());
        Ok(())
    };
    let newest = visit.read(&path).await?;
    check(&newest, WINDOW)?;
    let older = visit.read(&link(&newest, "Older messages").unwrap_or_default()).await?;
    check(&older, WINDOW)?;
    check(&visit.read(&link(&older, "Newer messages").unwrap_or_default()).await?, WINDOW)?;
    check(&visit.read(&format!("{path}?message=2-x25000")).await?, AROUND)?;
    db.finish().await
}

#[tokio::test]
async fn a_page_without_hits_that_goes_on_says_so() -> anyhow::Result<()> {
    let db = Database::sqlite().await?;
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut page = listed(vec![conversation("a", 20, "Ben")?]);
    page.messages = (0..300).map(|at| message("a", &format!("m{at}"), at, "word")).collect::<anyhow::Result<_>>()?;
    worker.commit(&page).await?;
    while db.store.index_some().await?.is_work {}
    // As if there were 50,000 messages between two of them.
    db.raw("INSERT INTO search_fences (place) SELECT place FROM search_rows WHERE (place / 16) % 2 = 0").await?;
    let world = World::over(SharedStore::clone(&db.store))?;
    let visit = Visit::begin(&world, &[Scope::Read], &[]).await?;
    // Rows have to be looked at for it, which is done in stretches on both databases.
    let first = visit.read("/ui/search?q=%22no+such%22+-is:unread").await?;
    assert!(first.contains("Nothing was found among the newest messages") && !first.contains("Nothing was found<"));
    let mut page = first;
    while let Some(older) = link(&page, "Older hits") {
        page = visit.read(&older).await?;
    }
    assert!(page.contains("That was all"));
    let at_once = visit.read("/ui/search?q=%22no+such%22").await?;
    assert!(!at_once.contains("among the newest messages"), "the index alone tells it, in one go");
    db.finish().await
}
