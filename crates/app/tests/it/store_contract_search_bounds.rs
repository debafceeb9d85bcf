//! The contract of search at its bounds: what is looked up one by one has a limit, and behind it the same is found or it
//! is said that more of a name is needed; and what the index lacks is told of those accounts alone that are named.

use anyhow::Result;
use threadkeep::store::{IndexLag, Searched, Wanted};
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::search::parse;

use crate::store_contract_search::{find, from, indexed, mailbox, names, page_of_first};
use crate::store_database::Database;
use crate::store_fixture::{Worker, account_id, conversation, listed, message, spoken};

crate::on_both_databases!(
    few_and_many_unread_conversations_are_searched_alike,
    a_lag_is_told_of_the_named_accounts_alone,
    a_name_is_found_among_many_and_too_many_of_one_are_told,
);

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

async fn a_lag_is_told_of_the_named_accounts_alone(db: &Database) -> Result<()> {
    mailbox(db, vec![message("a", "m1", 1, "word")?]).await?;
    let mut other = Worker::new(&db.store, 2).await?;
    other.commit(&spoken(vec![message("a", "m9", 9, "word")?])).await?;
    let (one, two) = ([account_id(1)?], [account_id(2)?]);
    assert_eq!(db.store.index_lag(Some(&one)).await?.messages, 1);
    assert!(!db.store.index_lag(Some(&one)).await?.is_behind());
    assert_eq!(db.store.index_lag(Some(&two)).await?.building, 1);
    assert_eq!(db.store.index_lag(Some(&[])).await?, IndexLag::default());
    indexed(&db.store).await?;
    db.raw("INSERT INTO search_again (account_pk, message_id) SELECT account_pk, id FROM messages WHERE id = '2-m9'")
        .await?;
    assert_eq!(db.store.index_lag(Some(&two)).await?.changes, 1);
    assert!(!db.store.index_lag(Some(&one)).await?.is_behind() && db.store.index_lag(None).await?.is_behind());
    Ok(())
}

async fn a_name_is_found_among_many_and_too_many_of_one_are_told(db: &Database) -> Result<()> {
    // More than one look at names reads, and all of letters that have to be looked at here.
    const MANY: i64 = 10_500;
    let mut worker = mailbox(db, vec![message("a", "m1", 1, "word")?]).await?;
    let numbers = format!("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {MANY})");
    let account = db.count("SELECT pk FROM accounts").await?;
    db.raw(&format!(
        "INSERT INTO people (account_pk, id, kind, first_name, last_name) {numbers} \
         SELECT {account}, 'ACoAA0' || x, 'member', '\u{c9}va', '\u{d6}zil' FROM n"
    ))
    .await?;
    let pk = db.count("SELECT MIN(pk) FROM conversations").await?;
    db.raw(&format!(
        "INSERT INTO conversations (pk, account_pk, id, title, categories, is_group, is_sponsored, participants, \
         last_activity_at, is_read, unread_count, is_muted, is_deleted, version) {numbers} \
         SELECT {pk} - x - 1, {account}, '2-t' || x, 'Weekly round', '[]', 1, 0, '[]', 1, 1, 0, 0, 0, 1 FROM n"
    ))
    .await?;
    let titled = ConversationSeen {
        title: Some(Some("Release Plan".into())),
        group: Some(true),
        ..conversation("z", 30, "Zoe")?
    };
    let mut last = listed(vec![titled]);
    last.messages = vec![from("Zoe", message("z", "m2", 2, "word")?)?];
    worker.commit(&last).await?;
    indexed(&db.store).await?;
    for (text, expected) in [("from:zo\u{e9}", "m2"), ("in:release", "m2"), ("in:ben", "m1"), ("from:nobody", "")] {
        assert_eq!(find(db, text).await?, expected, "{text}");
    }
    for (text, expected) in [("word from:eva", "from:"), ("-from:ozil", "from:"), ("word in:weekly", "in:")] {
        let query = parse(text)?;
        let accounts = [account_id(1)?];
        let wanted = Wanted { accounts: &accounts, query: &query, after: None, limit: 9 };
        let number = query.clauses.len() - 1;
        let too_many = Searched::TooMany { operator: expected, clause: number };
        assert_eq!(db.store.search(&wanted).await?, too_many, "{text}");
    }
    Ok(())
}
