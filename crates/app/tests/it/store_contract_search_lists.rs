//! The contract of search for questions of several words: whichever of them is looked for first, the same is found, and an
//! index that was made one part finds what it found before.

use anyhow::Result;
use threadkeep::store::Merge;
use threadkeep_core::message::MessageSeen;

use crate::store_contract_search::{indexed, mailbox, names, page, page_of_first};
use crate::store_database::Database;
use crate::store_fixture::{Worker, account_id, conversation, listed, message, person, spoken};

crate::on_both_databases!(
    every_order_of_words_finds_what_has_all_of_them,
    what_is_in_a_conversation_is_of_its_account,
    an_index_made_one_part_finds_the_same,
);

/// Messages of the mailbox.
const MESSAGES: i64 = 240;
/// A word stands in each message whose number it divides.
const WORDS: [(&str, i64); 5] = [("every", 1), ("second", 2), ("third", 3), ("seventh", 7), ("hundredth", 100)];

fn text(number: i64) -> String {
    let words: Vec<&str> = WORDS.iter().filter(|(_, of)| number % of == 0).map(|(word, _)| *word).collect();
    words.join(" ")
}

fn messages() -> Result<Vec<MessageSeen>> {
    (0..MESSAGES)
        .map(|number| {
            message(if number % 5 == 0 { "b" } else { "a" }, &format!("m{number:03}"), number + 1, &text(number))
        })
        .collect()
}

/// Another account has as many of the same words.
async fn with_neighbour(db: &Database) -> Result<Worker> {
    let mut neighbour = Worker::new(&db.store, 2).await?;
    let mut first = listed(vec![conversation("a", 20, "Ben")?, conversation("b", 10, "Ben")?]);
    first.people = vec![person("Ben")?];
    first.messages = messages()?;
    neighbour.commit(&first).await?;
    mailbox(db, messages()?).await
}

fn having(is_wanted: impl Fn(i64) -> bool) -> Vec<String> {
    (0..MESSAGES).rev().filter(|number| is_wanted(*number)).map(|number| format!("m{number:03}")).collect()
}

async fn all_pages(db: &Database, text: &str) -> Result<Vec<String>> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let found = page(&db.store, &[account_id(1)?], text, 50, after).await?;
        seen.extend(names(&found).into_iter().map(str::to_owned));
        after = found.next.map(|next| next.0);
        if after.is_none() {
            return Ok(seen);
        }
    }
}

async fn every_order_of_words_finds_what_has_all_of_them(db: &Database) -> Result<()> {
    with_neighbour(db).await?;
    for set in 1..1_u32 << WORDS.len() {
        let of: Vec<(&str, i64)> =
            WORDS.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0).map(|(_, word)| *word).collect();
        let all = having(|number| of.iter().all(|(_, of)| number % of == 0));
        let mut words: Vec<&str> = of.iter().map(|(word, _)| *word).collect();
        assert_eq!(all_pages(db, &words.join(" ")).await?, all, "{words:?}");
        words.reverse();
        assert_eq!(all_pages(db, &words.join(" ")).await?, all, "{words:?}");
        let of_ben = having(|number| of.iter().all(|(_, of)| number % of == 0) && number % 5 != 0);
        assert_eq!(all_pages(db, &format!("{} in:ben", words.join(" "))).await?, of_ben, "{words:?}");
    }
    let phrase = having(|number| number % 6 == 0);
    assert_eq!(all_pages(db, "\"second third\" every sec*").await?, phrase);
    assert_eq!(all_pages(db, "sec* third* \"every second\"").await?, phrase);
    let without = having(|number| number % 6 == 0 && number % 7 != 0);
    assert_eq!(all_pages(db, "every second third -seventh").await?, without);
    Ok(())
}

async fn what_is_in_a_conversation_is_of_its_account(db: &Database) -> Result<()> {
    with_neighbour(db).await?;
    for question in ["in:ben every", "in:zoe every second", "is:unread every", "in:ben -third", "in:zoe"] {
        let found = page_of_first(db, question).await?;
        let own = account_id(1)?;
        assert!(found.hits.iter().all(|hit| hit.account == own), "{question}");
    }
    assert_eq!(page_of_first(db, "in:zoe every").await?.hits.len(), 48);
    Ok(())
}

async fn an_index_made_one_part_finds_the_same(db: &Database) -> Result<()> {
    let mut worker = mailbox(db, Vec::new()).await?;
    for part in messages()?.chunks(20) {
        worker.commit(&spoken(part.to_vec())).await?;
        indexed(&db.store).await?;
    }
    assert!(!db.store.merge_index(Merge::IfScattered).await?, "it is too small to gain by it");
    let before = all_pages(db, "every second").await?;
    let mut merge = Merge::Anyway;
    let mut pieces = 0;
    while db.store.merge_index(merge).await? {
        merge = Merge::GoOn;
        pieces += 1;
        assert!(pieces < 100, "it never comes to an end");
    }
    if !db.is_postgres() {
        assert!(pieces > 0);
        assert_eq!(db.count("SELECT COUNT(DISTINCT segid) FROM search_index_idx").await?, 1);
    }
    assert_eq!(all_pages(db, "every second").await?, before);
    assert_eq!(before.len(), 120);
    assert!(!db.store.merge_index(Merge::GoOn).await?, "there is nothing left to do");
    Ok(())
}
