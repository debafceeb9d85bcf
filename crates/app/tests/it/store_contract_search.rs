//! The contract of search: what is found, in which order, how the index follows, and that both databases find the same.

use anyhow::{Result, bail};
use threadkeep::store::{Found, OpenOptions, SearchPosition, Searched, SharedStore, Wanted, open};
use threadkeep_core::content::Content;
use threadkeep_core::conversation::ConversationSeen;
use threadkeep_core::id::AccountId;
use threadkeep_core::message::{MessageFormat, MessageSeen};
use threadkeep_core::person::PersonSeen;
use threadkeep_core::search::parse;
use threadkeep_core::sync::Batch;

use crate::store_database::Database;
use crate::store_fixture::{
    Worker, account_id, batch, conversation, conversation_id, delta, listed, message, message_id, person, person_id,
    spoken,
};

crate::on_both_databases!(
    words_phrases_beginnings_and_exclusions_are_found,
    accents_emoji_and_scripts_without_blanks_are_found,
    somebodys_messages_and_conversations_are_found_by_name,
    dates_attachments_and_what_is_unread_are_filters,
    the_newest_come_first_and_pages_neither_skip_nor_repeat,
    an_account_finds_only_its_own,
    the_index_follows_edits_recalls_and_deletions,
    a_removed_account_leaves_nothing_in_the_index,
    an_index_made_anew_finds_the_same,
    a_mailbox_of_an_older_program_is_taken_in,
    stretches_of_a_large_mailbox_find_everything_once,
    a_name_that_is_moved_between_conversations_is_found_again,
    row_09_nothing_that_is_asked_is_more_than_words,
);

/// A store whose index is up to date.
pub async fn indexed(store: &SharedStore) -> Result<()> {
    for _ in 0..1_000 {
        if !store.index_some().await?.is_work {
            assert!(!store.index_lag(None).await?.is_behind());
            return Ok(());
        }
    }
    bail!("the index never comes to an end")
}

/// A page of hits.
pub async fn page(
    store: &SharedStore,
    accounts: &[AccountId],
    text: &str,
    limit: u32,
    after: Option<i64>,
) -> Result<Found> {
    let query = parse(text)?;
    let wanted = Wanted { accounts, query: &query, after: after.map(SearchPosition), limit };
    match store.search(&wanted).await? {
        Searched::Found(found) => Ok(found),
        Searched::TooMany { operator, clause } => bail!("too many for {operator}, clause {clause}"),
    }
}

/// What the messages of the tests are called, in the order of the hits.
pub fn names(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.message.id.as_str().trim_start_matches("2-")).collect()
}

/// The messages that are found in the first account, newest first.
pub async fn find(db: &Database, text: &str) -> Result<String> {
    let found = page_of_first(db, text).await?;
    assert!(found.next.is_none(), "{text}");
    Ok(names(&found).join(" "))
}

/// A mailbox with two conversations, `a` with Ben and `b` with Zoé, that is indexed.
pub async fn mailbox(db: &Database, messages: Vec<MessageSeen>) -> Result<Worker> {
    let mut worker = Worker::new(&db.store, 1).await?;
    let mut first = listed(vec![conversation("a", 20, "Ben")?, conversation("b", 10, "Zoe")?]);
    let zoe = PersonSeen { first_name: Some("Zo\u{e9}".into()), ..person("Zoe")? };
    first.people = vec![person("Ben")?, zoe];
    first.messages = messages;
    worker.commit(&first).await?;
    indexed(&db.store).await?;
    Ok(worker)
}

/// The same message by somebody else.
pub fn from(name: &str, message: MessageSeen) -> Result<MessageSeen> {
    Ok(MessageSeen { sender: Some(person_id(name)?), ..message })
}

async fn words_phrases_beginnings_and_exclusions_are_found(db: &Database) -> Result<()> {
    let subject = MessageSeen { subject: Some("Offer: contract".into()), ..message("a", "m4", 4, "hello")? };
    mailbox(
        db,
        vec![
            message("a", "m1", 1, "See you next week, of course")?,
            message("a", "m2", 2, "Next, the week after")?,
            message("b", "m3", 3, "Contracts are signed. Hello olga@example.org!")?,
            subject,
        ],
    )
    .await?;
    for (text, expected) in [
        ("week", "m2 m1"),
        ("WEEK next", "m2 m1"),
        ("\"next week\"", "m1"),
        ("week -course", "m2"),
        ("week -\"next week\"", "m2"),
        ("contract*", "m4 m3"),
        ("contract", "m4"),
        ("-week", "m4 m3"),
        ("olga@example.org", "m3"),
        ("\"contract hello\"", ""),
        ("nothing", ""),
        ("week nothing", ""),
    ] {
        assert_eq!(find(db, text).await?, expected, "{text}");
    }
    Ok(())
}

