//! Where master keys come from: a text in the environment, or the key file; and a new one during a change.
//!
//! It is read again whenever a key is missing, so it must stay cheap and may never fail a server: what cannot be read is
//! told at the start, and later only is not there.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::key_file::{KeyFile, load_key};
use super::{KeyError, MasterKey};
use crate::chance::Chance;

/// The variable with the key.
const VARIABLE: &str = "THREADKEEP_MASTER_KEY";
/// The variable with the key that is to follow.
const NEXT_VARIABLE: &str = "THREADKEEP_NEW_MASTER_KEY";

/// Where master keys come from.
#[derive(Clone)]
pub struct KeySource {
    given: Option<SecretString>,
    next: Option<SecretString>,
    next_file: Option<PathBuf>,
    file: KeyFile,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySource(…)")
    }
}

impl KeySource {
    /// A key that is given itself, or else the key file; and the key that is to follow, where one is given.
    pub fn new(given: Option<SecretString>, next: Option<SecretString>, file: &Path) -> Self {
        Self { given, next, next_file: None, file: KeyFile::at(file) }
    }

    /// The same with a file that holds the key that is to follow.
    #[must_use]
    pub fn followed_by(mut self, next_file: Option<PathBuf>) -> Self {
        self.next_file = next_file;
        self
    }

    /// The key file, unless the key is given itself.
    pub fn file(&self) -> Option<&KeyFile> {
        self.given.is_none().then_some(&self.file)
    }

    /// Where the key is, for people.
    pub fn place(&self) -> String {
        match self.file() {
            Some(file) => file.path().display().to_string(),
            None => VARIABLE.to_owned(),
        }
    }

    /// The key; `None` when its file does not exist.
    pub fn main(&self) -> Result<Option<MasterKey>, KeyError> {
        match &self.given {
            Some(text) => MasterKey::read(text.expose_secret(), VARIABLE).map(Some),
            None => self.file.load(),
        }
    }

    /// The key in the key file, which is made when there is none.
    pub fn main_or_create(&self, chance: &dyn Chance) -> Result<MasterKey, KeyError> {
        match &self.given {
            Some(text) => MasterKey::read(text.expose_secret(), VARIABLE),
            None => self.file.load_or_create(chance),
        }
    }

    /// The key that somebody has given to follow.
    pub fn given_next(&self) -> Result<Option<MasterKey>, KeyError> {
        match (&self.next_file, &self.next) {
            (Some(path), _) => load_key(path).map(Some),
            (None, Some(text)) => MasterKey::read(text.expose_secret(), NEXT_VARIABLE).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// All keys that can be read now.
    pub fn all(&self) -> Vec<MasterKey> {
        let mut keys: Vec<MasterKey> =
            [self.main(), self.given_next()].into_iter().filter_map(Result::ok).flatten().collect();
        if let Some(file) = self.file() {
            keys.extend(file.load_next().ok().flatten());
            keys.extend(file.load_old());
        }
        keys
    }
}
