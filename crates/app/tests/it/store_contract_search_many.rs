//! The contract of search where there is much of something: what is looked up one by one has a limit, and behind it the
//! same is found, or it is said that more of a name is needed.

use anyhow::Result;
use threadkeep_core::conversation::ConversationSeen;

use crate::store_contract_search::{find, indexed, mailbox, names, page_of_first};
use crate::store_database::Database;
use crate::store_fixture::{conversation, listed, message};

crate::on_both_databases!(few_and_many_unread_conversations_are_searched_alike);

async fn few_and_many_unread_conversations_are_searched_alike(db: &Database) -> Result<()> {
    const MANY: i64 = 401;
    let mut worker = mailbox(db, vec![message("a", "read", 1, "word")?]).await?;
    assert_eq!(find(db, "is:unread").await?, "", "nothing is unread yet");
    assert_eq!(find(db, "-is:unread").await?, "read");
    for range in [0..3, 3..MANY] {
        let unread = |number: i64| {
            let seen = conversation(&format!("c{number}"), 20, "Ben")?;
            anyhow::Ok(ConversationSeen { read: Some(false), ..seen })
        };
        let mut page = listed(range.clone().map(unread).collect::<Result<_>>()?);
        let said = |number: i64| message(&format!("c{number}"), &format!("m{number:03}"), 10 + number, "word");
        page.messages = range.clone().map(said).collect::<Result<_>>()?;
        worker.commit(&page).await?;
        indexed(&db.store).await?;
        let newest: Vec<String> = (0..range.end).rev().take(50).map(|number| format!("m{number:03}")).collect();
        for text in ["is:unread", "word is:unread", "is:unread is:unread"] {
            let found = page_of_first(db, text).await?;
            assert_eq!(names(&found), newest, "{text}");
        }
        let found = page_of_first(db, "-is:unread").await?;
        assert_eq!(names(&found), ["read"]);
    }
    Ok(())
}
