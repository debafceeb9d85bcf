//! The gate: one GET for one address, and what came of it.
//!
//! It follows no redirect, asks nothing twice and keeps nothing. The member's cookies leave only for an address that
//! needs them, whatever the caller hands in. No fault repeats an address or a body.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, USER_AGENT};
use threadkeep_core::page::Trouble;

use super::address::MediaAddress;
use super::meaning;
use super::media_type::MediaType;
use crate::source::egress::{EgressUnavailable, FileEgress, FileLimits, REAL_UPSTREAM, Upstream};
#[cfg(feature = "simulation")]
use crate::source::simulated::Transport;
use crate::source::vetting::{Lookup, SystemLookup};
use crate::source::voyager::session::Session;
use crate::source::voyager::{NowMs, request, verdict};

/// Largest attachment that is read unless the configuration says otherwise, in bytes.
pub const SIZE_MAX: u64 = 25 * 1024 * 1024;
/// Time for one attachment, in milliseconds.
pub const TOTAL_MS: u64 = 30_000;

/// How much of one exchange is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaLimits {
    /// Bytes of the body.
    pub size_max: u64,
    /// The whole exchange, in milliseconds.
    pub total_ms: u64,
}

impl Default for MediaLimits {
    fn default() -> Self {
        Self { size_max: SIZE_MAX, total_ms: TOTAL_MS }
    }
}

/// The bytes of an attachment.
#[derive(Clone)]
pub struct MediaBody {
    /// The bytes as they came.
    pub bytes: Bytes,
    /// What they are, by looking at them.
    pub media_type: MediaType,
    /// What they were said to be, without parameters; hostile text, bounded and of a type's letters only.
    pub declared_type: Option<String>,
    /// The name that came with them, made safe.
    pub file_name: Option<String>,
    /// The session to keep from now on, when the answer changed it.
    pub renewed: Option<Session>,
}

impl MediaBody {
    /// Whether they were said to be something else than they are.
    pub fn is_mismatch(&self) -> bool {
        self.declared_type.as_deref().is_some_and(|declared| !self.media_type.agrees_with(declared))
    }
}

impl fmt::Debug for MediaBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MediaBody");
        shown.field("size_bytes", &self.bytes.len()).field("media_type", &self.media_type).finish_non_exhaustive()
    }
}

/// Why there are no bytes, named by what has to be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaFault {
    /// The link is no longer good: fetch its message again and ask once more with the new link.
    #[error("the link has expired or is gone ({status})")]
    Expired {
        /// The status code.
        status: u16,
    },
    /// The account has to stop: the session is over, doubted or refused.
    #[error("{}", told(.0))]
    Account(Trouble),
    /// Too many requests: wait.
    #[error("too many requests: wait before the next one")]
    Throttled {
        /// How long, when it was said.
        retry_after_ms: Option<i64>,
    },
    /// Somewhere else was named; it is not followed.
    #[error("the host answered with a redirect, which is not followed")]
    Redirected,
    /// A page came instead of the file.
    #[error("a web page came instead of the file")]
    NotMedia,
    /// The name leads to an address that may not be asked. Nothing was sent.
    #[error("the host leads to an address that is not public")]
    NotPublic,
    /// The file is larger than the limit.
    #[error("the file is larger than {size_max} bytes: raise media_max_bytes if it is wanted")]
    TooLarge {
        /// The limit, in bytes.
        size_max: u64,
    },
    /// The answer is compressed, which was not asked for.
    #[error("the file came in an encoding that was not asked for")]
    Encoded,
    /// The answer was empty, or ended before its end.
    #[error("the file was cut off")]
    Cut,
    /// It took too long.
    #[error("the file did not arrive in time")]
    Timeout,
    /// The host does not answer or has trouble: try later.
    #[error("the host has trouble: {what}")]
    Unavailable {
        /// How it showed.
        what: String,
    },
    /// Another answer that is no file.
    #[error("the host refused the request ({status})")]
    Refused {
        /// The status code.
        status: u16,
    },
}

impl MediaFault {
    /// The stable name, for rows and the API's error code.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "media_expired",
            Self::Account(Trouble::Challenged { .. }) => "challenged",
            Self::Account(Trouble::Blocked) => "upstream_blocked",
            Self::Account(_) => "needs_login",
            Self::Throttled { .. } => "rate_limited",
            Self::Redirected => "media_redirected",
            Self::NotMedia => "media_not_media",
            Self::NotPublic => "media_host_not_allowed",
            Self::TooLarge { .. } => "media_too_large",
            Self::Encoded => "media_encoded",
            Self::Cut => "media_cut_off",
            Self::Timeout => "media_timeout",
            Self::Unavailable { .. } => "media_unavailable",
            Self::Refused { .. } => "media_refused",
        }
    }

    /// Whether the same question may have another answer later, without a new link.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Cut | Self::Timeout | Self::Unavailable { .. })
    }
}

