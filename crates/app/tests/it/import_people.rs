//! Who is in the conversations of a data export, and which conversations and rows are the same in two: a conversation of two
//! is one of two, whatever of them an era tells.

use anyhow::{Result, ensure};
use threadkeep::refusal::Refusal;

use crate::archives::{Desk, TEN, counts, csv, link, row};
use crate::store_database::Database;

const NOON: &str = "2022-11-06 12:00:00 UTC";
const LATER: &str = "2022-11-06 12:05:00 UTC";
/// The header from 2020 to 2023: whoever receives has no link.
const NINE: &str = "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,DATE,SUBJECT,CONTENT,FOLDER";

/// Conversations that are told to be groups, who takes part in all of them, and those of them who are named alone.
async fn company(database: &Database) -> Result<(i64, i64, i64)> {
    let groups = database.count("SELECT COUNT(*) FROM conversations WHERE is_group = 1").await?;
    let present = database.count("SELECT COUNT(*) FROM conversation_people WHERE is_present = 1").await?;
    let named = database.count("SELECT COUNT(*) FROM conversation_people WHERE person_id LIKE 'name:%'").await?;
    Ok((groups, present, named))
}

async fn mine(database: &Database) -> Result<i64> {
    let text = "SELECT COUNT(*) FROM messages m JOIN accounts a ON a.pk = m.account_pk AND a.member_id = m.sender_id";
    database.count(text).await
}

async fn whoever_has_a_link_in_one_row_is_nobody_else_in_another(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let me = link("olga-test");
    let said = format!("2-YQ==,,Olga Test,{me},Ben Invented,{NOON},,hello,INBOX");
    let answer = format!("2-YQ==,,Ben Invented,{},Olga Test,{LATER},,good day,INBOX", link("ben-invented"));
    let first = desk.file("first.csv", &csv(NINE, std::slice::from_ref(&said)))?;
    desk.import_as(&first, Some(&me)).await?;
    ensure!(company(database).await? == (0, 2, 1), "{:?}", company(database).await?);
    // The answer tells Ben's link, and the name that stood for him is gone.
    let second = desk.file("second.csv", &csv(NINE, &[answer, said]))?;
    let report = desk.import_as(&second, Some(&me)).await?.report;
    ensure!(counts(&report) == (1, 0, 1, 0), "{report:?}");
    ensure!(company(database).await? == (0, 2, 0), "{:?}", company(database).await?);
    ensure!(database.count("SELECT COUNT(*) FROM people WHERE id LIKE 'name:%'").await? == 0);
    let linked = "SELECT COUNT(*) FROM people WHERE id = 'in:ben-invented' AND profile_url IS NOT NULL";
    ensure!(database.count(linked).await? == 1);
    let participants = "SELECT COUNT(*) FROM conversations WHERE participants LIKE '%in:ben-invented%'";
    ensure!(database.count(participants).await? == 1);
    // A third archive that only names him adds nobody.
    let third = format!("2-YQ==,,Olga Test,{me},Ben Invented,2022-11-07 12:00:00 UTC,,bye,INBOX");
    let third = desk.file("third.csv", &csv(NINE, &[third]))?;
    desk.import_as(&third, Some(&me)).await?;
    ensure!(company(database).await? == (0, 2, 0), "{:?}", company(database).await?);
    Ok(())
}

async fn two_of_one_name_stay_two(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let me = link("olga-test");
    let from =
        |slug: &str, date: &str| format!("2-YQ==,,Ben Invented,{},Olga Test,{date},,I am {slug},INBOX", link(slug));
    let rows = [
        from("ben-1", NOON),
        from("ben-2", LATER),
        format!("2-YQ==,,Olga Test,{me},\"Ben Invented, Ben Invented\",2022-11-07 12:00:00 UTC,,hello,INBOX"),
    ];
    let path = desk.file("messages.csv", &csv(NINE, &rows))?;
    desk.import_as(&path, Some(&me)).await?;
    let links = "SELECT COUNT(*) FROM conversation_people WHERE person_id IN ('in:ben-1', 'in:ben-2', 'in:olga-test')";
    ensure!(database.count(links).await? == 3);
    Ok(())
}

