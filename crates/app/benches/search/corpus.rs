//! A large mailbox of invented texts, written past the engine and then taken in by the real indexer.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use rusqlite::Connection;
use threadkeep::store::{Login, MediaPolicy, OpenOptions, SealedSession, open};
use threadkeep_core::id::{AccountId, PersonId};
use threadkeep_core::time::Timestamp;

/// Words that there are.
pub const WORDS: usize = 60_000;
/// Words of one text.
const TEXT_WORDS: std::ops::RangeInclusive<usize> = 4..=31;
/// Conversations of each account.
const CONVERSATIONS: u32 = 200;
/// One in so many of them is unread: of one account few enough to be looked up, of a hundred more than that.
const UNREAD_EVERY: u32 = 20;
/// When the last message was delivered, and how far they are apart in the mean.
const LAST_MS: i64 = 1_790_000_000_000;
const YEARS_MS: i64 = 8 * 365 * 86_400_000;
/// The file that says that the database beside it is filled, and with what.
const DONE: &str = "filled";

pub struct Corpus {
    pub path: PathBuf,
    pub messages: u32,
    pub accounts: u32,
}

impl Corpus {
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    pub fn account_ids(&self) -> Result<Vec<AccountId>> {
        (0..self.accounts).map(|number| Ok(AccountId::new(&format!("{number:024x}"))?)).collect()
    }

    /// Fills the database in a folder unless that was done before.
    pub async fn fill(&self, folder: &Path) -> Result<()> {
        let wanted = format!("2 {} {}", self.messages, self.accounts);
        if std::fs::read_to_string(folder.join(DONE)).ok().as_deref() == Some(&wanted) {
            return Ok(());
        }
        std::fs::create_dir_all(folder)?;
        ensure!(!self.path.exists(), "{} holds something else: remove it", folder.display());
        let store = open(&self.url(), OpenOptions::default()).await?;
        for id in self.account_ids()? {
            store.log_in(&login(id)?, Timestamp(LAST_MS)).await?;
        }
        self.write()?;
        let begun = crate::now();
        while store.index_some().await?.is_work {}
        let lag = store.index_lag(None).await?;
        ensure!(!lag.is_behind() && lag.indexed == u64::from(self.messages), "the index is not whole: {lag:?}");
        let seconds = begun.elapsed().as_secs_f64();
        println!("indexed {} messages in {seconds:.0} s, {:.0}/s", self.messages, f64::from(self.messages) / seconds);
        store.close().await;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let megabytes = std::fs::metadata(&self.path)?.len() as f64 / 1e6;
        println!("the database has {megabytes:.0} MB");
        std::fs::write(folder.join(DONE), wanted)?;
        Ok(())
    }

    fn write(&self) -> Result<()> {
        let mut connection = Connection::open(&self.path)?;
        connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")?;
        let mut chance = SmallRng::seed_from_u64(1);
        let law = Law::new();
        let tx = connection.transaction()?;
        {
            let mut conversation = tx.prepare(
                "INSERT INTO conversations (pk, account_pk, id, categories, is_group, is_sponsored, participants, \
                 last_activity_at, is_read, unread_count, is_muted, is_deleted, version) \
                 VALUES (?, ?, ?, '[\"INBOX\"]', 0, 0, '[]', ?, ?, 0, 0, 0, 1)",
            )?;
            let mut message = tx.prepare(
                "INSERT INTO messages (account_pk, id, conversation_pk, delivered_at, sender_id, body, format, \
                 is_deleted, version) VALUES (?, ?, ?, ?, 'ACoAAOwner', ?, 'default', 0, 1)",
            )?;
            for account in 1..=self.accounts {
                for number in 0..CONVERSATIONS {
                    let is_read = !number.is_multiple_of(UNREAD_EVERY);
                    let row = (key(account, number), account, format!("2-c{number}"), LAST_MS, is_read);
                    conversation.execute(row)?;
                }
            }
            for number in 0..self.messages {
                let account = chance.random_range(1..=self.accounts);
                let at = LAST_MS - YEARS_MS + YEARS_MS / i64::from(self.messages) * i64::from(number);
                let place = key(account, chance.random_range(0..CONVERSATIONS));
                message.execute((account, format!("2-{number:036}"), place, at, law.text(&mut chance)))?;
            }
        }
        tx.execute_batch(
            "UPDATE accounts SET message_count = (SELECT COUNT(*) FROM messages m WHERE m.account_pk = accounts.pk)",
        )?;
        tx.commit()?;
        Ok(())
    }
}

/// The keys of the unread conversations of an account.
pub fn unread(account: u32) -> impl Iterator<Item = i64> {
    (0..CONVERSATIONS).step_by(UNREAD_EVERY as usize).map(move |number| key(account, number))
}

fn key(account: u32, conversation: u32) -> i64 {
    i64::from(account) * (1 << 32) + i64::from(conversation)
}

fn login(id: AccountId) -> Result<Login> {
    Ok(Login {
        id,
        member: PersonId::new("ACoAAOwner")?,
        first_name: "Olga".into(),
        last_name: "Owner".into(),
        public_id: "olga-owner".into(),
        picture_url: None,
        premium: None,
        scope: vec!["INBOX".into()],
        new_media_policy: MediaPolicy::Lazy,
        media_policy: None,
        sealed_session: SealedSession { sealed: vec![1], login_expires_at: None },
    })
}

/// The word of a rank, 0 for the most common one.
pub fn word(rank: usize) -> String {
    let mut rest = rank;
    let mut letters = Vec::new();
    for _ in 0..4 {
        letters.push(b'a' + u8::try_from(rest % 16).unwrap_or_default());
        rest /= 16;
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}

/// How often each word comes: Zipf's law.
struct Law {
    sums: Vec<f64>,
}

impl Law {
    fn new() -> Self {
        let mut sum = 0.0;
        let each = (1..=WORDS).map(|rank| {
            #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
            let share = 1.0 / rank as f64;
            sum += share;
            sum
        });
        Self { sums: each.collect() }
    }

    fn text(&self, chance: &mut impl Rng) -> String {
        let count = chance.random_range(TEXT_WORDS);
        let mut text = String::with_capacity(count * 5);
        for _ in 0..count {
            let drawn = chance.random_range(0.0..self.sums.last().copied().unwrap_or(1.0));
            text.push_str(&word(self.sums.partition_point(|sum| *sum < drawn)));
            text.push(' ');
        }
        text
    }
}
