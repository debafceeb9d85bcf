//! The configuration: defaults < file < environment < flags, checked once at start.
//!
//! This room is the one home of the process environment. What leaves it is complete and valid; a secret leaves it only
//! inside a type that does not show itself.

pub mod environment;
mod error;
mod layers;
mod media;
mod places;
pub mod setting;
mod shown;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::value::{Dict, Value};
use secrecy::SecretString;
use serde::Deserialize;
use threadkeep_core::sync::DEFAULT_CATEGORIES;
use threadkeep_core::sync::pace::Pace;
use url::{Host, Url};

use crate::app::{MediaSettings, SyncSettings};
use crate::http::{HttpSettings, Rate};
use crate::source::media::SIZE_MAX;
use crate::source::voyager::request::QueryIds;
use crate::vault::MediaPolicy;

pub use environment::Environment;
pub use error::ConfigError;
pub use layers::{FILE_NAME, FILE_VARIABLE, Place};
pub use shown::{Shown, masked_url};

use layers::{Layer, place_of};

/// Where LinkedIn is.
pub const UPSTREAM_URL: &str = "https://www.linkedin.com";
/// Where the API listens unless told otherwise.
pub const LISTEN: &str = "127.0.0.1:7878";
/// What is logged unless told otherwise.
pub const LOG_LEVEL: &str = "warn";
/// Longest time that any setting may give, in milliseconds.
const TIME_MAX_MS: u64 = 24 * 3_600_000;
/// Most requests that a rate may allow.
const RATE_MAX: u32 = 1_000_000;
/// Shortest lease: below it a slow disk would lose its own work.
const LEASE_MIN_MS: u64 = 1_000;

/// What a configuration is made from.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The process environment.
    pub environment: Environment,
    /// The file that was asked for by `--config`.
    pub file: Option<PathBuf>,
    /// Settings given as flags, by name.
    pub flags: Vec<(String, String)>,
}

/// The whole configuration, complete and valid.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory of the database.
    pub data_dir: PathBuf,
    /// Where the mirror is kept; may hold a password.
    pub database_url: SecretString,
    /// Where LinkedIn is.
    pub upstream_url: Url,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// What the API speaks TLS with.
    pub tls: Option<TlsFiles>,
    /// The key that seals sessions, when it is given itself.
    pub master_key: Option<SecretString>,
    /// The file with the key.
    pub master_key_file: PathBuf,
    /// The key that is to follow, while the key is being changed.
    pub new_master_key: Option<SecretString>,
    /// Who runs the program, as the environment tells it.
    pub user: Option<String>,
    /// The stored queries to ask LinkedIn with.
    pub query_ids: QueryIds,
    /// How syncs behave.
    pub sync: SyncSettings,
    /// How attachments are fetched and kept.
    pub media: MediaSettings,
    /// How often a key may ask the API.
    pub key_rate: Rate,
    /// How often an address may ask without a working key.
    pub address_rate: Rate,
    /// What is logged.
    pub log: LogSettings,
    /// The file that was read.
    pub file: Option<PathBuf>,
    shown: Vec<Shown>,
}

/// The files that TLS is spoken with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that lead to its root.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The filter.
    pub level: String,
    /// Whether somebody has chosen it.
    pub is_chosen: bool,
    /// The form.
    pub format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings as the layers give them, before they are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    data_dir: Option<String>,
    database_url: Option<String>,
    upstream_url: String,
    listen: String,
    tls_cert_file: Option<String>,
    tls_key_file: Option<String>,
    pace: String,
    master_key: Option<String>,
    master_key_file: Option<String>,
    new_master_key: Option<String>,
    categories: Vec<String>,
    query_ids: BTreeMap<String, String>,
    recent_ms: u64,
    lease_ms: u64,
    wait_ms: u64,
    wait_max_ms: u64,
    media_policy: String,
    media_max_bytes: u64,
    media_url: Option<String>,
    media_store: String,
    media_dir: Option<String>,
    s3_endpoint: Option<String>,
    s3_bucket: Option<String>,
    s3_region: String,
    s3_prefix: Option<String>,
    s3_access_key: Option<String>,
    s3_secret_key: Option<String>,
    key_rate_per_minute: u64,
    key_rate_burst: u64,
    address_rate_per_minute: u64,
    address_rate_burst: u64,
    log_level: String,
    log_format: String,
}

