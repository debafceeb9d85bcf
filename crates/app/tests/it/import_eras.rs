//! Data exports of every era and form: what is read out of them, and what the report tells.

use anyhow::{Result, ensure};
use threadkeep::archive::ImportReport;
use threadkeep::store::{ConversationFilter, MessageFilter};
use threadkeep_core::id::AccountId;
use threadkeep_core::message::Message;

use crate::archives::{Desk, Packed, TEN, counts, csv, link, row, zip};
use crate::store_database::Database;

const NOON: &str = "2024-11-06 12:00:00 UTC";
const LATER: &str = "2024-11-06 12:05:00 UTC";

async fn messages(desk: &Desk, account: &AccountId) -> Result<Vec<Message>> {
    let filter = ConversationFilter { accounts: vec![account.clone()], ..ConversationFilter::default() };
    let mut all = Vec::new();
    for row in desk.app.store.conversations(&filter, 100).await? {
        all.extend(desk.app.store.messages(account, &row.conversation.id, &MessageFilter::default(), 100).await?);
    }
    Ok(all)
}

async fn bodies(desk: &Desk, account: &AccountId) -> Result<Vec<String>> {
    Ok(messages(desk, account).await?.into_iter().map(|one| one.body).collect())
}

/// Everything that is stored and that an import could change.
async fn fingerprint(database: &Database) -> Result<Vec<i64>> {
    let mut all = Vec::new();
    for table in
        ["messages", "conversations", "people", "conversation_people", "events", "archived_messages", "imports"]
    {
        all.push(database.count(&format!("SELECT COUNT(*) FROM {table}")).await?);
    }
    all.push(database.count("SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM messages").await?);
    all.push(database.count("SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM conversations").await?);
    Ok(all)
}

async fn an_export_of_today_is_read(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let header = format!(
        "\u{feff}{}",
        format!("{TEN},ATTACHMENTS").split(',').map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",")
    );
    let picture = format!("{}?e=1&v=beta&t=x", "https://www.linkedin.com/dms/prv/image/v2/one");
    let rows = [
        format!(
            "{},\"{picture},https://www.linkedin.com/dms/prv/vid/v2/two,x\"",
            row("2-YQ==", true, LATER, "two\r\nlines, \"quoted\"")
        ),
        format!("{},", row("2-YQ==", false, NOON, "=1+1 <b>&amp;</b>")),
    ];
    let result = desk.take("messages.csv", &csv(&header, &rows)).await?;
    ensure!(counts(&result.report) == (2, 0, 0, 0) && result.report.owner == "unknown", "{:?}", result.report);
    let found = messages(&desk, &result.account).await?;
    ensure!(found[0].body == "two\nlines, \"quoted\"" && found[0].delivered_at.0 == 1_730_894_700_000);
    ensure!(found[0].content.len() == 2, "{:?}", found[0].content);
    ensure!(found[1].body == "=1+1 <b>&amp;</b>", "ordinary messages are no HTML");
    ensure!(database.count("SELECT COUNT(*) FROM attachments WHERE state = 'remote'").await? == 2);
    Ok(())
}

async fn every_era_is_read(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let eras: [(&str, &str); 6] = [
        (
            "From,To,Date,Subject,Content,Direction,Folder",
            "Ben Invented,Olga Test,2016/11/06 02:08:20 UTC,,a,INCOMING,INBOX",
        ),
        (
            "FROM,TO,DATE,SUBJECT,CONTENT,DIRECTION,FOLDER",
            "Olga Test,Ben Invented,2019-11-06T02:08:20,,b,OUTGOING,INBOX",
        ),
        (
            "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,DATE,SUBJECT,CONTENT,FOLDER",
            "2-YQ==,,Olga Test,https://www.linkedin.com/in/olga-test,Ben Invented,2021-01-01 00:00:00 UTC,,c,INBOX",
        ),
        (
            TEN,
            "2-YQ==,,Ben Invented,https://www.linkedin.com/in/ben-invented,Olga Test,https://www.linkedin.com/in/olga-test,2023-08-01 00:00:00 UTC,Hello,d,ARCHIVE",
        ),
        (
            "conversation id,Conversation Title,From,Sender Profile Url,To,Recipient Profile Urls,Date,Subject,Content,Folder,Attachments,Is Message Draft,Is Conversation Draft,Is Conversation Archived",
            "2-YQ==,,Ben Invented,https://www.linkedin.com/in/ben-invented,Olga Test,https://www.linkedin.com/in/olga-test,2025-08-01 00:00:00 UTC,,e,INBOX,,No,No,Yes",
        ),
        ("CONTENT,FROM", "f,Ben Invented"),
    ];
    for (number, (header, line)) in eras.into_iter().enumerate() {
        let path = desk.file(&format!("{number}.csv"), &csv(header, &[line.to_owned()]))?;
        let me = if number < 2 { "Olga Test".to_owned() } else { link("olga-test") };
        let result = desk.import_as(&path, Some(&me)).await?;
        ensure!(counts(&result.report).0 == 1, "{number}: {:?}", result.report);
        ensure!(result.report.no_time == u64::from(number == 5), "{number}: {:?}", result.report);
    }
    ensure!(database.count("SELECT COUNT(*) FROM accounts").await? == 1, "the member is one, by name and by link");
    ensure!(database.count("SELECT COUNT(*) FROM messages").await? == 6);
    ensure!(
        database
            .count(
                "SELECT COUNT(*) FROM messages m JOIN accounts a ON a.pk = m.account_pk AND a.member_id = m.sender_id"
            )
            .await?
            == 2
    );
    Ok(())
}