async fn an_owner_who_is_not_known_takes_part_in_nothing(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let rows = [row("2-YQ==", true, LATER, "two"), row("2-YQ==", false, NOON, "one")];
    let report = desk.take("messages.csv", &csv(TEN, &rows)).await?.report;
    ensure!(report.owner == "unknown" && report.people == 2, "{report:?}");
    ensure!(company(database).await? == (0, 2, 0), "{:?}", company(database).await?);
    Ok(())
}

async fn a_name_as_owner_is_the_link_that_has_it(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let rows = [row("2-YQ==", true, LATER, "two"), row("2-YQ==", false, NOON, "one")];
    let path = desk.file("messages.csv", &csv(TEN, &rows))?;
    let refused = desk.import_as(&path, Some("Olga Else")).await;
    ensure!(
        refused.as_ref().is_err_and(|refusal| refusal.to_string().contains("the link to your profile")),
        "{refused:?}"
    );
    ensure!(database.count("SELECT COUNT(*) FROM accounts").await? == 0);
    let others =
        [row("2-YQ==", true, NOON, "one"), row("2-YQ==", true, LATER, "two").replace("olga-test", "olga-else")];
    let several = desk.file("several.csv", &csv(TEN, &others))?;
    ensure!(desk.import_as(&several, Some("Olga Test")).await.is_err(), "two have the name");
    desk.import_as(&path, Some("olga  test")).await?;
    ensure!(database.count("SELECT COUNT(*) FROM accounts WHERE member_id = 'in:olga-test'").await? == 1);
    ensure!(company(database).await? == (0, 2, 0) && mine(database).await? == 1, "{:?}", company(database).await?);
    Ok(())
}

async fn an_archive_of_nobody_is_not_doubled_by_its_owner(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let me = link("olga-test");
    let rows = [row("2-YQ==", true, LATER, "two"), row("2-YQ==", false, NOON, "one")];
    let path = desk.file("messages.csv", &csv(TEN, &rows))?;
    let nobody = desk.import(&path).await?;
    ensure!(nobody.report.words().contains("threadkeep account remove"), "{}", nobody.report.words());
    let refused = desk.import_as(&path, Some(&me)).await;
    let tells =
        |refusal: &Refusal| refusal.code() == "conflict" && refusal.to_string().contains(nobody.account.as_str());
    ensure!(refused.as_ref().is_err_and(tells), "{refused:?}");
    ensure!(database.count("SELECT COUNT(*) FROM messages").await? == 2);
    ensure!(desk.app.store.remove_account(&nobody.account).await?);
    let owned = desk.import_as(&path, Some(&me)).await?;
    ensure!(owned.is_new_account && counts(&owned.report) == (2, 0, 0, 0), "{:?}", owned.report);
    ensure!(database.count("SELECT COUNT(*) FROM accounts").await? == 1 && mine(database).await? == 1);
    // Another archive of theirs is no part of it.
    let other = desk.file("other.csv", &csv(TEN, &[row("2-Yg==", true, NOON, "three")]))?;
    ensure!(desk.import_as(&other, Some(&me)).await?.account == owned.account);
    Ok(())
}

/// Records whose version is not the number of their events.
async fn unevented(database: &Database) -> Result<i64> {
    let of = |table: &str| {
        format!(
            "SELECT COUNT(*) FROM {table} c WHERE c.version <> (SELECT COUNT(*) FROM events e \
             WHERE e.account_pk = c.account_pk AND e.object_id = c.id)"
        )
    };
    Ok(database.count(&of("conversations")).await? + database.count(&of("messages")).await?)
}

