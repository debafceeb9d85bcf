//! Reads a world file: a truth that somebody wrote by hand or by script (documented in WORLD.md).
//!
//! Everything has a default except what would be a guess about meaning. The same file gives the same world, ids
//! included, whenever it is read. A file with a mistake gives an error that names the place, and no world.

mod conversations;
mod people;

use std::collections::HashSet;

use serde_json::Value;

use super::generate::GenerateOptions;
use super::model::{Ms, World};
use super::reading::{FieldError, Fields, Problem, expected};

/// Most conversations and mean messages that a world file may ask to generate.
const MOST_GENERATED: usize = 100_000;
const DEFAULT_GENERATED: usize = 120;
const DEFAULT_MEAN: f64 = 30.0;

/// Why a world file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorldFileError {
    /// It is not JSON.
    #[error("the world file is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Something in it is wrong; the place comes first.
    #[error("in the world file, at {0}")]
    Field(#[from] FieldError),
}

impl World {
    /// Reads a world file; no time in it may be later than `now_ms`.
    pub fn from_json(text: &str, now_ms: Ms) -> Result<Self, WorldFileError> {
        let value: Value = serde_json::from_str(text)?;
        Ok(Loader::new(now_ms).load(&value)?)
    }
}

/// A world being read, and the ids that are taken.
struct Loader {
    world: World,
    now_ms: Ms,
    message_ids: HashSet<String>,
}

impl Loader {
    fn new(now_ms: Ms) -> Self {
        Self { world: World::default(), now_ms, message_ids: HashSet::new() }
    }

    fn load(mut self, value: &Value) -> Result<World, FieldError> {
        let mut fields = Fields::new(value, "")?;
        let accounts = fields.list("accounts")?.unwrap_or_default();
        let people = fields.list("people")?.unwrap_or_default();
        let conversations = fields.list("conversations")?.unwrap_or_default();
        let generate = fields.some("generate");
        fields.finish()?;
        self.accounts(accounts)?;
        for (index, person) in people.iter().enumerate() {
            self.person(person, index)?;
        }
        for (index, conversation) in conversations.iter().enumerate() {
            self.conversation(conversation, index)?;
        }
        if let Some(generate) = generate {
            self.generate(generate)?;
        }
        self.world.settle_change_time();
        Ok(self.world)
    }

    /// Adds invented conversations to the first account.
    fn generate(&mut self, value: &Value) -> Result<(), FieldError> {
        let mut fields = Fields::new(value, "generate")?;
        let seed = fields.number("seed")?.unwrap_or(1);
        let conversations = fields.number("conversations")?.unwrap_or(DEFAULT_GENERATED as u64) as usize;
        let mean = match fields.some("messagesMean") {
            None => DEFAULT_MEAN,
            Some(value) => {
                let mean = value.as_f64().filter(|mean| (0.0..=MOST_GENERATED as f64).contains(mean));
                mean.ok_or_else(|| expected(&fields.at("messagesMean"), "a number from 0 to 100000"))?
            }
        };
        if conversations > MOST_GENERATED {
            return Err(fields.fail("conversations", Problem::TooMany { most: MOST_GENERATED }));
        }
        fields.finish()?;
        let owner = self.world.accounts.first().cloned().unwrap_or_default();
        let options = GenerateOptions { seed, conversations, messages_mean: mean, ..GenerateOptions::at(self.now_ms) };
        self.world = std::mem::take(&mut self.world).generate_into(&owner, &options);
        Ok(())
    }
}

/// Whether an id can stand in a URN and in a page of Rest.li variables.
fn is_id(text: &str) -> bool {
    const LONGEST: usize = 200;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+/".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(fits)
}