async fn odd_rows_are_counted_and_never_lost(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let header = format!("{TEN},IS MESSAGE DRAFT");
    let mut rows = vec![
        format!("{},No", row("2-YQ==", true, NOON, "once")),
        format!("{},No", row("2-YQ==", true, NOON, "once")),
        format!("{},Yes", row("2-YQ==", true, LATER, "a draft")),
        format!("{},", row("2-YQ==", true, "6-Nov-24", "no time")),
        "torn apart".to_owned(),
        format!("2-Yg==,,LinkedIn Member,,Olga Test,{},{NOON},,hidden,INBOX,", link("olga-test")),
        format!(
            "2-Yw==,,\"Jane Doe, Ph.D.\",{},Olga Test,{},{NOON},,with a comma,SPAM,",
            link("jane"),
            link("olga-test")
        ),
        format!(
            "2-ZA==,,Sponsored Conversation,,Olga Test,{},{NOON},,\"<p class=\"\"spinmail-quill-editor\"\">Buy &amp; sell</p>\",INBOX,",
            link("olga-test")
        ),
        format!(",,Ben Invented,,Olga Test,,{NOON},,no thread,INBOX,"),
    ];
    rows.push("2-ZQ==,,Eva".to_owned());
    let mut bytes = b"Notes:\n\"a sentence\"\n\n".to_vec();
    bytes.extend(csv(&header, &rows));
    bytes.extend(format!("2-Zg==,,Ben Invented,,,,{LATER},,\"b\u{0}d ").into_bytes());
    bytes.extend([0xff, 0xfe]);
    bytes.extend(b"\",INBOX,\n");
    let path = desk.file("messages.csv", &bytes)?;
    let report = desk.import_as(&path, Some(&link("olga-test"))).await?.report;
    let expected = ImportReport {
        rows: 10,
        imported: 8,
        duplicates: 1,
        no_time: 2,
        no_conversation_id: 1,
        no_sender_url: 5,
        sponsored: 1,
        spam: 1,
        repaired: 1,
        bad_count: 1,
        owner: "named".into(),
        ..report.clone()
    };
    ensure!(report == expected && report.skipped.drafts == 1, "{report:?}");
    ensure!(report.bad[0].line == 9, "{:?}", report.bad);
    let account = desk.app.store.accounts().await?.remove(0).id;
    let texts = bodies(&desk, &account).await?;
    for text in ["once", "no time", "hidden", "with a comma", "Buy & sell", "no thread"] {
        ensure!(texts.iter().any(|body| body == text), "{text} is missing");
    }
    ensure!(
        database.count("SELECT COUNT(*) FROM people WHERE first_name = 'Jane' AND last_name = 'Doe, Ph.D.'").await?
            == 1
    );
    Ok(())
}

async fn the_same_archive_twice_changes_nothing(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let rows =
        [row("2-YQ==", true, LATER, "two"), row("2-YQ==", false, NOON, "one"), row("2-Yg==", true, NOON, "three")];
    let bytes = csv(TEN, &rows);
    let path = desk.file("messages.csv", &bytes)?;
    let me = link("olga-test");
    let first = desk.import_as(&path, Some(&me)).await?;
    let before = fingerprint(database).await?;
    let again = desk.import_as(&path, Some(&me)).await?;
    ensure!(again.report.is_repeated && again.account == first.account);
    ensure!(fingerprint(database).await? == before);
    // The same rows in other bytes are known one by one; only the import itself is new.
    let other = desk.file("other.csv", &[b"\n".as_slice(), &bytes].concat())?;
    let report = desk.import_as(&other, Some(&me)).await?.report;
    ensure!(counts(&report) == (0, 0, 3, 0), "{report:?}");
    let after = fingerprint(database).await?;
    ensure!(after[..6] == before[..6] && after[7..] == before[7..], "{before:?} {after:?}");
    Ok(())
}

