//! Archives as programs write them that know no sizes in advance or use the wide form of the format for everything.
//!
//! The form is that of PKWARE's APPNOTE 6.3.10: 4.3.9 (data descriptor), 4.3.14 to 4.3.16 (ends), 4.5.3 (wide sizes).

use anyhow::{Result, ensure};

use crate::archives::{Desk, TEN, csv, row};
use crate::store_database::Database;

crate::on_both_databases!(
    an_archive_in_the_wide_form_is_read,
    an_archive_that_was_written_as_a_stream_is_read,
    row_38_a_wide_form_that_does_not_fit_is_refused,
);

const NAME: &[u8] = b"messages.csv";
/// What stands where a number is told elsewhere.
const ELSEWHERE: u32 = u32::MAX;

fn messages() -> Vec<u8> {
    let rows = [1, 2].map(|day| row("2-YQ==", day == 1, &format!("2025-03-0{day} 10:00:00 UTC"), "words"));
    csv(TEN, &rows)
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// What both heads of an entry have in common, from the version needed to the sizes; nothing is packed.
fn head(flags: u16, crc: u32, size: u32) -> Vec<u8> {
    let mut out = [45_u16, flags, 0, 0, 0].map(u16::to_le_bytes).concat();
    out.extend([crc, size, size].map(u32::to_le_bytes).concat());
    out
}

/// An extra field: its number and its body.
fn extra(number: u16, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(body.len()).unwrap_or_default();
    [&number.to_le_bytes(), &size.to_le_bytes(), body].concat()
}

/// What may be wrong with an archive in the wide form.
#[derive(Default)]
struct Wide {
    /// Bytes that the extra field of the directory lacks.
    lacks: usize,
    /// What is added to the place of the larger end.
    end_off: u64,
    /// What is added to one of the two counts of entries.
    count_off: u64,
    /// The locator of the larger end is not there.
    is_unlocated: bool,
}

/// An archive with every number in its wide form.
fn wide(bytes: &[u8], wrong: &Wide) -> Vec<u8> {
    let size = bytes.len() as u64;
    let head = head(0, crc(bytes), ELSEWHERE);
    let name_size = u16::try_from(NAME.len()).unwrap_or_default().to_le_bytes();
    let own = extra(1, &[size, size].map(u64::to_le_bytes).concat());
    let mut out =
        [b"PK\x03\x04", &head[..], &name_size, &[u8::try_from(own.len()).unwrap_or_default(), 0], NAME].concat();
    out.extend([&own[..], bytes].concat());
    // A time stands before the sizes, as many programs write it.
    let mut told = extra(0x5455, &[1, 0, 0, 0, 0]);
    let numbers = [size, size, 0].map(u64::to_le_bytes).concat();
    told.extend(extra(1, &numbers[..numbers.len() - wrong.lacks]));
    let directory_at = out.len() as u64;
    let mut entry = [b"PK\x01\x02", &[45_u8, 0][..], &head, &name_size].concat();
    entry.extend([u8::try_from(told.len()).unwrap_or_default(), 0]);
    entry.extend([0; 10]);
    entry.extend(ELSEWHERE.to_le_bytes());
    entry.extend([NAME, &told].concat());
    let directory_size = entry.len() as u64;
    out.extend(entry);
    let end_at = out.len() as u64;
    out.extend([b"PK\x06\x06", &44_u64.to_le_bytes()[..], &[45, 0, 45, 0], &[0; 8]].concat());
    let ends = [1, 1 + wrong.count_off, directory_size, directory_at];
    out.extend(ends.map(u64::to_le_bytes).concat());
    let locator: &[u8] = if wrong.is_unlocated { b"PK\x06\x08" } else { b"PK\x06\x07" };
    out.extend([locator, &[0; 4], &(end_at + wrong.end_off).to_le_bytes(), &1_u32.to_le_bytes()].concat());
    out.extend([b"PK\x05\x06", &[0; 4][..], &[0xff; 12], &[0; 2]].concat());
    out
}

/// An archive whose entry tells its sizes behind its bytes.
fn streamed(bytes: &[u8], with_sign: bool) -> Vec<u8> {
    const TOLD_LATER: u16 = 8;
    let size = u32::try_from(bytes.len()).unwrap_or_default();
    let name_size = u16::try_from(NAME.len()).unwrap_or_default().to_le_bytes();
    let mut out = [b"PK\x03\x04", &head(TOLD_LATER, 0, 0)[..], &name_size, &[0; 2], NAME, bytes].concat();
    if with_sign {
        out.extend(b"PK\x07\x08");
    }
    out.extend([crc(bytes), size, size].map(u32::to_le_bytes).concat());
    let directory_at = u32::try_from(out.len()).unwrap_or_default();
    let entry =
        [b"PK\x01\x02", &[45_u8, 0][..], &head(TOLD_LATER, crc(bytes), size), &name_size, &[0; 16], NAME].concat();
    out.extend(&entry);
    let directory_size = u32::try_from(entry.len()).unwrap_or_default();
    out.extend([b"PK\x05\x06", &[0; 4][..], &[1, 0, 1, 0]].concat());
    out.extend([directory_size, directory_at].map(u32::to_le_bytes).concat());
    out.extend([0; 2]);
    out
}

async fn an_archive_in_the_wide_form_is_read(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let taken = desk.take("wide.zip", &wide(&messages(), &Wide::default())).await?;
    ensure!(taken.report.imported == 2, "{:?}", taken.report);
    Ok(())
}

async fn an_archive_that_was_written_as_a_stream_is_read(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let taken = desk.take("streamed.zip", &streamed(&messages(), true)).await?;
    ensure!(taken.report.imported == 2, "{:?}", taken.report);
    let again = desk.take("other.zip", &streamed(&messages(), false)).await?;
    ensure!(again.report.imported == 0, "{:?}", again.report);
    Ok(())
}

async fn row_38_a_wide_form_that_does_not_fit_is_refused(database: &Database) -> Result<()> {
    let desk = Desk::on(database)?;
    let cases = [
        ("a size that is not there", Wide { lacks: 8, ..Wide::default() }),
        ("half a size", Wide { lacks: 20, ..Wide::default() }),
        ("an end elsewhere", Wide { end_off: 1, ..Wide::default() }),
        ("an end behind the file", Wide { end_off: u64::MAX / 2, ..Wide::default() }),
        ("two counts", Wide { count_off: 1, ..Wide::default() }),
        ("no locator", Wide { is_unlocated: true, ..Wide::default() }),
    ];
    for (what, wrong) in cases {
        let refusal = desk.refusal("wide.zip", &wide(&messages(), &wrong)).await?;
        ensure!(refusal.code() == "archive_rejected", "{what}: {refusal:?}");
    }
    ensure!(database.count("SELECT COUNT(*) FROM messages").await? == 0);
    Ok(())
}