impl Config {
    /// Reads, lays over each other and checks all layers.
    pub fn load(inputs: &Inputs) -> Result<Self, ConfigError> {
        let environment = Layer::of_environment(&inputs.environment)?;
        let flags = Layer::of_flags(&inputs.flags)?;
        let early_data_dir = flags.text("data_dir").or_else(|| environment.text("data_dir"));
        let file = places::file(inputs, early_data_dir)?;
        let mut figment = Figment::from(Layer::defaults(defaults()));
        if let Some(path) = &file {
            figment = figment.merge(Layer::of_file(path)?);
        }
        figment = figment.merge(environment).merge(flags);
        // Every layer has been checked, so this fails only when the list of settings and `Raw` differ.
        let raw: Raw = figment.extract().map_err(|error| ConfigError::bad("settings", error.kind.to_string()))?;
        let places = setting::SETTINGS.map(|one| (one.name, place_of(&figment, one.name)));
        let mut config = Self::checked(raw, inputs, &places)?;
        config.file = file;
        Ok(config)
    }

    /// All settings with their values and where these came from; secrets are not among the values.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// Whether the upstream is on this machine, and so no LinkedIn.
    pub fn is_upstream_local(&self) -> bool {
        is_loopback(&self.upstream_url)
    }

    fn checked(raw: Raw, inputs: &Inputs, places: &[(&'static str, Place)]) -> Result<Self, ConfigError> {
        let given = |name: &str| places.iter().find(|(known, _)| *known == name).map_or(&Place::Default, |(_, at)| at);
        let data_dir = places::data_dir(inputs, raw.data_dir.as_deref())?;
        let is_data_dir_chosen = *given("data_dir") != Place::Default;
        let key_file = places::master_key_file(inputs, raw.master_key_file.as_deref(), &data_dir, is_data_dir_chosen)?;
        let upstream_url = upstream(&raw.upstream_url)?;
        let pace = pace(&raw.pace, &upstream_url)?;
        let sync = SyncSettings {
            pace,
            categories: categories(&raw.categories)?,
            recent_ms: time("recent_ms", raw.recent_ms, 0)?,
            lease_ms: time("lease_ms", raw.lease_ms, LEASE_MIN_MS)?,
            wait_default_ms: time("wait_ms", raw.wait_ms, 0)?,
            wait_max_ms: time("wait_max_ms", raw.wait_max_ms, raw.wait_ms)?,
        };
        let media = media::checked(&raw, inputs, &data_dir)?;
        let mut config = Self {
            database_url: database(raw.database_url, &data_dir)?,
            data_dir,
            upstream_url,
            listen: raw.listen.parse().map_err(|_| {
                ConfigError::bad("listen", "it must be an address with a port, such as 127.0.0.1:7878 or [::1]:7878")
            })?,
            tls: tls_files(inputs, raw.tls_cert_file, raw.tls_key_file)?,
            master_key: raw.master_key.map(SecretString::from),
            master_key_file: key_file,
            new_master_key: raw.new_master_key.map(SecretString::from),
            user: inputs.environment.user.clone(),
            query_ids: query_ids(&raw.query_ids)?,
            sync,
            media,
            key_rate: rate("key_rate", raw.key_rate_per_minute, raw.key_rate_burst)?,
            address_rate: rate("address_rate", raw.address_rate_per_minute, raw.address_rate_burst)?,
            log: LogSettings {
                level: raw.log_level,
                is_chosen: *given("log_level") != Place::Default,
                format: log_format(&raw.log_format)?,
            },
            file: None,
            shown: Vec::new(),
        };
        config.shown = shown::of(&config, places);
        Ok(config)
    }
}

fn defaults() -> Dict {
    let sync = SyncSettings::default();
    let http = HttpSettings::default();
    let whole = |ms: i64| Value::from(ms.unsigned_abs());
    [
        ("upstream_url", Value::from(UPSTREAM_URL)),
        ("listen", Value::from(LISTEN)),
        ("pace", Value::from("polite")),
        ("categories", Value::from(DEFAULT_CATEGORIES.to_vec())),
        ("query_ids", Value::from(Dict::new())),
        ("recent_ms", whole(sync.recent_ms)),
        ("lease_ms", whole(sync.lease_ms)),
        ("wait_ms", whole(sync.wait_default_ms)),
        ("wait_max_ms", whole(sync.wait_max_ms)),
        ("media_policy", Value::from(MediaPolicy::default().as_str())),
        ("media_max_bytes", Value::from(SIZE_MAX)),
        ("media_store", Value::from("local")),
        ("s3_region", Value::from(media::REGION)),
        ("key_rate_per_minute", Value::from(http.key_rate.per_minute)),
        ("key_rate_burst", Value::from(http.key_rate.burst)),
        ("address_rate_per_minute", Value::from(http.address_rate.per_minute)),
        ("address_rate_burst", Value::from(http.address_rate.burst)),
        ("log_level", Value::from(LOG_LEVEL)),
        ("log_format", Value::from("text")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn database(given: Option<String>, data_dir: &Path) -> Result<SecretString, ConfigError> {
    let url = given.unwrap_or_else(|| format!("sqlite:{}", data_dir.join("threadkeep.db").display()));
    let is_known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    match is_known {
        true => Ok(SecretString::from(url)),
        false => Err(ConfigError::bad("database_url", "it must begin with sqlite: or postgres://")),
    }
}

fn upstream(text: &str) -> Result<Url, ConfigError> {
    let bad = |problem| ConfigError::bad("upstream_url", problem);
    let url = Url::parse(text).map_err(|_| bad("it must be a URL such as https://www.linkedin.com"))?;
    if !url.has_host() || !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must have a host and no user or password"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must have no path"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(bad("it must be https://, because the session goes over it; http:// only on this machine")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn tls_files(inputs: &Inputs, cert: Option<String>, key: Option<String>) -> Result<Option<TlsFiles>, ConfigError> {
    let path = |text: String| places::path(inputs, &text);
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert: path(cert), key: path(key) })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::bad("tls_key_file", "it is needed, too: the key of the certificate")),
        (None, Some(_)) => Err(ConfigError::bad("tls_cert_file", "it is needed, too: the certificate of the key")),
    }
}

fn pace(name: &str, upstream: &Url) -> Result<Pace, ConfigError> {
    match name {
        "polite" => Ok(Pace::Polite),
        "open" if is_loopback(upstream) => Ok(Pace::Open),
        "open" => Err(ConfigError::bad(
            "pace",
            "open is only for a simulator on this machine: at LinkedIn it would endanger the member's account. \
             Leave it at polite, or point upstream_url at a simulator",
        )),
        _ => Err(ConfigError::bad("pace", "it must be polite or open")),
    }
}

fn categories(names: &[String]) -> Result<Vec<String>, ConfigError> {
    let bad = |problem: &str| Err(ConfigError::bad("categories", problem));
    if names.is_empty() {
        return bad("it must name at least one folder, such as INBOX");
    }
    let is_name = |name: &String| {
        !name.is_empty() && name.len() <= 60 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    if !names.iter().all(is_name) {
        return bad("names of folders are upper-case, such as INBOX, ARCHIVE, SPAM");
    }
    let is_double = |(place, name): (usize, &String)| names[..place].contains(name);
    if names.iter().enumerate().any(is_double) {
        return bad("each folder may be named once");
    }
    Ok(names.to_vec())
}

fn query_ids(given: &BTreeMap<String, String>) -> Result<QueryIds, ConfigError> {
    let ids: QueryIds = serde_json::from_value(serde_json::json!(given))
        .map_err(|error| ConfigError::bad("query_ids", error.to_string()))?;
    ids.check().map_err(|error| ConfigError::bad("query_ids", error.to_string()))?;
    Ok(ids)
}

fn time(name: &str, ms: u64, least: u64) -> Result<i64, ConfigError> {
    match i64::try_from(ms) {
        Ok(time) if (least..=TIME_MAX_MS).contains(&ms) => Ok(time),
        _ => Err(ConfigError::bad(name, format!("it must be from {least} to {TIME_MAX_MS} milliseconds"))),
    }
}

fn rate(name: &str, per_minute: u64, burst: u64) -> Result<Rate, ConfigError> {
    let whole = |part: &str, number: u64| match u32::try_from(number) {
        Ok(number) if number <= RATE_MAX => Ok(number),
        _ => Err(ConfigError::bad(format!("{name}_{part}"), format!("it must be at most {RATE_MAX}"))),
    };
    Ok(Rate { burst: whole("burst", burst)?, per_minute: whole("per_minute", per_minute)? })
}

fn log_format(name: &str) -> Result<LogFormat, ConfigError> {
    match name {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(ConfigError::bad("log_format", "it must be text or json")),
    }
}