async fn a_conversation_without_a_thread_goes_and_comes_back(database: &Database) -> Result<()> {
    const SEVEN: &str = "FROM,TO,DATE,SUBJECT,CONTENT,DIRECTION,FOLDER";
    let desk = Desk::on(database)?;
    let old = |time: &str, text: &str| format!("Ben Invented,Olga Test,2022-11-06T{time},,{text},INCOMING,INBOX");
    let first = desk.file("first.csv", &csv(SEVEN, &[old("12:00:00", "one")]))?;
    desk.import_as(&first, Some("Olga Test")).await?;
    let threads = desk.file("threads.csv", &csv(TEN, &[row("2-YQ==", false, NOON, "one")]))?;
    let report = desk.import_as(&threads, Some(&link("olga-test"))).await?.report;
    ensure!(counts(&report) == (0, 0, 1, 0), "{report:?}");
    let visible = "SELECT COUNT(*) FROM conversations WHERE is_deleted = 0";
    ensure!(database.count(visible).await? == 1, "the conversation without a thread is empty");
    let gone = "SELECT COUNT(*) FROM events WHERE kind = 'conversation.deleted'";
    ensure!(database.count(gone).await? == 1 && unevented(database).await? == 0);
    // A row that no thread has brings the conversation back, whether it is older or newer than what went.
    for (number, time) in [(1, "11:40:00"), (2, "12:20:00")] {
        let more = desk.file("more.csv", &csv(SEVEN, &[old(time, "only here"), old("12:00:00", "one")]))?;
        let report = desk.import_as(&more, Some("Olga Test")).await?.report;
        ensure!(counts(&report) == (1, 0, 1, 0), "{report:?}");
        ensure!(database.count(visible).await? == 2 && unevented(database).await? == 0);
        let told = "SELECT COUNT(*) FROM messages m JOIN conversations c ON c.pk = m.conversation_pk \
             WHERE m.body = 'only here' AND c.is_deleted = 0 AND c.newest_id IS NOT NULL";
        ensure!(database.count(told).await? == number);
    }
    Ok(())
}

async fn rows_without_a_date_are_known_wherever_they_stand(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let me = link("olga-test");
    let undated = row("2-YQ==", false, "6-Nov-22", "no time");
    let first = desk.file("first.csv", &csv(TEN, &[row("2-YQ==", true, NOON, "one"), undated.clone()]))?;
    desk.import_as(&first, Some(&me)).await?;
    let rows = [row("2-YQ==", true, LATER, "two"), undated, row("2-YQ==", true, NOON, "one")];
    let second = desk.file("second.csv", &csv(TEN, &rows))?;
    let report = desk.import_as(&second, Some(&me)).await?.report;
    ensure!(counts(&report) == (1, 0, 2, 0) && report.no_time == 1, "{report:?}");
    ensure!(database.count("SELECT COUNT(*) FROM messages").await? == 3);
    ensure!(database.count("SELECT COUNT(*) FROM archived_messages WHERE second < -1000000000000").await? == 1);
    Ok(())
}

async fn a_strange_id_of_a_conversation_names_it_in_both_directions(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let rows = [row("a b", true, LATER, "answer"), row("a b", false, NOON, "question"), row("c d", true, NOON, "else")];
    let report = desk.take("messages.csv", &csv(TEN, &rows)).await?.report;
    ensure!(report.no_conversation_id == 3 && report.conversations == 2, "{report:?}");
    Ok(())
}

crate::on_both_databases! {
    whoever_has_a_link_in_one_row_is_nobody_else_in_another,
    two_of_one_name_stay_two,
    an_owner_who_is_not_known_takes_part_in_nothing,
    a_name_as_owner_is_the_link_that_has_it,
    an_archive_of_nobody_is_not_doubled_by_its_owner,
    a_conversation_without_a_thread_goes_and_comes_back,
    rows_without_a_date_are_known_wherever_they_stand,
    a_strange_id_of_a_conversation_names_it_in_both_directions,
}