async fn accents_emoji_and_scripts_without_blanks_are_found(db: &Database) -> Result<()> {
    mailbox(
        db,
        vec![
            message("a", "m1", 1, "Un caf\u{e9} \u{e0} Stra\u{df}burg")?,
            message("a", "m2", 2, "thanks \u{1f44d}\u{1f3fd}")?,
            message("a", "m3", 3, "\u{6771}\u{4eac}\u{90fd}\u{306b}\u{4f4f}\u{3093}\u{3067}")?,
            message("a", "m4", 4, "\u{d55c}\u{ae00} hangul")?,
        ],
    )
    .await?;
    for (text, expected) in [
        ("cafe", "m1"),
        ("CAF\u{c9} strassburg", "m1"),
        ("cafe\u{301}", "m1"),
        ("\u{1f44d}", "m2"),
        ("\u{1f44e}", ""),
        ("\u{4eac}\u{90fd}", "m3"),
        ("\u{6771}\u{90fd}", ""),
        ("\u{90fd}", "m3"),
        ("\u{d55c}\u{ae00}", "m4"),
        ("\u{1112}\u{1161}\u{11ab}", "m4"),
    ] {
        assert_eq!(find(db, text).await?, expected, "{text}");
    }
    Ok(())
}

async fn somebodys_messages_and_conversations_are_found_by_name(db: &Database) -> Result<()> {
    let mut worker = mailbox(
        db,
        vec![
            message("a", "m1", 1, "word mine")?,
            from("Ben", message("a", "m2", 2, "word of ben")?)?,
            from("Zoe", message("b", "m3", 3, "word of zoe")?)?,
        ],
    )
    .await?;
    let titled = ConversationSeen {
        title: Some(Some("Release Plan".into())),
        group: Some(true),
        ..conversation("c", 30, "Eva")?
    };
    let more =
        Batch { messages: vec![message("c", "m4", 4, "plans")?], people: vec![person("Eva")?], ..listed(vec![titled]) };
    worker.commit(&more).await?;
    indexed(&db.store).await?;
    for (text, expected) in [
        ("from:me", "m4 m1"),
        ("from:ben", "m2"),
        ("from:BE word", "m2"),
        ("from:zoe", "m3"),
        ("from:\"test zo\u{e9}\"", "m3"),
        ("-from:me", "m3 m2"),
        ("word -from:ben", "m3 m1"),
        ("from:nobody", ""),
        ("word -from:nobody", "m3 m2 m1"),
        ("in:ben", "m2 m1"),
        ("in:zoe word", "m3"),
        ("in:release", "m4"),
        ("in:eva", "m4"),
        ("in:test -in:ben", "m4 m3"),
        ("in:olga", ""),
        ("from:me in:ben", "m1"),
    ] {
        assert_eq!(find(db, text).await?, expected, "{text}");
    }
    // Who is renamed is found at once, without a step of the indexer.
    let renamed = PersonSeen { first_name: Some("Benedict".into()), ..person("Ben")? };
    worker.commit(&Batch { people: vec![renamed], ..batch() }).await?;
    assert_eq!(find(db, "from:benedict").await?, "m2");
    Ok(())
}

async fn dates_attachments_and_what_is_unread_are_filters(db: &Database) -> Result<()> {
    const DAY: i64 = 86_400_000;
    let file = Content::File {
        url: None,
        name: Some("Quarterly numbers.pdf".into()),
        media_type: None,
        byte_size: None,
        asset: None,
    };
    let attached = MessageSeen { content: Some(vec![file]), ..message("a", "m2", 365 * DAY, "see this word")? };
    let mut worker =
        mailbox(db, vec![message("a", "m1", 365 * DAY - 1, "word")?, attached, message("b", "m3", 366 * DAY, "word")?])
            .await?;
    let unread = ConversationSeen { read: Some(false), ..ConversationSeen::only_id(conversation_id("b")?) };
    worker.commit(&delta(Batch { conversations: vec![unread], ..batch() })).await?;
    for (text, expected) in [
        ("before:1971", "m1"),
        ("after:1971", "m3 m2"),
        ("word after:1971-01-01 before:1971-01-02", "m2"),
        ("after:1971 before:1971", ""),
        ("has:attachment", "m2"),
        ("word -has:attachment", "m3 m1"),
        ("quarterly", "m2"),
        ("is:unread", "m3"),
        ("word is:unread", "m3"),
        ("word -is:unread", "m2 m1"),
    ] {
        assert_eq!(find(db, text).await?, expected, "{text}");
    }
    Ok(())
}

