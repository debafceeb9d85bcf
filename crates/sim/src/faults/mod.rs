//! Trouble by configuration: which faults there are, how often they strike and with which particulars.
//!
//! Everything here is a plain value that is checked before it is taken. A configuration that is not understood changes
//! nothing.

mod bodies;
mod draw;
mod presets;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::Purpose;

pub use bodies::{Disguise, LengthLie, RedirectTarget};
pub use draw::{Drawn, FaultState};

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The answer waits.
    Latency,
    /// The connection is closed before the answer.
    Reset,
    /// The connection breaks inside the body.
    CutBody,
    /// 200 with a body that is not what was asked for.
    MalformedBody,
    /// 429.
    RateLimited,
    /// 500, 502, 503 or 504.
    ServerError,
    /// 999.
    BotWall,
    /// 302 to itself, deleting `li_at`.
    RevokedRedirect,
    /// 401.
    Unauthorized,
    /// 200 with a login page.
    HtmlWall,
    /// 302 to a checkpoint.
    Checkpoint,
    /// 403 `CSRF check failed.`
    CsrfFailed,
    /// A new `JSESSIONID`.
    RotateSessionCookie,
    /// A new `lidc`.
    RotateRoutingCookie,
    /// A new `li_at`; the old one stays good.
    RotateLoginCookie,
    /// A page whose cursor leads to itself.
    RepeatedPage,
    /// A page that begins too early.
    ShiftedPage,
    /// A page without items whose cursor leads to the page that should have come.
    EmptyPage,
    /// A last page with a cursor behind which old items repeat for ever.
    EndlessPage,
    /// A page whose cursor leads back to an earlier one.
    CursorCycle,
    /// `shouldClearCache` on an answer to a token.
    ClearCache,
    /// An answer from a replica that lags behind.
    StaleAnswer,
    /// 200 with `errors` and no collection.
    ErrorsAnswer,
    /// One record of the page has the wrong shape.
    OddRecord,
    /// The items of the page come in another order.
    ReorderedPage,
    /// The body comes in drips.
    SlowBody,
    /// The body has no length and nearly no end.
    EndlessBody,
    /// A small body that unpacks to an enormous one.
    GzipBomb,
    /// The link to a file is renewed: this one is refused from now on.
    ExpiredLink,
    /// 200 with a login page in place of a file.
    LoginPage,
    /// 302 in place of a file.
    Redirect,
    /// The promised length of a file is not its length.
    WrongLength,
    /// Something else comes under the type of the file.
    WrongType,
}

/// How often a kind of trouble strikes, and how.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Probability for each request that it concerns, 0 to 1.
    #[serde(default)]
    pub rate: f64,
    /// Strikes on these requests for certain, counted from 1 among those that it concerns since it was set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<u64>,
    /// Once it strikes, this many requests in a row suffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Strikes at most this often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Concerns requests of these purposes only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Purpose>,
    /// Concerns requests only whose path contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `latency`: shortest wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ms: Option<u64>,
    /// `latency`: longest wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
    /// `cut_body`: bytes that still arrive; a random number without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<usize>,
    /// `malformed_body`: what is wrong; a random form without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Malformation>,
    /// `rate_limited`: value of `Retry-After` in seconds; no such header without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<i64>,
    /// `rate_limited`: the very text of `Retry-After`, for dates and nonsense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_text: Option<String>,
    /// `server_error`: the status; a random one of 500, 502, 503, 504 without it. `expired_link`: 403 (default), 404, 410.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Forms of a dead session: whether the session is dead afterwards. Default true, false for `csrf_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_session_kills: Option<bool>,
    /// `rotate_session_cookie`: the old value stays good until the new one was used. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<bool>,
    /// `shifted_page`: most items by which the page begins too early. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<usize>,
    /// `stale_answer`: how far the replica lags behind. Default 2000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<i64>,
    /// `slow_body`: bytes of a piece. Default 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece_bytes: Option<usize>,
    /// `slow_body`: how long to wait before each piece. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ms: Option<u64>,
    /// `endless_body`: bytes after which it stops. `gzip_bomb`: bytes that it unpacks to. Default 256 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// `wrong_length`: which lie. Default `long`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<LengthLie>,
    /// `wrong_type`: what comes. Default `html`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disguise: Option<Disguise>,
    /// `redirect`: where to. Default `login`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RedirectTarget>,
    /// `redirect`: the very target, instead of `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// What is wrong with a malformed body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Malformation {
    /// JSON that stops in the middle.
    BadJson,
    /// JSON of another shape.
    WrongShape,
    /// JSON whose quotes are HTML entities.
    HtmlEntities,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// Nested far too deeply.
    DeepNesting,
}

