//! Hostile archives: refused as a whole, nothing written outside, bounded time and memory.

use std::io::Write;

use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::archives::{Desk, Packed, TEN, counts, csv, row, zip};
use crate::store_database::Database;

const NOON: &str = "2024-11-06 12:00:00 UTC";

fn good() -> Vec<u8> {
    csv(TEN, &[row("2-YQ==", true, NOON, "hi")])
}

/// Everything is refused, by the code for archives, and nothing is kept or left behind.
async fn refused(database: &Database, cases: Vec<(&str, Vec<u8>)>) -> Result<()> {
    let desk = Desk::on(database)?;
    for (what, bytes) in cases {
        let refusal = desk.refusal("x.zip", &bytes).await?;
        ensure!(refusal.code() == "archive_rejected" && refusal.status() == 422, "{what}: {refusal}");
    }
    ensure!(database.count("SELECT COUNT(*) FROM accounts").await? == 0);
    ensure!(database.count("SELECT COUNT(*) FROM imports").await? == 0);
    let mut names: Vec<String> = std::fs::read_dir(desk.folder.path())?
        .map(|found| Ok(found?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.retain(|name| name != "media" && name != "scratch");
    ensure!(names == ["x.zip"], "{names:?}");
    Ok(())
}

async fn row_37_names_that_lead_elsewhere_are_refused(database: &Database) -> Result<()> {
    let names: [&[u8]; 9] =
        [b"../../x", b"/etc/passwd", b"C:\\x", b"..\\..\\x", b"a/../../x", b"a\0b", b"a\nb", b"./messages.csv", b""];
    let mut cases = Vec::new();
    for name in names {
        let strange = Packed { name: name.into(), ..Packed::new("", b"x") };
        cases.push(("a name", zip(&[Packed::new("messages.csv", &good()), strange])?));
    }
    refused(database, cases).await
}

async fn row_37_links_devices_and_twins_are_refused(database: &Database) -> Result<()> {
    let of_mode = |mode| Packed { mode, ..Packed::new("messages.csv", b"/etc/passwd") };
    let twin = |name: &str| zip(&[Packed::new("messages.csv", &good()), Packed::new(name, &good())]);
    let cases = vec![
        ("a link", zip(&[of_mode(0o120_777)])?),
        ("a device", zip(&[of_mode(0o060_666)])?),
        ("a socket", zip(&[of_mode(0o140_666)])?),
        ("twins", twin("messages.csv")?),
        ("twins by case", twin("MESSAGES.csv")?),
    ];
    refused(database, cases).await
}

async fn row_38_bombs_are_refused(database: &Database) -> Result<()> {
    let zeros = vec![0; 40 << 20];
    let inner = zip(&[Packed::new("messages.csv", &good())])?;
    let mut nested = inner.clone();
    for _ in 0..3 {
        nested = zip(&[Packed::new("a.zip", &nested)])?;
    }
    let several = zip(&[Packed::new("a.zip", &inner), Packed::new("b.zip", &inner)])?;
    let lies = Packed { told_size: Some(100), ..Packed::new("messages.csv", &vec![b'x'; 4 << 20]) };
    let huge = Packed { told_size: Some(u32::MAX - 1), ..Packed::new("messages.csv", &good()) };
    let cases = vec![
        ("a ratio of 1000", zip(&[Packed::new("messages.csv", &zeros)])?),
        ("archives in archives", nested),
        ("several archives", several),
        ("more bytes than told", zip(&[lies])?),
        ("a size beyond all", zip(&[huge])?),
        ("too many entries", many_entries()?),
        ("entries that share bytes", overlapping()?),
    ];
    refused(database, cases).await
}

/// A zip that tells of a million entries, all of them small.
fn many_entries() -> Result<Vec<u8>> {
    let mut out = zip(&[Packed::new("messages.csv", &good())])?;
    let end = out.len() - 22;
    // The larger end record: a million entries, where there is one.
    let mut record = b"PK\x06\x06".to_vec();
    record.extend(44_u64.to_le_bytes());
    record.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [1_000_000_u64, 1_000_000, 58, end as u64 - 58] {
        record.extend(number.to_le_bytes());
    }
    let tail = out.split_off(end);
    let at = out.len() as u64;
    out.extend(record);
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend(at.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(&tail[..8]);
    out.extend([0xff; 4]);
    out.extend([0xff; 8]);
    out.extend([0; 2]);
    Ok(out)
}

/// Two entries of other names over the same bytes.
fn overlapping() -> Result<Vec<u8>> {
    let first = Packed::new("messages.csv", &good());
    let second =
        Packed { told_at: Some(0), local_name: Some(b"messages.csv".to_vec()), ..Packed::new("Profile.csv", &good()) };
    zip(&[first, second])
}

async fn row_38_damaged_and_secret_archives_are_refused(database: &Database) -> Result<()> {
    let whole = zip(&[Packed::new("messages.csv", &good())])?;
    let mut broken = whole.clone();
    broken[45] ^= 0xff;
    let mut behind = whole.clone();
    behind.extend(b"more");
    let cases = vec![
        ("encrypted", zip(&[Packed { flags: 1, ..Packed::new("messages.csv", &good()) }])?),
        ("a wrong checksum", zip(&[Packed { told_crc: Some(1), ..Packed::new("messages.csv", &good()) }])?),
        (
            "another name inside",
            zip(&[Packed { local_name: Some(b"elsewhere".to_vec()), ..Packed::new("messages.csv", &good()) }])?,
        ),
        ("cut off", whole[..whole.len() - 30].to_vec()),
        ("a beginning alone", whole[..20].to_vec()),
        ("broken bytes", broken),
        ("something behind", behind),
    ];
    refused(database, cases).await
}

async fn row_39_tables_without_an_end_are_refused_with_their_line(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let mut endless = csv(TEN, &[row("2-YQ==", true, NOON, "hi")]);
    endless.extend(b"2-YQ==,,Olga,\"");
    endless.extend(vec![b'x'; 20 << 20]);
    let refusal = desk.refusal("messages.csv", &endless).await?;
    ensure!(refusal.code() == "archive_rejected" && refusal.to_string().contains("line 3"), "{refusal}");
    let wide = [csv(TEN, &[row("2-YQ==", true, NOON, "hi")]), vec![b','; 1_000_000]].concat();
    let refusal = desk.refusal("messages.csv", &wide).await?;
    ensure!(refusal.code() == "archive_rejected" && refusal.to_string().contains("line 3"), "{refusal}");
    // The first row is sound, and is not kept either.
    ensure!(database.count("SELECT COUNT(*) FROM messages").await? == 0);
    Ok(())
}

async fn row_39_strange_cells_are_taken_as_they_are(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let rows = [
        row("2-YQ==", true, "99999-01-01 00:00:00 UTC", "a year far away"),
        row("2-YQ==", true, NOON, "<script>alert(1)</script>\0"),
        row("'; DROP TABLE messages; --", false, NOON, "' OR '1'='1"),
        row("2-Yg==", true, "0000-00-00 00:00:00 UTC", "\u{202e}gnp.exe"),
    ];
    let report = desk.take("messages.csv", &csv(TEN, &rows)).await?.report;
    ensure!(report.imported == 4 && report.no_time == 2 && report.no_conversation_id == 1, "{report:?}");
    Ok(())
}

async fn row_38_a_bomb_that_tells_the_truth_is_refused_before_it_is_unpacked(database: &Database) -> Result<()> {
    // Four gigabytes of one letter pack into some megabytes; the directory tells their true size.
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
    let block = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        packer.write_all(&block)?;
    }
    let data = packer.finish()?;
    let bomb = Packed { is_deflated: false, told_size: None, ..Packed::new("messages.csv", &data) };
    let mut bytes = zip(&[bomb])?;
    let told = u32::try_from(64_u64 << 20)?.to_le_bytes();
    let directory = bytes.len() - 22 - 46 - "messages.csv".len();
    for at in [0, directory + 2] {
        bytes[at + 8] = 8;
        bytes[at + 22..at + 26].copy_from_slice(&told);
    }
    refused(database, vec![("64 megabytes of one letter", bytes)]).await
}

async fn row_39_thousands_of_rows_of_one_second_are_taken_in_once(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let mut rows: Vec<String> = (0..6_000).map(|n| row("2-YQ==", n % 2 == 0, NOON, &format!("number {n}"))).collect();
    let report = desk.take("messages.csv", &csv(TEN, &rows)).await?.report;
    ensure!(counts(&report) == (6_000, 0, 0, 0), "{report:?}");
    rows.push(row("2-YQ==", true, NOON, "one more"));
    rows.push(row("2-YQ==", true, NOON, "number 0"));
    rows.push(row("2-Yg==", true, NOON, "elsewhere"));
    let report = desk.take("messages.csv", &csv(TEN, &rows)).await?.report;
    ensure!(counts(&report) == (2, 0, 6_001, 0), "{report:?}");
    ensure!(database.count("SELECT COUNT(*) FROM messages").await? == 6_002);
    Ok(())
}

crate::on_both_databases! {
    row_39_thousands_of_rows_of_one_second_are_taken_in_once,
    row_37_names_that_lead_elsewhere_are_refused,
    row_37_links_devices_and_twins_are_refused,
    row_38_bombs_are_refused,
    row_38_a_bomb_that_tells_the_truth_is_refused_before_it_is_unpacked,
    row_38_damaged_and_secret_archives_are_refused,
    row_39_tables_without_an_end_are_refused_with_their_line,
    row_39_strange_cells_are_taken_as_they_are,
}
