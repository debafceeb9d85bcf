//! The settings of attachments: how they are fetched, and where they are kept.
//!
//! A bucket's settings are checked only when a bucket is used. No value is repeated in an error.

use std::path::Path;

use secrecy::SecretString;
use url::Url;

use super::error::ConfigError;
use super::{Inputs, Raw, is_loopback, places};
use crate::app::MediaSettings;
use crate::source::egress::Upstream;
use crate::vault::{MediaPolicy, S3Settings, VaultSettings};

/// The region unless told otherwise; many stores know no other.
pub(super) const REGION: &str = "us-east-1";
/// Largest attachment that may be configured, in bytes: one is held in memory while it is fetched.
const SIZE_LIMIT_MAX: u64 = 256 * 1024 * 1024;
/// Longest name of a bucket, region or prefix.
const NAME_MAX: usize = 255;

/// Checks what concerns attachments.
pub(super) fn checked(raw: &Raw, inputs: &Inputs, data_dir: &Path) -> Result<MediaSettings, ConfigError> {
    let bad = |name: &str, problem: &str| ConfigError::bad(name, problem);
    let policy =
        MediaPolicy::named(&raw.media_policy).ok_or_else(|| bad("media_policy", "it must be lazy, eager or off"))?;
    if !(1..=SIZE_LIMIT_MAX).contains(&raw.media_max_bytes) {
        return Err(ConfigError::bad("media_max_bytes", format!("it must be from 1 to {SIZE_LIMIT_MAX}")));
    }
    let url =
        raw.media_url.as_deref().map(Upstream::parse).transpose().map_err(|_| {
            bad("media_url", "it must be https:// and a host without a path; http:// only on this machine")
        })?;
    let store = match raw.media_store.as_str() {
        "local" => VaultSettings::Local(match &raw.media_dir {
            Some(text) => places::expand(&inputs.environment, text),
            None => data_dir.join("media"),
        }),
        "s3" => VaultSettings::S3(bucket(raw)?),
        _ => return Err(bad("media_store", "it must be local or s3")),
    };
    Ok(MediaSettings { policy, size_max: raw.media_max_bytes, url, store })
}

fn bucket(raw: &Raw) -> Result<S3Settings, ConfigError> {
    let wanted = |name: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| ConfigError::bad(name, "it is needed when media_store is s3"))
    };
    if let Some(text) = &raw.s3_endpoint {
        endpoint(text)?;
    }
    Ok(S3Settings {
        endpoint: raw.s3_endpoint.clone(),
        bucket: name("s3_bucket", wanted("s3_bucket", &raw.s3_bucket)?, "-._")?,
        region: name("s3_region", raw.s3_region.clone(), "-")?,
        prefix: raw.s3_prefix.clone().map(|prefix| name("s3_prefix", prefix, "-._/")).transpose()?,
        access_key: SecretString::from(wanted("s3_access_key", &raw.s3_access_key)?),
        secret_key: SecretString::from(wanted("s3_secret_key", &raw.s3_secret_key)?),
    })
}

fn endpoint(text: &str) -> Result<(), ConfigError> {
    let bad = |problem| Err(ConfigError::bad("s3_endpoint", problem));
    let Ok(url) = Url::parse(text) else { return bad("it must be a URL such as https://s3.example.org") };
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !url.has_host() || has_user || url.query().is_some() || url.fragment().is_some() {
        return bad("it must have a host, and no user, password or query");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        _ => bad("it must be https://; http:// only on this machine"),
    }
}

/// A name that goes into addresses as it is.
fn name(setting: &str, value: String, others: &str) -> Result<String, ConfigError> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || others.contains(letter);
    let is_name = (1..=NAME_MAX).contains(&value.len()) && value.chars().all(is_letter);
    let leads_up = value.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    match is_name && !leads_up {
        true => Ok(value),
        false => Err(ConfigError::bad(setting, format!("it may have letters, digits and {others} only"))),
    }
}
