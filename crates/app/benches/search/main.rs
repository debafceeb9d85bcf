//! How long a search takes for the newest 20 of a large mailbox, beside a raw call of the index in the same run.
//!
//! Texts of 4 to 31 words out of 60,000, as often as Zipf's law says, in the mailboxes of many accounts. Rare, middle and
//! common words and pairs of them are asked at random, of all accounts and of one. The raw call asks SQLite's index for
//! the places alone; the search also reads and shows the messages, their people and their conversations.
//!
//! Asked twice: with the database in memory, which is what the program takes, and with nothing of it in memory before each
//! question, which is mostly what the disk takes.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod cache;
mod corpus;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use rusqlite::{Connection, OpenFlags};
use threadkeep::store::{Merge, OpenOptions, Searched, SharedStore, Wanted, open};
use threadkeep::verbs::search::tidy;
use threadkeep_core::id::AccountId;
use threadkeep_core::search::parse;

use cache::{Cache, Place};
use corpus::{Corpus, WORDS, unread, word};

/// Hits of a page.
const PAGE: u32 = 20;
/// The raw call, of the newest places.
const RAW: &str = "SELECT rowid FROM search_index WHERE words MATCH ? ORDER BY rowid LIMIT ?";
/// Questions of each kind that are asked before anything is measured.
const WARM_UP: usize = 20;
/// How many times fewer questions are asked cold.
const COLD_EVERY: usize = 5;

#[derive(Debug, Parser)]
struct Args {
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    #[arg(long, default_value_t = 100)]
    accounts: u32,
    /// Questions of each kind
    #[arg(long, default_value_t = 1_000)]
    questions: usize,
    /// Where the database stays for the next run
    #[arg(long)]
    keep: Option<PathBuf>,
    /// What `cargo bench` says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// A kind of question: its words are drawn from these ranks, 0 for the most common one.
struct Kind {
    name: &'static str,
    ranks: &'static [(usize, usize)],
    /// Whether it asks for what is unread besides.
    is_unread: bool,
}

/// A question: its words, which account it is of when of one, and whether it is of what is unread.
struct Question {
    words: Vec<String>,
    account: usize,
    is_unread: bool,
}

const COMMON: (usize, usize) = (0, 50);
const MIDDLE: (usize, usize) = (50, 2_000);
const RARE: (usize, usize) = (20_000, WORDS);
const KINDS: [Kind; 9] = [
    Kind { name: "rare", ranks: &[RARE], is_unread: false },
    Kind { name: "middle", ranks: &[MIDDLE], is_unread: false },
    Kind { name: "common", ranks: &[COMMON], is_unread: false },
    Kind { name: "common+common", ranks: &[COMMON, COMMON], is_unread: false },
    Kind { name: "common+middle", ranks: &[COMMON, MIDDLE], is_unread: false },
    Kind { name: "middle+middle", ranks: &[MIDDLE, MIDDLE], is_unread: false },
    Kind { name: "common+rare", ranks: &[COMMON, RARE], is_unread: false },
    Kind { name: "unread", ranks: &[], is_unread: true },
    Kind { name: "common+unread", ranks: &[COMMON], is_unread: true },
];

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let temporary = tempfile::tempdir()?;
    let folder = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let corpus = Corpus { path: folder.join("search.db"), messages: args.messages, accounts: args.accounts };
    runtime.block_on(corpus.fill(&folder))?;
    let store = runtime.block_on(open(&corpus.url(), OpenOptions::default()))?;
    let begun = now();
    let mut merge = Merge::default();
    while runtime.block_on(tidy(&store, &mut merge))? {}
    println!("the index was made one part in {:.1} s", begun.elapsed().as_secs_f64());
    runtime.block_on(store.close());
    let accounts = corpus.account_ids()?;
    for place in [Place::in_memory(&corpus.path)?, Place::on_disk(&corpus.path)?] {
        runtime.block_on(ask_all(&place, &accounts, args.questions))?;
    }
    Ok(())
}

/// Asks questions of all kinds of the database in one place.
async fn ask_all(place: &Place, accounts: &[AccountId], questions: usize) -> Result<()> {
    let raw = Connection::open_with_flags(&place.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let store = open(&format!("sqlite:{}", place.path.display()), OpenOptions::default()).await?;
    println!(
        "{}",
        match place.cache {
            Cache::Warm => "warm: the database is in memory",
            Cache::Cold if cache::CAN_FORGET => {
                "cold: nothing of the database is in memory before each question, nor before each raw call"
            }
            Cache::Cold => "this system is not asked to forget a file: as it lies on the disk",
        }
    );
    let questions = if place.cache == Cache::Cold { questions.div_ceil(COLD_EVERY) } else { questions };
    let mut chance = SmallRng::seed_from_u64(7);
    for kind in KINDS {
        for is_one in [false, true] {
            let bench = Bench { place, store: &store, raw: &raw, accounts, is_one };
            bench.measure(&kind, questions, &mut chance).await?;
        }
    }
    store.close().await;
    Ok(())
}

struct Bench<'a> {
    place: &'a Place,
    store: &'a SharedStore,
    raw: &'a Connection,
    accounts: &'a [AccountId],
    is_one: bool,
}