/// The newest of what is found in the first account.
pub async fn page_of_first(db: &Database, text: &str) -> Result<Found> {
    page(&db.store, &[account_id(1)?], text, 50, None).await
}

async fn the_newest_come_first_and_pages_neither_skip_nor_repeat(db: &Database) -> Result<()> {
    // Forty messages of one millisecond, and as many of older ones that come later, as out of an archive.
    let mut worker = mailbox(db, Vec::new()).await?;
    let same = (0..40).map(|n| message("a", &format!("s{n:02}"), 5_000, "word")).collect::<Result<Vec<_>>>()?;
    worker.commit(&spoken(same)).await?;
    indexed(&db.store).await?;
    let older = (0..40).map(|n| message("a", &format!("o{n:02}"), 1_000 + n, "word")).collect::<Result<Vec<_>>>()?;
    worker.commit(&spoken(older)).await?;
    indexed(&db.store).await?;

    let mut seen: Vec<String> = Vec::new();
    let mut times = Vec::new();
    let mut after = None;
    loop {
        let found = page(&db.store, &[account_id(1)?], "word", 7, after).await?;
        assert!(found.hits.len() <= 7);
        seen.extend(names(&found).into_iter().map(str::to_owned));
        times.extend(found.hits.iter().map(|hit| hit.message.delivered_at.0));
        match found.next {
            Some(next) => after = Some(next.0),
            None => break,
        }
    }
    assert_eq!(seen.len(), 80);
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 80);
    Ok(())
}

async fn an_account_finds_only_its_own(db: &Database) -> Result<()> {
    for number in [1, 2] {
        let mut worker = Worker::new(&db.store, number).await?;
        let mut page = listed(vec![conversation("a", 20, "Ben")?]);
        page.messages = vec![message("a", "m1", i64::from(number), &format!("word of {number}"))?];
        page.people = vec![person("Ben")?];
        worker.commit(&page).await?;
    }
    indexed(&db.store).await?;
    let (one, two) = (account_id(1)?, account_id(2)?);
    for text in ["word", "from:me", "in:ben", "-nothing", "after:1970"] {
        let found = page(&db.store, std::slice::from_ref(&one), text, 9, None).await?;
        assert_eq!(
            found.hits.iter().map(|hit| hit.account.clone()).collect::<Vec<_>>(),
            std::slice::from_ref(&one),
            "{text}"
        );
        let found = page(&db.store, &[one.clone(), two.clone()], text, 9, None).await?;
        assert_eq!(found.hits.iter().map(|hit| &hit.account).collect::<Vec<_>>(), [&two, &one], "{text}");
        assert_eq!(found.conversations.len(), 2);
    }
    // The mark of an account is no word.
    for text in ["\u{F8FF}a1 word", "a1", "\u{F8FF}a2"] {
        let none = match parse(text) {
            Ok(_) => page(&db.store, std::slice::from_ref(&one), text, 9, None).await?.hits.len(),
            Err(_) => 0,
        };
        assert_eq!(none, 0, "{text}");
    }
    assert!(page(&db.store, &[], "word", 9, None).await?.hits.is_empty());
    assert!(page(&db.store, &[account_id(3)?], "word", 9, None).await?.hits.is_empty());
    Ok(())
}