async fn zips_folders_and_zips_in_zips_are_one(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let rows: Vec<String> = ["2-YQ==", "2-Yg==", "2-Yw=="].iter().map(|thread| row(thread, true, NOON, "hi")).collect();
    let decoy = csv(TEN, &[row("2-eA==", true, NOON, "never")]);
    let files = [
        Packed::new("coach_messages.csv", &decoy),
        Packed::new("guide_messages.csv", &decoy),
        Packed::new("__MACOSX/._messages.csv", b"\0\x05\x16\x07"),
        Packed { is_deflated: false, ..Packed::new("Profile.csv", b"First Name,Last Name\nOlga,Test\n") },
        Packed::new(
            "Connections.csv",
            format!("Notes:\n\"x\"\n\nFirst Name,Last Name,URL\nBenedikt,Invented,{}", link("ben-invented")).as_bytes(),
        ),
        Packed::new("export/messages.csv", &csv(TEN, &rows)),
    ];
    let bytes = zip(&files)?;
    let first = desk.take("Basic_LinkedInDataExport.zip", &bytes).await?;
    ensure!(counts(&first.report) == (3, 0, 0, 0) && first.report.owner == "profile", "{:?}", first.report);
    ensure!(first.report.decoys == ["coach_messages.csv", "guide_messages.csv"]);
    ensure!(
        database.count("SELECT COUNT(*) FROM people WHERE first_name = 'Benedikt'").await? == 1,
        "neighbours know names"
    );
    let wrapped = zip(&[Packed::new("x.zip", &bytes), Packed::new("__MACOSX/._x.zip", b"x")])?;
    ensure!(desk.take("x.zip.zip", &wrapped).await?.report.is_repeated);
    for file in &files {
        desk.file(&format!("unpacked/{}", String::from_utf8_lossy(&file.name)), &file.bytes)?;
    }
    let folder = desk.import(&desk.folder.path().join("unpacked")).await?;
    ensure!(folder.report.is_repeated, "{:?}", folder.report);
    let left = std::fs::read_dir(desk.folder.path().join("scratch"))?.count();
    ensure!(left == 0, "{left} scratch files are left");
    Ok(())
}

async fn utf_16_is_read(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let text =
        String::from_utf8(csv(TEN, &[row("2-YQ==", true, NOON, "gr\u{fc}\u{df}e \u{1f44d}")]))?.replace('\n', "\r\n");
    let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let result = desk.take("messages.csv", &bytes).await?;
    ensure!(bodies(&desk, &result.account).await? == ["gr\u{fc}\u{df}e \u{1f44d}"]);
    Ok(())
}

async fn an_edit_between_two_archives_is_one_message(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let me = link("olga-test");
    let old = desk.file("old.csv", &csv(TEN, &[row("2-YQ==", false, NOON, "before")]))?;
    let new =
        desk.file("new.csv", &csv(TEN, &[row("2-YQ==", true, LATER, "more"), row("2-YQ==", false, NOON, "after")]))?;
    let account = desk.import_as(&old, Some(&me)).await?.account;
    let report = desk.import_as(&new, Some(&me)).await?.report;
    ensure!(report.changed == 1 && counts(&report) == (1, 0, 0, 0), "{report:?}");
    let found = messages(&desk, &account).await?;
    ensure!(found.len() == 2 && found[1].body == "after" && found[1].prior[0].body == "before", "{found:?}");
    Ok(())
}

async fn attachments_come_from_whichever_archive_tells_them(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let me = link("olga-test");
    let plain = row("2-YQ==", false, NOON, "a picture");
    let old = desk.file("old.csv", &csv(TEN, std::slice::from_ref(&plain)))?;
    let account = desk.import_as(&old, Some(&me)).await?.account;
    let attached = format!("{plain},https://www.linkedin.com/dms/prv/image/v2/one?e=1");
    let new = desk.file("new.csv", &csv(&format!("{TEN},ATTACHMENTS"), &[attached]))?;
    let report = desk.import_as(&new, Some(&me)).await?.report;
    ensure!(counts(&report) == (0, 0, 1, 0), "{report:?}");
    let found = messages(&desk, &account).await?;
    ensure!(found.len() == 1 && found[0].content.len() == 1 && found[0].body == "a picture", "{found:?}");
    ensure!(found[0].prior.is_empty() && found[0].version == 2, "{found:?}");
    ensure!(database.count("SELECT COUNT(*) FROM attachments WHERE state = 'remote'").await? == 1);
    Ok(())
}

