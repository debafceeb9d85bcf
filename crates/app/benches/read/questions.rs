//! What is asked: the two reads at random positions, by the cursors that the API itself has given, in a seeded order.

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::Read;
use crate::load::Load;
use crate::site::Site;

const SEED: u64 = 7;
/// Items on a page.
const COUNT: usize = 20;
/// Conversations between two positions of the list.
const STEP: usize = 5;
/// Positions in messages.
const POSITIONS: usize = 4_000;
/// Messages that the API gives at once.
const PAGE_MAX: usize = 100;

/// Both reads.
pub fn reads(site: &Site) -> Result<Vec<Read>> {
    let mut random = StdRng::seed_from_u64(SEED);
    let lists = lists(site, &mut random)?;
    let pages = pages(site, &mut random)?;
    Ok(vec![read("conversations", site, lists)?, read("messages", site, pages)?])
}

fn read(name: &'static str, site: &Site, paths: Vec<String>) -> Result<Read> {
    let read = Load::new(site.address, &site.key, &paths);
    let size = read.mean_bytes(16)?;
    let constant = Load::new(site.address, &site.key, &[format!("/constant/{size}")]);
    Ok(Read { name, read, constant })
}

/// Pages of the list of conversations: a walk through the whole list gives the cursors.
fn lists(site: &Site, random: &mut StdRng) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut cursor = None;
    loop {
        let after = cursor.map(|cursor: String| format!("&nextCursor={cursor}")).unwrap_or_default();
        let page = ask(site, &format!("/linkedin/conversations?count={STEP}{after}"))?;
        cursor = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        let Some(cursor) = &cursor else { break };
        paths.push(format!("/linkedin/conversations?count={COUNT}&nextCursor={cursor}"));
    }
    // The last positions have less than a page behind them.
    paths.truncate(paths.len().saturating_sub(COUNT / STEP));
    paths.shuffle(random);
    Ok(paths)
}

/// Pages of messages, each with a whole page behind its position.
fn pages(site: &Site, random: &mut StdRng) -> Result<Vec<String>> {
    let database = site.database()?;
    let mut statement = database.prepare(
        "SELECT c.id, COUNT(*) FROM messages m JOIN conversations c ON c.pk = m.conversation_pk \
         WHERE m.is_deleted = 0 AND c.is_deleted = 0 GROUP BY c.pk ORDER BY c.pk",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)))?;
    let sizes: Vec<(String, u32)> = rows.collect::<rusqlite::Result<_>>()?;
    let sizes = sizes.into_iter().map(|(id, size)| Ok((id, usize::try_from(size)?))).collect::<Result<Vec<_>>>()?;
    let large: Vec<(String, usize)> = sizes.into_iter().filter(|(_, size)| *size > COUNT).collect();
    let mut paths = Vec::with_capacity(POSITIONS);
    for _ in 0..POSITIONS {
        let (id, size) = large.choose(random).context("no conversation has enough messages")?;
        let newer = random.random_range(1..=(*size - COUNT).min(PAGE_MAX));
        let path = format!("/linkedin/conversations/{}/messages?sync=false", id.replace('=', "%3D"));
        let page = ask(site, &format!("{path}&count={newer}"))?;
        let cursor = page.get("cursor").and_then(Value::as_str).context("no cursor")?;
        paths.push(format!("{path}&count={COUNT}&cursor={cursor}"));
    }
    Ok(paths)
}

fn ask(site: &Site, path: &str) -> Result<Value> {
    let body = Load::new(site.address, &site.key, &[path.to_owned()]).one()?;
    Ok(serde_json::from_slice(&body)?)
}
