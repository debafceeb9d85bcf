//! `threadkeep search`, the index behind a sync and an import, and how it is made anew, as people and scripts meet them.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cli_harness::Room;

const ARCHIVE: &str = "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,DATE,SUBJECT,CONTENT\n\
    2-a,,Ada Example,https://www.linkedin.com/in/ada-example,Me Myself,2021-03-02 08:00:00 UTC,,The caf\u{e9} contract\n\
    2-a,,Me Myself,https://www.linkedin.com/in/me-myself,Ada Example,2021-03-02 09:00:00 UTC,,\u{1b}[31mred cafe\n\
    2-b,,Bo Example,https://www.linkedin.com/in/bo-example,Me Myself,2022-01-01 08:00:00 UTC,Offer,hello\n";

fn room() -> Result<Room> {
    let room = Room::new()?.with("THREADKEEP_DATABASE_URL", "sqlite:mirror.db");
    room.write("messages.csv", ARCHIVE)?;
    let imported = room.run(&["import", "messages.csv", "--me", "https://www.linkedin.com/in/me-myself"])?;
    ensure!(imported.code == Some(0), "{}", imported.told());
    Ok(room)
}

fn sql(room: &Room, text: &str) -> Result<()> {
    Ok(rusqlite::Connection::open(room.path("mirror.db"))?.execute_batch(text)?)
}

#[test]
fn what_an_import_has_brought_is_found_at_once() -> Result<()> {
    let room = room()?;
    let doctor = room.run(&["doctor"])?;
    ensure!(doctor.out.contains("search index   3 messages"), "{}", doctor.out);
    let found = room.run(&["search", "cafe"])?;
    ensure!(found.code == Some(0), "{}", found.told());
    let lines: Vec<&str> = found.out.lines().collect();
    ensure!(lines.len() == 4, "{}", found.out);
    ensure!(lines[0].contains("2021-03-02 09:00:00") && lines[0].contains("you") && lines[0].contains("Ada Example"));
    ensure!(lines[1] == "     [31mred *cafe*" && lines[3] == "    The *caf\u{e9}* contract", "{}", found.out);
    let found = room.run(&["search", "from:ada", "contract", "--json"])?;
    let hit: Value = serde_json::from_str(found.out.trim())?;
    ensure!(hit["senderName"] == "Ada Example" && hit["snippet"][1]["text"] == "contract", "{hit}");
    let one = room.run(&["search", "example", "--limit", "1"])?;
    ensure!(one.code == Some(3), "{}", one.told());
    let one = room.run(&["search", "after:2021", "--limit", "1"])?;
    ensure!(one.code == Some(0) && one.err.contains("there is more") && one.out.contains("Offer"), "{}", one.told());
    Ok(())
}

#[test]
fn a_question_that_is_wrong_or_finds_nothing_says_so() -> Result<()> {
    let room = room()?;
    let wrong = room.run(&["search", "hello \"world"])?;
    ensure!(wrong.code == Some(2) && wrong.err.contains("at character 7"), "{}", wrong.told());
    let none = room.run(&["search", "zzz"])?;
    ensure!(none.code == Some(3) && none.out.is_empty() && none.err.contains("nothing is found"), "{}", none.told());
    let negated = room.run(&["search", "--", "-cafe"])?;
    ensure!(negated.code == Some(0) && negated.out.contains("hello"), "{}", negated.told());
    Ok(())
}

#[test]
fn a_broken_index_is_told_and_made_anew() -> Result<()> {
    let room = room()?;
    sql(
        &room,
        "DELETE FROM search_index; DELETE FROM search_rows WHERE message_id IN (SELECT id FROM messages LIMIT 1)",
    )?;
    sql(&room, "UPDATE search_marks SET indexed = 2")?;
    let doctor = room.run(&["doctor"])?;
    ensure!(
        doctor.out.contains("has 2 of 3 messages") && doctor.out.contains("threadkeep db reindex"),
        "{}",
        doctor.out
    );
    let anew = room.run(&["db", "reindex", "--json"])?;
    ensure!(anew.code == Some(0), "{}", anew.told());
    let told: Value = serde_json::from_str(anew.out.trim())?;
    ensure!(told["indexed"] == 3 && told["upToDate"] == true, "{told}");
    ensure!(room.run(&["search", "cafe"])?.out.lines().count() == 4);
    // An import into a broken index is an import all the same.
    sql(&room, "DROP TABLE search_rows")?;
    let more = ARCHIVE.replace("2022-01-01 08:00:00", "2023-01-01 08:00:00");
    room.write("more.csv", &more)?;
    let imported = room.run(&["import", "more.csv", "--me", "https://www.linkedin.com/in/me-myself"])?;
    ensure!(imported.code == Some(0) && imported.err.contains("index of search"), "{}", imported.told());
    Ok(())
}