/// A whole configuration of trouble.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults {
    /// Particulars by kind; a kind that is not here never strikes.
    pub kinds: BTreeMap<FaultKind, Fault>,
}

/// Why a configuration of trouble is refused.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    /// The text is not JSON of the right shape.
    #[error("faults: {0}")]
    Json(#[from] serde_json::Error),
    /// A value makes no sense.
    #[error("faults: {kind}.{field}: {problem}")]
    Value {
        /// The kind of fault.
        kind: &'static str,
        /// The key.
        field: &'static str,
        /// What is wrong with it and what would be right.
        problem: &'static str,
    },
}

/// Longest wait that a fault may ask for.
pub const LATENCY_MAX_MS: u64 = 600_000;
/// Longest burst.
pub const BURST_MAX: u32 = 1_000;
/// Most request numbers in `at`.
pub const AT_MAX: usize = 10_000;

impl Faults {
    /// Reads and checks a configuration.
    pub fn from_json(text: &[u8]) -> Result<Self, FaultsError> {
        let faults: Self = serde_json::from_slice(text)?;
        faults.check()?;
        Ok(faults)
    }

    /// A preset by name: `none`, `light` or `heavy`.
    pub fn preset(name: &str) -> Option<Self> {
        presets::preset(name)
    }

    /// A configuration with one kind more.
    #[must_use]
    pub fn with(mut self, kind: FaultKind, fault: Fault) -> Self {
        self.kinds.insert(kind, fault);
        self
    }

    /// Checks every value.
    pub fn check(&self) -> Result<(), FaultsError> {
        self.kinds.iter().try_for_each(|(kind, fault)| fault.check(*kind))
    }
}

impl Fault {
    /// A fault that strikes with this probability.
    pub fn rate(rate: f64) -> Self {
        Self { rate, ..Self::default() }
    }

    /// A fault that strikes on exactly these requests.
    pub fn at(numbers: &[u64]) -> Self {
        Self { at: numbers.to_vec(), ..Self::default() }
    }

    /// Whether the session of the request is dead afterwards.
    pub fn kills(&self, kind: FaultKind) -> bool {
        self.dead_session_kills.unwrap_or(kind != FaultKind::CsrfFailed)
    }

    fn check(&self, kind: FaultKind) -> Result<(), FaultsError> {
        let refuse = |field, problem| Err(FaultsError::Value { kind: kind.name(), field, problem });
        if !(0.0..=1.0).contains(&self.rate) {
            return refuse("rate", "give a number from 0 to 1");
        }
        if self.at.len() > AT_MAX || self.at.contains(&0) {
            return refuse("at", "give at most 10000 request numbers, the first is 1");
        }
        if self.burst.is_some_and(|burst| !(1..=BURST_MAX).contains(&burst)) {
            return refuse("burst", "give a number from 1 to 1000");
        }
        if let Some(field) = self.misplaced(kind) {
            return refuse(field, "this kind of fault has no such key");
        }
        let (low, high) = (self.min_ms.unwrap_or(0), self.max_ms.unwrap_or(LATENCY_MAX_MS));
        if low > high || high > LATENCY_MAX_MS {
            return refuse("max_ms", "give at least min_ms and at most 600000");
        }
        if let Some((field, problem)) = self.check_bodies(kind) {
            return refuse(field, problem);
        }
        if self.retry_after_text.as_deref().is_some_and(is_no_header_value) {
            return refuse("retry_after_text", "give visible ASCII characters only");
        }
        if self.items.is_some_and(|items| items == 0) {
            return refuse("items", "give at least 1");
        }
        if self.lag_ms.is_some_and(|lag| lag < 0) {
            return refuse("lag_ms", "give 0 or more");
        }
        Ok(())
    }