async fn the_index_follows_edits_recalls_and_deletions(db: &Database) -> Result<()> {
    let mut worker = mailbox(
        db,
        vec![
            message("a", "m1", 1, "first text")?,
            message("a", "m2", 2, "second text")?,
            message("b", "m3", 3, "third text")?,
        ],
    )
    .await?;
    worker.commit(&delta(spoken(vec![message("a", "m1", 1, "other words")?]))).await?;
    worker.commit(&delta(Batch { deleted_messages: vec![message_id("m2")?], ..batch() })).await?;
    // What is gone is not shown, also before the index knows.
    assert_eq!(find(db, "second").await?, "");
    assert!(db.store.index_lag(None).await?.changes > 0);
    indexed(&db.store).await?;
    assert_eq!(find(db, "first").await?, "");
    assert_eq!(find(db, "other").await?, "m1");
    assert_eq!(db.count("SELECT COUNT(*) FROM search_rows").await?, 2);
    assert_eq!(db.count("SELECT COUNT(*) FROM search_index").await?, 2);
    assert_eq!(db.store.index_lag(None).await?.indexed, 2);

    worker.commit(&delta(Batch { deleted_conversations: vec![conversation_id("b")?], ..batch() })).await?;
    indexed(&db.store).await?;
    assert_eq!(find(db, "text").await?, "");
    assert_eq!(find(db, "from:me").await?, "m1");

    let recalled = MessageSeen { format: Some(MessageFormat::Recalled), ..message("a", "m1", 1, "")? };
    worker.commit(&delta(spoken(vec![recalled]))).await?;
    for _ in 0..2 {
        // Also by what it still has: who wrote it, where, and when.
        for text in ["other", "from:me", "in:ben", "after:1970", "-nothing"] {
            assert_eq!(find(db, text).await?, "", "{text}");
        }
        indexed(&db.store).await?;
    }
    Ok(())
}

async fn a_removed_account_leaves_nothing_in_the_index(db: &Database) -> Result<()> {
    mailbox(db, vec![message("a", "m1", 1, "word")?]).await?;
    let mut other = Worker::new(&db.store, 2).await?;
    let mut page_of_other = listed(vec![conversation("a", 20, "Ben")?]);
    page_of_other.messages = vec![message("a", "m9", 9, "word")?];
    other.commit(&page_of_other).await?;
    indexed(&db.store).await?;
    assert!(db.store.remove_account(&account_id(1)?).await?);
    let left = ["search_rows", "search_index", "search_marks"];
    for table in left {
        assert_eq!(db.count(&format!("SELECT COUNT(*) FROM {table}")).await?, 1, "{table}");
    }
    let found = page(&db.store, &[account_id(2)?], "word", 9, None).await?;
    assert_eq!(names(&found), ["m9"]);
    assert!(db.store.remove_account(&account_id(2)?).await?);
    for table in left {
        assert_eq!(db.count(&format!("SELECT COUNT(*) FROM {table}")).await?, 0, "{table}");
    }
    indexed(&db.store).await
}

async fn an_index_made_anew_finds_the_same(db: &Database) -> Result<()> {
    let mut worker =
        mailbox(db, (0..9).map(|n| message("a", &format!("m{n}"), n, "word")).collect::<Result<_>>()?).await?;
    let before = find(db, "word").await?;
    db.store.forget_index().await?;
    assert_eq!(find(db, "word").await?, "");
    let lag = db.store.index_lag(None).await?;
    assert_eq!((lag.building, lag.indexed, lag.messages), (1, 0, 9));
    // What comes before the walk is over is found as well.
    worker.commit(&spoken(vec![message("a", "m9", 9, "word")?])).await?;
    indexed(&db.store).await?;
    assert_eq!(find(db, "word").await?, format!("m9 {before}"));
    assert_eq!(db.store.index_lag(None).await?.indexed, 10);
    Ok(())
}

async fn a_mailbox_of_an_older_program_is_taken_in(db: &Database) -> Result<()> {
    mailbox(db, (0..9).map(|n| message("a", &format!("m{n}"), n, "word")).collect::<Result<_>>()?).await?;
    // The words of an older version of this program.
    db.raw("UPDATE search_marks SET words_version = 0").await?;
    assert_eq!(db.store.index_lag(None).await?.building, 1);
    indexed(&db.store).await?;
    assert_eq!(find(db, "word").await?.split(' ').count(), 9);
    // A record that cannot be read is left to whoever shows it, and stops nothing.
    db.raw("UPDATE messages SET content = 'not json' WHERE id = '2-m3'").await?;
    db.store.forget_index().await?;
    indexed(&db.store).await?;
    assert_eq!(db.store.index_lag(None).await?.indexed, 9);
    Ok(())
}

