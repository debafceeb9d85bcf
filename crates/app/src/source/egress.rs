//! The one home of the HTTP client, and the one way by which a source asks the network (invariant I7).
//!
//! Redirects are never followed (upstream protocol 1.5), the client keeps no cookies of its own, uses no proxy, and a body
//! is read only up to a limit. Plain `http` goes to loopback alone. No URL and no header may reach an error text.

use std::time::Duration;

use reqwest::header::HeaderMap;
use url::{Host, Url};

/// Time to open a connection, in seconds.
pub const CONNECT_TIMEOUT_S: u64 = 10;
/// Time for a whole exchange, in seconds.
pub const TOTAL_TIMEOUT_S: u64 = 20;
/// Largest answer that is read, in bytes after decompression.
pub const BODY_MAX: usize = 16 * 1024 * 1024;
/// Idle connections kept for one host.
const IDLE_CONNECTIONS_MAX: usize = 2;

/// An answer, read to its end.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// Why there is no answer. The texts name no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EgressFault {
    /// The address may not be asked.
    #[error("the address is neither https nor http to loopback")]
    ForbiddenAddress,
    /// The question could not be put in the form of a request.
    #[error("the request could not be built")]
    BadRequest,
    /// Nobody could be reached.
    #[error("no connection")]
    NoConnection,
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The answer ended early or was damaged.
    #[error("the answer was cut off")]
    Cut,
    /// The body is larger than [`BODY_MAX`].
    #[error("the answer is larger than {} MiB", BODY_MAX / (1024 * 1024))]
    TooLarge,
    /// Any other failure of the exchange.
    #[error("the exchange failed")]
    Failed,
}

/// Why no HTTP client could be built.
#[derive(Debug, thiserror::Error)]
#[error(
    "the HTTP client could not be built: {0}. Most often the system has no CA certificates: install the package \
     `ca-certificates` (or your system's equivalent) and start again"
)]
pub struct EgressUnavailable(String);

/// Why a text is not an address of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamInvalid {
    /// Not a URL with a host.
    #[error("the upstream URL is not a URL; give for example https://www.linkedin.com")]
    NotUrl,
    /// Cookies would travel in the open.
    #[error("the upstream URL must be https; plain http is allowed for loopback addresses only")]
    NotEncrypted,
    /// More than scheme, host and port.
    #[error("the upstream URL must have no user, path, query or fragment; give for example https://www.linkedin.com")]
    TooMuch,
}

/// The real upstream.
pub const REAL_UPSTREAM: &str = "https://www.linkedin.com";

/// Where an upstream is: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream(Url);

impl Upstream {
    /// Checks the address of an upstream.
    pub fn parse(text: &str) -> Result<Self, UpstreamInvalid> {
        let url = Url::parse(text.trim()).map_err(|_| UpstreamInvalid::NotUrl)?;
        if !url.has_host() {
            return Err(UpstreamInvalid::NotUrl);
        }
        if !may_be_asked(&url) {
            return Err(UpstreamInvalid::NotEncrypted);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if has_user || has_more {
            return Err(UpstreamInvalid::TooMuch);
        }
        Ok(Self(url))
    }

    /// The address with a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

/// Asks the network.
#[derive(Clone)]
pub struct Egress {
    client: reqwest::Client,
}

impl Egress {
    /// Builds the HTTP client.
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the HTTP client")]
    pub fn new() -> Result<Self, EgressUnavailable> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S))
            .timeout(Duration::from_secs(TOTAL_TIMEOUT_S))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()
            .map_err(|error| EgressUnavailable(error.to_string()))?;
        Ok(Self { client })
    }

    /// Sends one GET and reads the answer to its end. Never sends anything else.
    pub async fn get(&self, url: Url, headers: HeaderMap) -> Result<Answer, EgressFault> {
        if !may_be_asked(&url) {
            return Err(EgressFault::ForbiddenAddress);
        }
        let mut response = self.client.get(url).headers(headers).send().await.map_err(|error| fault(&error))?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        // A body that grows by doubling takes three times its size for a moment.
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(announced.unwrap_or_default().min(BODY_MAX));
        while let Some(chunk) = response.chunk().await.map_err(|error| body_fault(&error))? {
            if body.len() + chunk.len() > BODY_MAX {
                return Err(EgressFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

fn may_be_asked(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

fn fault(error: &reqwest::Error) -> EgressFault {
    if error.is_timeout() {
        EgressFault::Timeout
    } else if error.is_connect() {
        EgressFault::NoConnection
    } else if error.is_builder() {
        EgressFault::BadRequest
    } else if error.is_body() || error.is_decode() || error.is_request() {
        EgressFault::Cut
    } else {
        EgressFault::Failed
    }
}

fn body_fault(error: &reqwest::Error) -> EgressFault {
    if error.is_timeout() { EgressFault::Timeout } else { EgressFault::Cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_are_upstreams() {
        assert_eq!(Upstream::parse(REAL_UPSTREAM).unwrap().as_str(), "https://www.linkedin.com/");
        for good in ["https://www.linkedin.com", "http://127.0.0.1:9", "http://[::1]:9/", "http://localhost:9"] {
            assert!(Upstream::parse(good).is_ok(), "{good}");
        }
        let bad = [
            ("www.linkedin.com", UpstreamInvalid::NotUrl),
            ("http://www.linkedin.com", UpstreamInvalid::NotEncrypted),
            ("http://127.0.0.1.evil.test", UpstreamInvalid::NotEncrypted),
            ("file:///etc/passwd", UpstreamInvalid::NotUrl),
            ("ftp://127.0.0.1", UpstreamInvalid::NotEncrypted),
            ("https://me:x@www.linkedin.com", UpstreamInvalid::TooMuch),
            ("https://www.linkedin.com/feed", UpstreamInvalid::TooMuch),
        ];
        for (text, expected) in bad {
            assert_eq!(Upstream::parse(text), Err(expected), "{text}");
        }
    }

    #[tokio::test]
    async fn plain_http_to_anywhere_else_is_never_sent() {
        let url = Url::parse("http://192.0.2.1/x").unwrap();
        let refused = Egress::new().unwrap().get(url, HeaderMap::new()).await;
        assert_eq!(refused.err(), Some(EgressFault::ForbiddenAddress));
    }
}
