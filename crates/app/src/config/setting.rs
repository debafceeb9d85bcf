//! The list of all settings: their stable names, their form and what they are for.
//!
//! Every layer (file, environment, flags), `config show` and `docs/CONFIG.md` go by this list. A name that is not in it is
//! an error wherever it appears, so that a typing mistake never silently means the default.

use std::collections::BTreeMap;

use figment::value::{Dict, Value};

/// What a setting's value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// A whole number, 0 or more.
    Whole,
    /// Several texts; in the environment and in flags separated by commas.
    List,
    /// Names with texts; in the environment and in flags written `name=text,name=text`.
    Table,
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in files and flags; in the environment it is upper-case after `THREADKEEP_`.
    pub name: &'static str,
    /// What its value looks like.
    pub form: Form,
    /// Whether it may never be shown, nor given on the command line, where every process can read it.
    pub secret: bool,
    /// What it is for.
    pub what: &'static str,
}

/// What every environment name begins with.
pub const ENVIRONMENT_PREFIX: &str = "THREADKEEP_";

/// Most entries of a list or table.
const ENTRIES_MAX: usize = 100;

/// All settings, in the order in which they are shown.
pub const SETTINGS: [Setting; 33] = [
    text("data_dir", "directory of the database and of all that belongs to it"),
    text("database_url", "where the mirror is kept: sqlite:PATH or postgres://..."),
    text("upstream_url", "where LinkedIn is; another address is for a simulator"),
    text("listen", "address and port of the API"),
    text("tls_cert_file", "certificate to speak TLS with, as PEM; the server's own first"),
    text("tls_key_file", "private key of that certificate, as PEM"),
    text("pace", "polite, or open for a simulator on this machine"),
    secret("master_key", "key that seals sessions, instead of a key file"),
    text("master_key_file", "file with the key that seals sessions; created when missing"),
    Setting {
        name: "new_master_key",
        form: Form::Text,
        secret: true,
        what: "key that is to follow, while the key is being changed (`threadkeep secrets rotate --help`)",
    },
    Setting {
        name: "categories",
        form: Form::List,
        secret: false,
        what: "LinkedIn's folders that new accounts mirror, in this order",
    },
    Setting {
        name: "query_ids",
        form: Form::Table,
        secret: false,
        what: "LinkedIn's stored queries by name, when it has changed them",
    },
    whole("recent_ms", "a sync that is not forced does nothing within this time after the last one"),
    whole("lease_ms", "how long a worker that shows no sign of life keeps its job"),
    whole("wait_ms", "how long a sync request to the API waits unless the caller says otherwise"),
    whole("wait_max_ms", "how long a sync request to the API waits at most"),
    text(
        "media_policy",
        "when new accounts' attachments are fetched: lazy (when asked for), eager (in the sync) or off",
    ),
    whole("media_max_bytes", "largest attachment that is fetched"),
    text("media_url", "what stands for LinkedIn's file hosts; for a simulator"),
    text("media_store", "where attachments are kept: local (a folder) or s3 (a bucket)"),
    text("media_dir", "folder of the attachments when they are kept locally"),
    text("s3_endpoint", "address of the store with the bucket, when it is not Amazon's"),
    text("s3_bucket", "bucket of the attachments; it must exist"),
    text("s3_region", "region of the bucket"),
    text("s3_prefix", "what the names of all objects in the bucket begin with"),
    secret("s3_access_key", "id of the bucket's access key"),
    secret("s3_secret_key", "secret of the bucket's access key"),
    whole("key_rate_per_minute", "requests to the API that a key gets back in a minute"),
    whole("key_rate_burst", "requests that a key may make at once; 0 is no limit"),
    whole("address_rate_per_minute", "requests that an address without a working key gets back in a minute"),
    whole("address_rate_burst", "requests that an address may make at once without a working key; 0 is no limit"),
    text("log_level", "what is logged: error, warn, info, debug, trace, or a filter such as threadkeep=debug"),
    text("log_format", "form of the log: text or json"),
];

const fn text(name: &'static str, what: &'static str) -> Setting {
    Setting { name, form: Form::Text, secret: false, what }
}

const fn secret(name: &'static str, what: &'static str) -> Setting {
    Setting { name, form: Form::Text, secret: true, what }
}

const fn whole(name: &'static str, what: &'static str) -> Setting {
    Setting { name, form: Form::Whole, secret: false, what }
}

impl Setting {
    /// The setting with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// Its name in the environment.
    pub fn environment_name(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// Reads a value as the environment and flags give it; the error says what form it must have.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        match self.form {
            Form::Text => Ok(Value::from(text)),
            Form::Whole => {
                let number: u64 = text.trim().parse().map_err(|_| "it must be a whole number, 0 or more".to_owned())?;
                Ok(Value::from(number))
            }
            Form::List => {
                let entries: Vec<&str> = entries(text)?;
                Ok(Value::from(entries))
            }
            Form::Table => {
                let mut table = Dict::new();
                for entry in entries(text)? {
                    let (name, value) =
                        entry.split_once('=').ok_or("it must have the form name=text,name=text".to_owned())?;
                    table.insert(name.trim().to_owned(), Value::from(value.trim()));
                }
                Ok(Value::from(table))
            }
        }
    }
}

fn entries(text: &str) -> Result<Vec<&str>, String> {
    let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    match entries.len() {
        0 => Err("it must not be empty".to_owned()),
        1..=ENTRIES_MAX => Ok(entries),
        _ => Err(format!("it must have at most {ENTRIES_MAX} entries")),
    }
}

/// The name that somebody may have meant: the nearest one within two letters.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: BTreeMap<usize, &str> = BTreeMap::new();
    for candidate in known {
        best.entry(distance(name, candidate)).or_insert(candidate);
    }
    best.first_key_value().filter(|(distance, _)| **distance <= 2).map(|(_, name)| *name)
}

/// Letters to change, add or take away to get from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for column in 0..to.len() {
            let replaced = diagonal + usize::from(to[column] != letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_the_one_that_was_meant() {
        let known = || SETTINGS.iter().map(|setting| setting.name);
        assert_eq!(nearest("data_dri", known()), Some("data_dir"));
        assert_eq!(nearest("lisen", known()), Some("listen"));
        assert_eq!(nearest("colour", known()), None);
    }

    #[test]
    fn values_are_read_by_their_form() {
        let setting = |name| Setting::named(name).unwrap();
        assert_eq!(setting("recent_ms").read(" 12 ").unwrap().to_u128(), Some(12));
        assert!(setting("recent_ms").read("-1").is_err());
        assert!(setting("categories").read(" , ").is_err());
        let list = setting("categories").read("INBOX, SPAM").unwrap();
        assert_eq!(list.as_array().map(<[Value]>::len), Some(2));
        assert!(setting("query_ids").read("a=b,c").is_err());
    }

    #[test]
    fn every_setting_is_documented() {
        let page = include_str!("../../../../docs/CONFIG.md");
        for setting in &SETTINGS {
            assert!(page.contains(&format!("`{}`", setting.name)), "docs/CONFIG.md lacks {}", setting.name);
            assert!(page.contains(&setting.environment_name()), "docs/CONFIG.md lacks {}", setting.environment_name());
        }
    }
}