/// Fetches attachments.
#[derive(Clone)]
pub struct MediaGate {
    egress: FileEgress,
    /// Where LinkedIn's main host is.
    upstream: Upstream,
    /// What stands for the main host; the host itself when `None`.
    main: Option<Upstream>,
    /// What stands for all other hosts; the hosts themselves when `None`.
    others: Option<Upstream>,
    now_ms: NowMs,
}

impl MediaGate {
    /// A gate to LinkedIn's hosts, or to what stands for them: another upstream stands for all of them, and a media
    /// address for those besides the main one.
    pub fn new(upstream: Upstream, media: Option<Upstream>, now_ms: NowMs) -> Result<Self, EgressUnavailable> {
        Self::with_lookup(upstream, media, now_ms, Arc::new(SystemLookup))
    }

    /// The same with another way to look names up.
    pub fn with_lookup(
        upstream: Upstream,
        media: Option<Upstream>,
        now_ms: NowMs,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, EgressUnavailable> {
        let (main, others) = stand_ins(&upstream, media);
        let local = main.iter().chain(&others).filter_map(Upstream::local).collect();
        Ok(Self { egress: FileEgress::new(lookup, local)?, upstream, main, others, now_ms })
    }

    /// A gate whose requests go to something that stands for the network.
    #[cfg(feature = "simulation")]
    pub fn simulated(upstream: Upstream, media: Option<Upstream>, now_ms: NowMs, door: Arc<dyn Transport>) -> Self {
        let (main, others) = stand_ins(&upstream, media);
        let local = main.iter().chain(&others).filter_map(Upstream::local).collect();
        Self { egress: FileEgress::simulated(door, local), upstream, main, others, now_ms }
    }

    /// Fetches the bytes of an address. The session is used only when the address needs it.
    pub async fn fetch(
        &self,
        address: &MediaAddress,
        session: Option<&Session>,
        limits: MediaLimits,
    ) -> Result<MediaBody, MediaFault> {
        let with_cookies = match (address.needs_cookies(), session) {
            (true, Some(session)) => Some(session),
            (true, None) => return Err(needs_login("there is no session for this address")),
            (false, _) => None,
        };
        let url = address.at(if address.needs_cookies() { self.main.as_ref() } else { self.others.as_ref() });
        let headers = self.headers(with_cookies)?;
        let body_max = usize::try_from(limits.size_max).unwrap_or(usize::MAX);
        let total = Duration::from_millis(limits.total_ms);
        let answer = self.egress.get(url, headers, FileLimits { body_max, total }).await;
        let answer = answer.map_err(|fault| meaning::of_fault(fault, limits.size_max))?;
        let now_ms = (self.now_ms)();
        let mut renewed = None;
        if let Some(before) = with_cookies {
            let mut after = before.clone();
            if verdict::merge_cookies(&mut after, &answer.headers, self.upstream.host(), now_ms) {
                return Err(needs_login("LinkedIn ended the session"));
            }
            renewed = (after != *before).then_some(after);
        }
        let body = meaning::of_answer(answer, address, now_ms)?;
        Ok(MediaBody { renewed, ..body })
    }

    fn headers(&self, session: Option<&Session>) -> Result<HeaderMap, MediaFault> {
        let mut headers = match session {
            Some(session) => request::media_headers(&self.upstream, session)
                .map_err(|_| needs_login("the stored session cannot be used"))?,
            None => HeaderMap::from_iter([
                (ACCEPT, HeaderValue::from_static("*/*")),
                (USER_AGENT, HeaderValue::from_static(concat!("threadkeep/", env!("CARGO_PKG_VERSION")))),
            ]),
        };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Ok(headers)
    }
}

/// What stands for LinkedIn's main host and for all others; `None` for the hosts themselves.
fn stand_ins(upstream: &Upstream, media: Option<Upstream>) -> (Option<Upstream>, Option<Upstream>) {
    let is_real = upstream.as_str().trim_end_matches('/') == REAL_UPSTREAM;
    let main = (!is_real).then(|| upstream.clone());
    let others = media.or_else(|| main.clone());
    (main, others)
}

fn told(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Challenged { .. } => "LinkedIn asks for a check: pass it in a browser, then connect the account again",
        Trouble::Blocked => "LinkedIn refuses this machine: wait, and look whether the account works in a browser",
        _ => "LinkedIn does not accept the session: connect the account again",
    }
}

fn needs_login(what: &str) -> MediaFault {
    MediaFault::Account(Trouble::NeedsLogin { what: what.to_owned() })
}
