//! How much memory an import takes and how fast it is: memory must not grow with the archive.
//!
//! The real program imports an invented `messages.csv` of the asked size. What counts is the peak of its anonymous memory
//! (`RssAnon`), read every few milliseconds, and rows by the second. Linux only.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// Size of the archive, in millions of bytes.
const MEGABYTES: u64 = 2_000;
/// Rows of a conversation.
const ROWS_EACH: u64 = 50;
/// The newest row of the newest conversation, in seconds since 1970.
const NEWEST_SECOND: u64 = 1_780_000_000;
/// How often the memory is read.
const LOOK: Duration = Duration::from_millis(5);
/// Words that texts are made of.
const WORDS: [&str; 12] = [
    "hello",
    "meeting",
    "tomorrow",
    "invoice",
    "thanks",
    "proposal",
    "weekend",
    "caf\u{e9}",
    "schedule",
    "question",
    "answer",
    "invented",
];

fn main() -> Result<()> {
    let megabytes = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(MEGABYTES);
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("messages.csv");
    let rows = write(&archive, megabytes * 1_000_000)?;
    let (peak_kib, seconds) = import(folder.path(), &archive)?;
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let per_second = rows as f64 / seconds.max(0.001);
    println!(
        "{megabytes} MB, {rows} rows in {seconds:.0} s: {per_second:.0} rows/s, peak {peak_kib} KiB (bar: 131072)"
    );
    Ok(())
}

/// Writes an archive of about this size; gives its rows.
fn write(path: &Path, bytes_wanted: u64) -> Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let header = "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,RECIPIENT PROFILE URLS,DATE,SUBJECT,\
         CONTENT,FOLDER,ATTACHMENTS";
    writeln!(out, "{header}")?;
    let (mut rows, mut bytes, mut dice) = (0_u64, 0_u64, 1_u64);
    let owner = ("Olga Test", "https://www.linkedin.com/in/olga-test");
    for conversation in 0.. {
        let name = format!("Member {conversation}");
        let link = format!("https://www.linkedin.com/in/invented-{conversation}");
        for place in 0..ROWS_EACH {
            let second = NEWEST_SECOND - conversation * 600 - place * 37;
            let mut text = String::new();
            for _ in 0..24 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(WORDS[usize::try_from(dice >> 40)? % WORDS.len()]);
                text.push(if dice >> 60 == 3 { '\n' } else { ' ' });
            }
            let other = (name.as_str(), link.as_str());
            let (from, to) = if place % 2 == 0 { (owner, other) } else { (other, owner) };
            let day = i64::try_from(second)?;
            let date = jiff::Timestamp::from_second(day)?.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
            let row = format!(
                "2-aW52ZW50ZWQ{conversation:010}==,,{},{},{},{},{date},,\"{text}\",INBOX,\n",
                from.0, from.1, to.0, to.1
            );
            out.write_all(row.as_bytes())?;
            bytes += row.len() as u64;
            rows += 1;
        }
        if bytes >= bytes_wanted {
            break;
        }
    }
    out.flush()?;
    Ok(rows)
}

/// Imports it; gives the peak of the anonymous memory in KiB, and how long it took.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn import(folder: &Path, archive: &Path) -> Result<(u64, f64)> {
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_threadkeep"));
    command.env("THREADKEEP_DATA_DIR", folder.join("data")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.arg("import").arg(archive).stderr(Stdio::null()).spawn()?;
    let peak = watch(&mut child)?;
    Ok((peak, began.elapsed().as_secs_f64()))
}

#[expect(clippy::disallowed_methods, reason = "a bench looks at another process, again and again")]
fn watch(child: &mut Child) -> Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "the import ended with {ended}");
            ensure!(peak > 0, "the memory of another process cannot be read here");
            return Ok(peak);
        }
        // A program that is about to end has no memory to tell of.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
        peak = peak.max(kib.unwrap_or_default());
        std::thread::sleep(LOOK);
    }
}