    /// The first key that belongs to another kind of fault.
    fn misplaced(&self, kind: FaultKind) -> Option<&'static str> {
        use FaultKind as K;
        let dead = matches!(kind, K::RevokedRedirect | K::Unauthorized | K::HtmlWall | K::Checkpoint | K::CsrfFailed);
        let given = [
            ("min_ms", self.min_ms.is_some(), kind == K::Latency),
            ("max_ms", self.max_ms.is_some(), kind == K::Latency),
            ("after_bytes", self.after_bytes.is_some(), kind == K::CutBody),
            ("form", self.form.is_some(), kind == K::MalformedBody),
            ("retry_after_s", self.retry_after_s.is_some(), kind == K::RateLimited),
            ("retry_after_text", self.retry_after_text.is_some(), kind == K::RateLimited),
            ("dead_session_kills", self.dead_session_kills.is_some(), dead),
            ("overlap", self.overlap.is_some(), kind == K::RotateSessionCookie),
            ("items", self.items.is_some(), kind == K::ShiftedPage),
            ("lag_ms", self.lag_ms.is_some(), kind == K::StaleAnswer),
        ];
        given.into_iter().chain(self.body_keys(kind)).find(|(_, given, fits)| *given && !fits).map(|(name, ..)| name)
    }
}

fn is_no_header_value(text: &str) -> bool {
    !text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

impl FaultKind {
    /// The name in configurations and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Reset => "reset",
            Self::CutBody => "cut_body",
            Self::MalformedBody => "malformed_body",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::BotWall => "bot_wall",
            Self::RevokedRedirect => "revoked_redirect",
            Self::Unauthorized => "unauthorized",
            Self::HtmlWall => "html_wall",
            Self::Checkpoint => "checkpoint",
            Self::CsrfFailed => "csrf_failed",
            Self::RotateSessionCookie => "rotate_session_cookie",
            Self::RotateRoutingCookie => "rotate_routing_cookie",
            Self::RotateLoginCookie => "rotate_login_cookie",
            Self::RepeatedPage => "repeated_page",
            Self::ShiftedPage => "shifted_page",
            Self::EmptyPage => "empty_page",
            Self::EndlessPage => "endless_page",
            Self::CursorCycle => "cursor_cycle",
            Self::ClearCache => "clear_cache",
            Self::StaleAnswer => "stale_answer",
            Self::ErrorsAnswer => "errors_answer",
            Self::OddRecord => "odd_record",
            Self::ReorderedPage => "reordered_page",
            Self::SlowBody => "slow_body",
            Self::EndlessBody => "endless_body",
            Self::GzipBomb => "gzip_bomb",
            Self::ExpiredLink => "expired_link",
            Self::LoginPage => "login_page",
            Self::Redirect => "redirect",
            Self::WrongLength => "wrong_length",
            Self::WrongType => "wrong_type",
        }
    }

    /// Whether this kind can mean anything to a request of that purpose.
    pub fn concerns(self, purpose: Purpose) -> bool {
        use Purpose as P;
        let reads_pages = matches!(purpose, P::List | P::Messages);
        let has_token = matches!(purpose, P::Delta | P::MessageDelta);
        match self {
            Self::RepeatedPage | Self::ShiftedPage | Self::EmptyPage | Self::EndlessPage | Self::CursorCycle => {
                reads_pages
            }
            Self::ClearCache => has_token,
            Self::StaleAnswer => has_token || purpose == P::Messages,
            Self::OddRecord => reads_pages || has_token || purpose == P::StartToken,
            Self::ReorderedPage => reads_pages,
            Self::ErrorsAnswer => !matches!(purpose, P::Me | P::Media | P::Write | P::Other),
            Self::MalformedBody | Self::CsrfFailed => purpose != P::Media,
            Self::ExpiredLink | Self::LoginPage | Self::Redirect | Self::WrongLength | Self::WrongType => {
                purpose == P::Media
            }
            _ => true,
        }
    }
}
