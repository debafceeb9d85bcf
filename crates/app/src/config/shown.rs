//! The configuration as it may be shown: values with where they came from, and never a secret.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use threadkeep_core::sync::pace::Pace;
use url::Url;

use super::setting::SETTINGS;
use super::{Config, LogFormat, Place};
use crate::vault::VaultSettings;

/// What stands in place of a secret.
const SECRET_SET: &str = "(set)";

/// A setting as it may be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// Its value; `null` when there is none, never a secret.
    pub value: Value,
    /// Where it came from.
    pub from: String,
    /// What it is for.
    pub what: &'static str,
}

/// All settings of a configuration, in the order of [`SETTINGS`].
pub(super) fn of(config: &Config, places: &[(&'static str, Place)]) -> Vec<Shown> {
    let rows = SETTINGS.iter().zip(places);
    rows.map(|(setting, (_, place))| Shown {
        name: setting.name,
        value: value(config, setting.name),
        from: place.told(setting),
        what: setting.what,
    })
    .collect()
}

fn value(config: &Config, name: &str) -> Value {
    let sync = &config.sync;
    match name {
        "data_dir" => json!(config.data_dir.display().to_string()),
        "database_url" => json!(masked_url(config.database_url.expose_secret())),
        "upstream_url" => json!(config.upstream_url.as_str().trim_end_matches('/')),
        "listen" => json!(config.listen.to_string()),
        "tls_cert_file" => json!(config.tls.as_ref().map(|files| files.cert.display().to_string())),
        "tls_key_file" => json!(config.tls.as_ref().map(|files| files.key.display().to_string())),
        "pace" => json!(match sync.pace {
            Pace::Polite => "polite",
            Pace::Open => "open",
        }),
        "master_key" => json!(config.master_key.as_ref().map(|_| SECRET_SET)),
        "new_master_key" => json!(config.new_master_key.as_ref().map(|_| SECRET_SET)),
        "master_key_file" => json!(config.master_key_file.display().to_string()),
        "categories" => json!(sync.categories),
        "query_ids" => json!(config.query_ids),
        "recent_ms" => json!(sync.recent_ms),
        "lease_ms" => json!(sync.lease_ms),
        "wait_ms" => json!(sync.wait_default_ms),
        "wait_max_ms" => json!(sync.wait_max_ms),
        name if name.starts_with("media_") || name.starts_with("s3_") => media(config, name),
        "key_rate_per_minute" => json!(config.key_rate.per_minute),
        "key_rate_burst" => json!(config.key_rate.burst),
        "address_rate_per_minute" => json!(config.address_rate.per_minute),
        "address_rate_burst" => json!(config.address_rate.burst),
        "log_level" => json!(config.log.level),
        "log_format" => json!(match config.log.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }),
        _ => Value::Null,
    }
}

fn media(config: &Config, name: &str) -> Value {
    let media = &config.media;
    let s3 = match &media.store {
        VaultSettings::S3(settings) => Some(settings),
        VaultSettings::Local(_) => None,
    };
    match (name, &media.store) {
        ("media_policy", _) => json!(media.policy.as_str()),
        ("media_max_bytes", _) => json!(media.size_max),
        ("media_url", _) => json!(media.url.as_ref().map(|url| url.as_str().trim_end_matches('/'))),
        ("media_store", VaultSettings::Local(_)) => json!("local"),
        ("media_store", VaultSettings::S3(_)) => json!("s3"),
        ("media_dir", VaultSettings::Local(folder)) => json!(folder.display().to_string()),
        ("s3_endpoint", _) => json!(s3.and_then(|s3| s3.endpoint.as_deref())),
        ("s3_bucket", _) => json!(s3.map(|s3| s3.bucket.as_str())),
        ("s3_region", _) => json!(s3.map(|s3| s3.region.as_str())),
        ("s3_prefix", _) => json!(s3.and_then(|s3| s3.prefix.as_deref())),
        ("s3_access_key" | "s3_secret_key", VaultSettings::S3(_)) => json!(SECRET_SET),
        _ => Value::Null,
    }
}

/// The address of a database without its password.
pub fn masked_url(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    let Ok(mut parsed) = Url::parse(url) else { return "(unreadable)".to_owned() };
    if parsed.password().is_some() {
        // Cannot fail: an address with a password has a host.
        let _ = parsed.set_password(Some("***"));
    }
    let pairs: Vec<(String, String)> = parsed.query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
    if pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("password")) {
        let kept = pairs.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("password"));
        parsed.query_pairs_mut().clear().extend_pairs(kept).append_pair("password", "***");
    }
    parsed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_database_is_shown() {
        let shown = masked_url("postgres://olga:s3cret@db.example:5432/mirror?sslmode=require");
        assert_eq!(shown, "postgres://olga:***@db.example:5432/mirror?sslmode=require");
        assert!(!masked_url("postgres://db.example/mirror?user=olga&password=s3cret").contains("s3cret"));
        assert!(!masked_url("postgres://olga:s3cret@[bad").contains("s3cret"));
        assert_eq!(masked_url("sqlite:/srv/mirror.db"), "sqlite:/srv/mirror.db");
    }
}
