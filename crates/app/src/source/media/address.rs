//! The address of an attachment's bytes: checked once, and from then on a value that may be asked.
//!
//! Hosts are compared whole, never by their ends. Nothing else in the program may make a [`MediaAddress`], so whoever
//! holds one knows that it leads to a host of the list. The query is part of a signature: it is never taken apart or
//! written anew (upstream protocol 6.2).

use url::{Host, Url};

use crate::source::egress::Upstream;

/// Longest address, in bytes.
pub const URL_MAX: usize = 2_048;
/// The host that asks for the member's session.
const SESSION_HOST: &str = "www.linkedin.com";
/// Where media lies on that host.
const SESSION_PATH: &str = "/dms/";
/// Hosts that serve signed links to anybody.
const LICDN_HOSTS: [&str; 2] = ["media.licdn.com", "dms.licdn.com"];
/// Hosts of the GIF service that messages link to.
const GIF_HOSTS: [&str; 5] =
    ["c.tenor.com", "media.tenor.com", "media1.tenor.com", "media2.tenor.com", "media3.tenor.com"];
/// How often a path is decoded when a hidden way up is looked for.
const DECODINGS_MAX: usize = 3;

/// Why a text is not the address of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaRefused {
    /// Not a URL at all.
    #[error("this is not a URL: give the one of an attachment of a message")]
    NotUrl,
    /// Longer than [`URL_MAX`].
    #[error("the URL is longer than {URL_MAX} bytes")]
    TooLong,
    /// Another scheme than https.
    #[error("the URL must begin with https://")]
    NotHttps,
    /// A user, a password or another port.
    #[error("the URL must have no user, password or port")]
    TooMuch,
    /// A host that is not on the list.
    #[error("media is only fetched from LinkedIn's own hosts: give the URL of an attachment of a message")]
    HostNotAllowed,
    /// A path of www.linkedin.com that is no media.
    #[error("on www.linkedin.com only paths below /dms/ are media")]
    PathNotAllowed,
}

/// Whose host an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// LinkedIn, with the member's session.
    Session,
    /// LinkedIn, for anybody who has the link.
    Licdn,
    /// Somebody else.
    Gif,
}

/// An address that may be asked for an attachment.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaAddress {
    url: Url,
    owner: Owner,
}

impl MediaAddress {
    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, MediaRefused> {
        if text.len() > URL_MAX {
            return Err(MediaRefused::TooLong);
        }
        // The parser would silently drop some of these.
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) || !is_host_ascii(text) {
            return Err(MediaRefused::NotUrl);
        }
        let mut url = Url::parse(text).map_err(|_| MediaRefused::NotUrl)?;
        url.set_fragment(None);
        let owner = checked(&url)?;
        match url.as_str().len() <= URL_MAX {
            true => Ok(Self { url, owner }),
            false => Err(MediaRefused::TooLong),
        }
    }

    /// Whether the member's session has to go with it. It may go nowhere else.
    pub fn needs_cookies(&self) -> bool {
        self.owner == Owner::Session
    }

    /// Whether it is a host of LinkedIn's, whose refusals concern the account.
    pub fn is_linkedin(&self) -> bool {
        self.owner != Owner::Gif
    }

    /// The address as text; it may carry a token, so it must not be logged.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The same path and query at another place.
    pub(super) fn at(&self, place: Option<&Upstream>) -> Url {
        let Some(place) = place else { return self.url.clone() };
        place.with_path_of(&self.url)
    }
}

impl std::fmt::Debug for MediaAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaAddress").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

fn checked(url: &Url) -> Result<Owner, MediaRefused> {
    let Some(Host::Domain(host)) = url.host() else {
        let is_web = matches!(url.scheme(), "http" | "https");
        return Err(if is_web { MediaRefused::HostNotAllowed } else { MediaRefused::NotHttps });
    };
    let owner = match host {
        SESSION_HOST => Owner::Session,
        _ if LICDN_HOSTS.contains(&host) => Owner::Licdn,
        _ if GIF_HOSTS.contains(&host) => Owner::Gif,
        _ => return Err(MediaRefused::HostNotAllowed),
    };
    if url.scheme() != "https" {
        return Err(MediaRefused::NotHttps);
    }
    if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
        return Err(MediaRefused::TooMuch);
    }
    let is_media = url.path().starts_with(SESSION_PATH) && !leads_up(url.path());
    match owner == Owner::Session && !is_media {
        true => Err(MediaRefused::PathNotAllowed),
        false => Ok(owner),
    }
}

/// Whether the host was written in ASCII; letters that only look like it are not taken for it.
fn is_host_ascii(text: &str) -> bool {
    let rest = text.split_once(':').map_or(text, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    rest.split(['/', '\\', '?', '#']).next().is_some_and(str::is_ascii)
}

/// Whether a path has a `..` that shows only once it is decoded: a server that decodes first would leave `/dms/`.
fn leads_up(path: &str) -> bool {
    let mut decoded = path.as_bytes().to_vec();
    for _ in 0..DECODINGS_MAX {
        // `;` begins parameters of a path segment, which some servers cut off.
        let mut parts = decoded.split(|byte| matches!(byte, b'/' | b'\\' | b';'));
        if parts.any(|part| part == b"..") {
            return true;
        }
        decoded = decode(&decoded);
    }
    // What is still encoded after that was not written for us.
    decode(&decoded) != decoded
}

/// Percent-decoding, once.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let pair = match (first, after) {
            (b'%', [high, low, ..]) => digit(high).zip(digit(low)),
            _ => None,
        };
        match pair {
            Some((high, low)) => {
                decoded.push(high * 16 + low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

#[cfg(test)]
#[path = "address/tests.rs"]
mod tests;
