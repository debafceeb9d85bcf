//! The vault as a bucket of a store that speaks S3.
//!
//! Keys come from the configuration alone: no environment of other programs, no metadata service of a cloud is asked.
//! The HTTP client is the one of `source::egress`. Plain http goes to this machine only.

use std::fmt;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientOptions, RetryConfig};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::VaultError;
use crate::source::egress::object_store_client;

/// How often a store that has trouble is asked again.
const RETRIES_MAX: usize = 2;
/// How long that may go on, in seconds.
const RETRIES_S: u64 = 30;

/// How a bucket is reached.
#[derive(Clone)]
pub struct S3Settings {
    /// The store's address; Amazon's own for the region when `None`.
    pub endpoint: Option<String>,
    /// The bucket; it must exist.
    pub bucket: String,
    /// The region.
    pub region: String,
    /// What the names of all objects begin with.
    pub prefix: Option<String>,
    /// The access key's id.
    pub access_key: SecretString,
    /// The access key's secret.
    pub secret_key: SecretString,
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings").field("bucket", &self.bucket).field("region", &self.region).finish_non_exhaustive()
    }
}

/// Opens the bucket; asks nobody.
pub(super) fn open(settings: &S3Settings) -> Result<AmazonS3, VaultError> {
    let client = object_store_client().map_err(|error| VaultError::Settings(error.to_string()))?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(settings.access_key.expose_secret())
        .with_secret_access_key(settings.secret_key.expose_secret())
        .with_allow_http(true)
        .with_http_connector(Connector(client))
        .with_retry(RetryConfig {
            max_retries: RETRIES_MAX,
            retry_timeout: Duration::from_secs(RETRIES_S),
            ..RetryConfig::default()
        });
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder.build().map_err(|_| VaultError::Settings("the S3 settings do not go together".to_owned()))
}

/// Hands the library our own client.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
