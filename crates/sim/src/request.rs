//! What comes in and what goes out, as plain values, so that the simulator can be asked in process.
//!
//! No HTTP library's type appears here and nothing is parsed beyond splitting a target and a header list.

use std::fmt;

/// One HTTP request.
#[derive(Clone, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query exactly as sent, for example `/voyager/api/me?x=1`.
    pub target: String,
    /// Headers in the order sent; names compare without regard to case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Where it came in.
    pub listener: Listener,
}

/// Which of the simulator's two doors a request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listener {
    /// The one that stands for `www.linkedin.com`; everything is served there.
    #[default]
    Site,
    /// The one that stands for hosts without cookies: `media.licdn.com` and the GIFs.
    Media,
}

/// How the bytes of a body go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// As fast as they can.
    #[default]
    AtOnce,
    /// Piece by piece, with a pause before each.
    Drip {
        /// Bytes of a piece.
        piece_bytes: usize,
        /// How long to wait before a piece.
        pause_ms: u64,
    },
    /// Over and over again without an announced length, until so many bytes went out.
    Repeat {
        /// Bytes after which it stops.
        total_bytes: u64,
    },
}

/// What the simulator does with a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It answers.
    Answer(Answer),
    /// It closes the connection without a word.
    Reset,
}

/// One HTTP answer.
#[derive(Clone, Default)]
pub struct Answer {
    /// Status code; 999 occurs.
    pub status: u16,
    /// Headers without `content-length`.
    pub headers: Vec<(String, String)>,
    /// The whole body, also when only a part of it will be sent.
    pub body: Vec<u8>,
    /// How long to wait before the first byte.
    pub delay_ms: u64,
    /// Promise the whole body, send this many bytes, then break the connection.
    pub cut_after: Option<usize>,
    /// Promise so many bytes, whatever the body has: what is more is left out, and for want of more the connection breaks.
    pub claimed_bytes: Option<u64>,
    /// How the body goes out.
    pub pace: Pace,
    /// The body may be sent compressed when the client asked for it.
    pub may_compress: bool,
}

impl Listener {
    /// Whether this is the door of hosts without cookies.
    pub fn is_media(self) -> bool {
        self == Self::Media
    }
}

impl Request {
    /// A request without a body.
    pub fn get(target: &str) -> Self {
        Self { method: "GET".to_owned(), target: target.to_owned(), ..Self::default() }
    }

    /// A request with a body.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { method: "POST".to_owned(), target: target.to_owned(), body: body.into(), ..Self::default() }
    }

    /// The same request with one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header of that name.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The raw query, empty when there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Self::typed(status, "application/json; charset=UTF-8", body)
    }

    /// An answer with a plain text body.
    pub fn text(status: u16, body: &str) -> Self {
        Self::typed(status, "text/plain; charset=UTF-8", body.as_bytes().to_vec())
    }

    /// An answer with a web page.
    pub fn html(status: u16, body: &str) -> Self {
        Self::typed(status, "text/html; charset=utf-8", body.as_bytes().to_vec())
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// LinkedIn's short error body, `{"status":400}`.
    pub fn bare_status(status: u16) -> Self {
        Self::json(status, format!("{{\"status\":{status}}}").into_bytes())
    }

    /// The same answer with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn typed(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body, may_compress: true, ..Self::default() }
    }
}

/// Shows no header value and no body: they hold cookies and texts.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Shows no header value and no body: they hold cookies and texts.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("delay_ms", &self.delay_ms)
            .field("cut_after", &self.cut_after)
            .field("claimed_bytes", &self.claimed_bytes)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