async fn stretches_of_a_large_mailbox_find_everything_once(db: &Database) -> Result<()> {
    let all = (0..300).map(|n| {
        let text = if n % 50 == 0 { "common rare" } else { "common" };
        message("a", &format!("m{n:03}"), n, text)
    });
    mailbox(db, all.collect::<Result<_>>()?).await?;
    // A fence at every second message, as if there were 50,000 between two.
    db.raw("INSERT INTO search_fences (place) SELECT place FROM search_rows WHERE (place / 16) % 2 = 0").await?;
    assert!(db.count("SELECT COUNT(*) FROM search_fences").await? >= 150);
    let of_page = |text: &'static str, limit| async move {
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let found = page(&db.store, &[account_id(1)?], text, limit, after).await?;
            seen.extend(names(&found).into_iter().map(str::to_owned));
            pages += 1;
            after = found.next.map(|next| next.0);
            if after.is_none() {
                return anyhow::Ok((seen, pages));
            }
        }
    };
    let (rare, _) = of_page("rare", 4).await?;
    assert_eq!(rare, ["m250", "m200", "m150", "m100", "m050", "m000"]);
    let (common, _) = of_page("common", 17).await?;
    assert_eq!(common.len(), 300);
    // What costs more looks through less for a page, and goes on all the same.
    let (heavy, pages) = of_page("\"common rare\" -is:unread", 50).await?;
    assert_eq!(heavy, rare);
    assert!(pages > 1);
    Ok(())
}

async fn a_name_that_is_moved_between_conversations_is_found_again(db: &Database) -> Result<()> {
    mailbox(db, vec![message("a", "m1", 1, "word")?]).await?;
    assert_eq!(find(db, "in:zoe").await?, "");
    db.raw(
        "UPDATE messages SET conversation_pk = (SELECT c.pk FROM conversations c WHERE c.id = '2-b') WHERE id = '2-m1'",
    )
    .await?;
    db.raw("INSERT INTO search_again (account_pk, message_id) SELECT account_pk, id FROM messages").await?;
    assert!(db.store.index_lag(None).await?.is_behind());
    indexed(&db.store).await?;
    assert_eq!(find(db, "in:zoe").await?, "m1");
    assert_eq!(find(db, "in:ben").await?, "");
    Ok(())
}

async fn row_09_nothing_that_is_asked_is_more_than_words(db: &Database) -> Result<()> {
    mailbox(db, vec![message("a", "m1", 1, "near a or b and not c words x y")?]).await?;
    for text in [
        "near(a b)",
        "NEAR(a b, 2)",
        "words:x",
        "a OR b",
        "a AND b",
        "NOT c",
        "{words} x",
        "^near",
        "x + y",
        "(a",
        "a)",
        "' OR '1'='1",
        "x' & 'y",
        "a:* | b",
        "!a",
        "x <-> y",
        "\\",
        "a;DROP TABLE messages",
        "%",
        "a''b",
        "\u{FDD0}0 a",
        "a\u{0}b",
    ] {
        if parse(text).is_ok() {
            page(&db.store, &[account_id(1)?], text, 9, None).await?;
        }
    }
    assert_eq!(find(db, "NEAR(a b").await?, "m1");
    assert_eq!(find(db, "x OR y").await?, "m1", "an operator of a database is a word");
    for text in ["\"", "*", "a*", "x \"y", "from:", &"OR ".repeat(10_000)] {
        assert!(parse(text).is_err(), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_index_stops_no_commit_and_is_healed() -> Result<()> {
    let db = Database::sqlite().await?;
    let mut worker = mailbox(&db, vec![message("a", "m1", 1, "word")?]).await?;
    db.connect()?.execute_batch("DROP TABLE search_rows")?;
    worker.commit(&spoken(vec![message("a", "m2", 2, "word")?])).await?;
    assert!(db.store.index_some().await.is_err());
    assert_eq!(db.count("SELECT COUNT(*) FROM messages").await?, 2);
    db.connect()?.execute_batch(
        "CREATE TABLE search_rows (place INTEGER PRIMARY KEY, account_pk INTEGER NOT NULL, message_id TEXT NOT NULL, \
         UNIQUE (account_pk, message_id)) STRICT",
    )?;
    let store = open(&db.url, OpenOptions::default()).await?;
    store.forget_index().await?;
    indexed(&store).await?;
    let found = page(&store, &[account_id(1)?], "word", 9, None).await?;
    assert_eq!(names(&found), ["m2", "m1"]);
    store.close().await;
    db.finish().await
}
