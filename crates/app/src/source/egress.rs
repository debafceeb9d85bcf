//! The one home of the HTTP client, and the one way by which a source asks the network (invariant I7).
//!
//! Redirects are never followed (upstream protocol 1.5), the client keeps no cookies of its own, uses no proxy, and a body
//! is read only up to a limit. Plain `http` goes to loopback alone. No URL and no header may reach an error text.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use url::{Host, Url};

use super::public_address::is_public;
#[cfg(feature = "simulation")]
use super::simulated::{Question, Transport};
use super::vetting::{Lookup, NotPublic, Vetting};

/// Time to open a connection, in seconds.
pub const CONNECT_TIMEOUT_S: u64 = 10;
/// Time for a whole exchange, in seconds.
pub const TOTAL_TIMEOUT_S: u64 = 20;
/// Largest answer that is read, in bytes after decompression.
pub const BODY_MAX: usize = 16 * 1024 * 1024;
/// Time for a whole exchange with a store of objects, in seconds.
const OBJECT_TIMEOUT_S: u64 = 60;
/// How many causes of an error are looked at.
const CAUSES_MAX: usize = 16;
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
    #[error("the address is not one that may be asked: https to the public internet, or a configured simulator")]
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

    /// The same path and query as another address has, byte for byte, at this place.
    pub fn with_path_of(&self, other: &Url) -> Url {
        let mut url = other.clone();
        // None of these can fail: both are web addresses with a host.
        let _ = url.set_scheme(self.0.scheme());
        let _ = url.set_host(self.0.host_str());
        let _ = url.set_port(self.0.port());
        url
    }

    /// The host and port when the place is on this machine.
    pub fn local(&self) -> Option<(String, u16)> {
        let port = self.0.port_or_known_default()?;
        is_loopback(&self.0).then(|| (self.host().to_owned(), port))
    }

    /// The host.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

/// Asks the network.
#[derive(Clone)]
pub struct Egress {
    door: Door,
}

/// Whom a request is handed to.
#[derive(Clone)]
enum Door {
    Network(reqwest::Client),
    #[cfg(feature = "simulation")]
    Simulated(Arc<dyn Transport>),
}

impl Egress {
    /// Builds the HTTP client.
    pub fn new() -> Result<Self, EgressUnavailable> {
        Ok(Self { door: Door::Network(built(builder())?) })
    }

    /// Hands each request to something that stands for the network.
    #[cfg(feature = "simulation")]
    pub fn simulated(transport: Arc<dyn Transport>) -> Self {
        Self { door: Door::Simulated(transport) }
    }

    /// Sends one GET and reads the answer to its end. Never sends anything else.
    pub async fn get(&self, url: Url, headers: HeaderMap) -> Result<Answer, EgressFault> {
        if !may_be_asked(&url) {
            return Err(EgressFault::ForbiddenAddress);
        }
        match &self.door {
            Door::Network(client) => {
                let response = client.get(url).headers(headers).send().await.map_err(|error| fault(&error))?;
                read(response, Some(BODY_MAX)).await
            }
            #[cfg(feature = "simulation")]
            Door::Simulated(transport) => transport.get(Question::of_source(url, headers)).await,
        }
    }
}

/// Asks the network for files: as [`Egress`], but it connects to vetted addresses only and takes the bytes as they are.
#[derive(Clone)]
pub struct FileEgress {
    door: Door,
    /// Hosts and ports of this machine that the operator configured.
    local: Vec<(String, u16)>,
}

impl FileEgress {
    /// Builds the HTTP client. These places of this machine may be asked, besides the public internet.
    pub fn new(lookup: Arc<dyn Lookup>, local: Vec<(String, u16)>) -> Result<Self, EgressUnavailable> {
        let names = local.iter().map(|(name, _)| name.clone()).collect();
        let builder = builder().no_gzip().dns_resolver(Arc::new(Vetting::new(lookup, names)));
        Ok(Self { door: Door::Network(built(builder)?), local })
    }

    /// Hands each request to something that stands for the network; these places of this machine may be asked.
    #[cfg(feature = "simulation")]
    pub fn simulated(transport: Arc<dyn Transport>, local: Vec<(String, u16)>) -> Self {
        Self { door: Door::Simulated(transport), local }
    }