async fn an_older_archive_after_a_newer_one_tells_the_earlier_text(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let me = link("olga-test");
    let rows = [row("2-YQ==", true, LATER, "more"), row("2-YQ==", false, NOON, "after")];
    let account = desk.import_as(&desk.file("new.csv", &csv(TEN, &rows))?, Some(&me)).await?.account;
    let old = desk.file("old.csv", &csv(TEN, &[row("2-YQ==", false, NOON, "before")]))?;
    let report = desk.import_as(&old, Some(&me)).await?.report;
    ensure!(report.changed == 0 && counts(&report) == (0, 0, 1, 0), "{report:?}");
    let found = messages(&desk, &account).await?;
    ensure!(found.len() == 2 && found[1].body == "after" && found[1].prior[0].body == "before", "{found:?}");
    ensure!(found[1].prior[0].version == 0 && found[1].version == 2, "{found:?}");
    let before = fingerprint(database).await?;
    let again = desk.file("again.csv", &csv(TEN, &[row("2-YQ==", false, NOON, "before"), String::new()]))?;
    desk.import_as(&again, Some(&me)).await?;
    let after = fingerprint(database).await?;
    ensure!(after[..6] == before[..6] && after[7..] == before[7..], "{before:?} {after:?}");
    Ok(())
}

async fn what_is_no_export_is_refused_with_what_to_do(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let profile = zip(&[Packed::new("Profile.csv", b"First Name,Last Name\nOlga,Test\n")])?;
    let decoy = csv(TEN, &[row("2-YQ==", true, NOON, "never")]);
    let cases: [(&str, &[u8], &str, &str); 6] = [
        ("first.zip", &profile, "archive_without_messages", "wait for the second mail"),
        ("empty.csv", b"", "archive_rejected", "empty"),
        ("other.csv", b"a,b\n1,2\n", "archive_rejected", "header"),
        ("LearningCoachMessages.csv", b"No conversations found\n", "archive_rejected", "no conversations"),
        ("guide_messages.csv", &decoy, "archive_rejected", "no conversations"),
        ("Learning Role Play Messages (1).csv", &decoy, "archive_rejected", "no conversations"),
    ];
    for (name, bytes, code, what) in cases {
        let refusal = desk.refusal(name, bytes).await?;
        ensure!(refusal.code() == code && refusal.to_string().contains(what), "{name}: {refusal}");
    }
    ensure!(database.count("SELECT COUNT(*) FROM accounts").await? == 0, "nothing is made for nothing");
    Ok(())
}

async fn a_look_keeps_nothing(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let path = desk.file("messages.csv", &csv(TEN, &[row("2-YQ==", true, NOON, "hi")]))?;
    let ask = threadkeep::verbs::import::ImportAsk {
        me: None,
        account: None,
        is_dry_run: true,
        scratch: threadkeep::archive::Scratch::new(desk.folder.path().join("scratch")),
        job: None,
    };
    let at = threadkeep::verbs::import::ArchiveAt::Path(path);
    let who = threadkeep::store::Actor::Setup;
    let result = threadkeep::verbs::import::import(
        &desk.app,
        &who,
        (at, &ask),
        &std::sync::Arc::default(),
        &threadkeep::lifecycle::Stop::default(),
    )
    .await?;
    ensure!(result.report.is_dry_run && result.report.imported == 1);
    ensure!(fingerprint(database).await?.iter().sum::<i64>() == 0);
    Ok(())
}

crate::on_both_databases! {
    an_export_of_today_is_read,
    every_era_is_read,
    odd_rows_are_counted_and_never_lost,
    the_same_archive_twice_changes_nothing,
    zips_folders_and_zips_in_zips_are_one,
    utf_16_is_read,
    an_edit_between_two_archives_is_one_message,
    attachments_come_from_whichever_archive_tells_them,
    an_older_archive_after_a_newer_one_tells_the_earlier_text,
    what_is_no_export_is_refused_with_what_to_do,
    a_look_keeps_nothing,
}