#[derive(Default)]
struct Times {
    search_us: Vec<u128>,
    raw_us: Vec<u128>,
    hits: usize,
    unfinished: usize,
}

impl Bench<'_> {
    async fn measure(&self, kind: &Kind, questions: usize, chance: &mut impl Rng) -> Result<()> {
        self.place.prepare()?;
        let mut times = Times::default();
        for number in 0..questions + WARM_UP {
            let words: Vec<String> =
                kind.ranks.iter().map(|(from, to)| word(chance.random_range(*from..*to))).collect();
            let account = chance.random_range(0..self.accounts.len());
            let asked = self.ask(&Question { words, account, is_unread: kind.is_unread }, number % 2 == 1).await?;
            if number >= WARM_UP {
                times.search_us.push(asked.0);
                times.raw_us.push(asked.1);
                times.hits += asked.2;
                times.unfinished += usize::from(asked.3);
            }
        }
        let place = if self.is_one { "one account" } else { "all accounts" };
        println!(
            "{:<14} {place:<12} search p50 {:>7.3} p99 {:>8.3} max {:>8.3} ms; raw index p50 {:>7.3} p99 {:>8.3} ms; \
             {:.1} hits in the mean, {} pages short of the end",
            kind.name,
            at(&mut times.search_us, 50),
            at(&mut times.search_us, 99),
            at(&mut times.search_us, 100),
            at(&mut times.raw_us, 50),
            at(&mut times.raw_us, 99),
            ratio(times.hits, questions),
            times.unfinished,
        );
        Ok(())
    }

    /// How long a search and a raw call take, how many hits there are, and whether the page was cut short. Whoever comes
    /// second finds in memory what the first has read, unless both are asked cold, so they take turns.
    async fn ask(&self, question: &Question, is_raw_first: bool) -> Result<(u128, u128, usize, bool)> {
        let early = if is_raw_first { Some(self.ask_raw(question)?) } else { None };
        let account = question.account;
        let accounts = if self.is_one { &self.accounts[account..=account] } else { self.accounts };
        let mut text = question.words.join(" ");
        text.push_str(if question.is_unread { " is:unread" } else { "" });
        self.place.forget()?;
        let begun = now();
        let query = parse(&text)?;
        let wanted = Wanted { accounts, query: &query, after: None, limit: PAGE };
        let Searched::Found(found) = self.store.search(&wanted).await? else { bail!("too many") };
        let search_us = begun.elapsed().as_micros();
        let is_cut = found.next.is_some() && found.hits.len() < usize::try_from(PAGE)?;

        let (raw_us, places) = early.map_or_else(|| self.ask_raw(question), Ok)?;
        let is_same = found.hits.iter().map(|hit| hit.position.0).eq(places.iter().copied());
        if !is_same && !is_cut {
            bail!("the search and the index differ for {text}");
        }
        Ok((search_us, raw_us, found.hits.len(), is_cut))
    }

    /// How long the index alone takes, and what it gives.
    fn ask_raw(&self, question: &Question) -> Result<(u128, Vec<i64>)> {
        let condition = self.condition(question)?;
        self.place.forget()?;
        let begun = now();
        let mut asked = self.raw.prepare_cached(RAW)?;
        let places = asked.query_map((condition, PAGE), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok((begun.elapsed().as_micros(), places))
    }

    /// The same question in the words of the index.
    fn condition(&self, question: &Question) -> Result<String> {
        let own = u32::try_from(question.account)? + 1;
        let accounts = if self.is_one { own..=own } else { 1..=u32::try_from(self.accounts.len())? };
        let mut condition: Vec<String> = question.words.iter().map(|word| format!("\"{word}\"")).collect();
        if self.is_one {
            condition.insert(0, format!("\"\u{F8FF}a{own}\""));
        }
        if question.is_unread {
            let marks: Vec<String> = accounts.flat_map(unread).map(|pk| format!("\"\u{F8FF}c{pk}\"")).collect();
            condition.push(format!("({})", marks.join(" OR ")));
        }
        Ok(condition.join(" AND "))
    }
}

/// The time of the machine, which a bench is about.
#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn now() -> Instant {
    Instant::now()
}

/// A percentile in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn at(times_us: &mut [u128], percent: usize) -> f64 {
    times_us.sort_unstable();
    let last = times_us.len().saturating_sub(1);
    times_us.get(last * percent / 100).map_or(0.0, |time| *time as f64 / 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