    /// Sends one GET and reads the answer up to a limit, within a time.
    pub async fn get(&self, url: Url, headers: HeaderMap, limits: FileLimits) -> Result<Answer, EgressFault> {
        let is_local = self.is_local(&url);
        let may_be_reached = match url.host() {
            Some(Host::Domain(_)) => url.scheme() == "https",
            Some(Host::Ipv4(address)) => url.scheme() == "https" && is_public(address.into()),
            Some(Host::Ipv6(address)) => url.scheme() == "https" && is_public(address.into()),
            None => false,
        };
        if !is_local && !may_be_reached {
            return Err(EgressFault::ForbiddenAddress);
        }
        match &self.door {
            Door::Network(client) => {
                let request = client.get(url).headers(headers).timeout(limits.total);
                from_the_network(request, limits, is_local).await
            }
            #[cfg(feature = "simulation")]
            Door::Simulated(transport) => transport.get(Question::of_file(url, headers, limits)).await,
        }
    }

    fn is_local(&self, url: &Url) -> bool {
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
        is_loopback(url) && self.local.iter().any(|(name, number)| name == host && Some(*number) == port)
    }
}

/// Sends a request for a file and reads its answer, unless who answers is nobody who may be spoken to.
async fn from_the_network(
    request: reqwest::RequestBuilder,
    limits: FileLimits,
    is_local: bool,
) -> Result<Answer, EgressFault> {
    let response = request.send().await.map_err(|error| fault(&error))?;
    // A second look, at whom we really speak to.
    let may_speak = |peer: IpAddr| if is_local { peer.to_canonical().is_loopback() } else { is_public(peer) };
    if !response.remote_addr().is_none_or(|peer| may_speak(peer.ip())) {
        return Err(EgressFault::ForbiddenAddress);
    }
    // What else is said beside a refusal is not read.
    let body_max = if response.status() == StatusCode::OK { Some(limits.body_max) } else { None };
    read(response, body_max).await
}

/// How much of a file's exchange is borne.
#[derive(Debug, Clone, Copy)]
pub struct FileLimits {
    /// Bytes of the body.
    pub body_max: usize,
    /// The whole exchange.
    pub total: Duration,
}

/// A client for a store of objects that the operator configured: the same manners, and no address is vetted, because
/// such a store may well be in the operator's own network.
pub fn object_store_client() -> Result<reqwest::Client, EgressUnavailable> {
    built(builder().no_gzip().timeout(Duration::from_secs(OBJECT_TIMEOUT_S)))
}

#[expect(clippy::disallowed_methods, reason = "this is the one home of the HTTP client")]
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S))
        .timeout(Duration::from_secs(TOTAL_TIMEOUT_S))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, EgressUnavailable> {
    builder.build().map_err(|error| EgressUnavailable(error.to_string()))
}

/// Reads an answer, its body up to a limit or not at all. A length that says too much is believed before a byte is read.
async fn read(mut response: reqwest::Response, body_max: Option<usize>) -> Result<Answer, EgressFault> {
    let status = response.status().as_u16();
    let length = response.content_length();
    let headers = std::mem::take(response.headers_mut());
    let Some(body_max) = body_max else { return Ok(Answer { status, headers, body: Vec::new() }) };
    let length = length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if length > body_max {
        return Err(EgressFault::TooLarge);
    }
    // A body that grows by doubling takes three times its size for a moment.
    let mut body = Vec::with_capacity(length);
    while let Some(chunk) = response.chunk().await.map_err(|error| body_fault(&error))? {
        if body.len() + chunk.len() > body_max {
            return Err(EgressFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

fn may_be_asked(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether the resolver refused to give an address.
fn is_not_public(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    for _ in 0..CAUSES_MAX {
        let Some(cause) = source else { break };
        if cause.is::<NotPublic>() {
            return true;
        }
        source = cause.source();
    }
    false
}

fn fault(error: &reqwest::Error) -> EgressFault {
    if is_not_public(error) {
        EgressFault::ForbiddenAddress
    } else if error.is_timeout() {
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
