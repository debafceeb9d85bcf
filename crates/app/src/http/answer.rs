//! Answers: JSON bodies, and the one body that every error has.
//!
//! The error body is the superset that all known clients read (HTTP contract 1.5). What went wrong inside the database
//! or in our code is logged, never shown: an answer tells what to do next.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::Offset;
use serde::Serialize;
use threadkeep_core::time::Timestamp;

use crate::refusal::Refusal;
use crate::store::StoreError;

/// After how many seconds a client may try again when the database did not answer.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Length of a date-time text.
const DATE_TIME_BYTES: usize = 24;

/// What the name of the scope for administration begins with, alone or with more about its reach.
const ADMIN: &str = "admin";

/// Why a request was not fulfilled.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A verb refused.
    Refused(Refusal),
    /// A key was presented, and it does not work.
    InvalidKey,
    /// The body is not a JSON object.
    InvalidJson(&'static str),
    /// The body is larger than allowed.
    TooLarge(usize),
    /// The body did not come in time.
    SlowBody,
    /// There is no such path.
    NoRoute,
    /// The path does not know this method.
    NoMethod,
    /// A key in the address would end in logs.
    CredentialsInUrl,
    /// The request is for a name that is not ours.
    WrongHost,
    /// A page of another site asks for a change.
    ForeignOrigin,
    /// A range of which an attachment has nothing.
    OutOfRange,
    /// The key or the address has asked too often.
    TooManyRequests,
    /// The answer took too long.
    TimedOut,
    /// A handler panicked.
    Panicked,
}

impl<E: Into<Refusal>> From<E> for Fault {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal.into())
    }
}

/// The code of a fault, as its answer carries it for the log of administrative acts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultCode {
    /// The stable code.
    pub(crate) code: &'static str,
    /// Whether it was refused because only an admin may do it.
    pub(super) lacks_admin: bool,
}

/// A parameter or field with a wrong value.
pub(crate) fn invalid(name: &str, what: &str) -> Fault {
    Fault::Refused(Refusal::Invalid(format!("{name}: {what}")))
}

impl Fault {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => {
                StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::InvalidKey => StatusCode::UNAUTHORIZED,
            Self::InvalidJson(_) | Self::CredentialsInUrl => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::OutOfRange => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::InvalidKey => "invalid_key",
            Self::InvalidJson(_) => "invalid_json",
            Self::TooLarge(_) => "body_too_large",
            Self::SlowBody => "body_timeout",
            Self::NoRoute => "not_found",
            Self::NoMethod => "method_not_allowed",
            Self::CredentialsInUrl => "credentials_in_url",
            Self::WrongHost => "host_not_allowed",
            Self::ForeignOrigin => "csrf",
            Self::OutOfRange => "invalid_range",
            Self::TooManyRequests => "too_many_requests",
            Self::TimedOut => "timed_out",
            Self::Panicked => "internal_error",
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Refused(Refusal::Store(error)) => store_text(error).into(),
            Self::Refused(Refusal::Internal(_)) | Self::Panicked => {
                "internal error: the log of the server has the details".into()
            }
            Self::Refused(Refusal::Secret(_)) => {
                "a stored secret cannot be opened: run `threadkeep doctor` on the server".into()
            }
            Self::Refused(refusal) => refusal.to_string(),
            Self::InvalidKey => Refusal::Unauthorized.to_string(),
            Self::InvalidJson(what) => format!("the body is not usable: {what}"),
            Self::TooLarge(max) => format!("the body is larger than {max} bytes"),
            Self::SlowBody => "the body did not come in time".into(),
            Self::NoRoute => "there is no such path: docs/API.md lists those that exist".into(),
            Self::NoMethod => "this path does not know this method: the Allow header lists those that it knows".into(),
            Self::CredentialsInUrl => {
                "a key in the URL ends in logs: send it as `Authorization: Bearer <key>`, and revoke the one in the URL"
                    .into()
            }
            Self::WrongHost => {
                "this server does not answer to that name: use its address, or allow the name in its configuration"
                    .into()
            }
            Self::OutOfRange => "the range lies outside of the attachment: Content-Range tells its size".into(),
            Self::ForeignOrigin => {
                "a page of another site asks for this: only programs with a key, and pages of this server, may".into()
            }
            Self::TooManyRequests => "too many requests: wait as long as Retry-After says".into(),
            Self::TimedOut => "the answer took too long: try again".into(),
        }
    }
}

fn store_text(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) | StoreError::LeaseLost => "the database does not answer: try again in some seconds",
        StoreError::ReadOnly(_) => {
            "the database is read-only at present: reads go on, nothing was changed; make it writable"
        }
        StoreError::Full(_) => "the disk of the database is full: free some space; nothing was changed",
        StoreError::Corrupt { .. } => "the database holds something unreadable: run `threadkeep doctor` on the server",
        StoreError::SchemaNewer { .. } => "the database was written by a newer threadkeep: install that one",
        StoreError::BadAddress(_) => "the database address cannot be used: see the log of the server",
    }
}

/// The body of every error.
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    success: bool,
    error: &'a str,
    code: &'a str,
    message: &'a str,
    /// The character of a search where its mistake is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, code, text) = (self.status(), self.code(), self.text());
        let is_expected =
            matches!(self, Self::Refused(Refusal::ReadOnlyMirror | Refusal::MediaPending | Refusal::MediaFailed(_)));
        let is_ours = status.is_server_error() && !is_expected;
        if let (true, Self::Refused(refusal)) = (is_ours, &self) {
            tracing::error!(code, %refusal, "a request could not be answered");
        }
        let position = match &self {
            Self::Refused(Refusal::Query(error)) => Some(error.position),
            _ => None,
        };
        let body = ErrorBody { success: false, error: &text, code, message: &text, position };
        let mut response = (status, Json(body)).into_response();
        let lacks_admin = matches!(self, Self::Refused(Refusal::ScopeRequired(scope)) if scope.starts_with(ADMIN));
        response.extensions_mut().insert(FaultCode { code, lacks_admin });
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let passes = matches!(self, Self::Refused(Refusal::MediaPending | Refusal::MediaFailed(_)));
        if status == StatusCode::SERVICE_UNAVAILABLE || passes {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// Answers every path that does not exist.
pub(super) async fn no_route() -> Fault {
    Fault::NoRoute
}

/// Answers every method that a path does not know.
pub(super) async fn no_method() -> Fault {
    Fault::NoMethod
}

/// A time as a date-time text with milliseconds in UTC (HTTP contract 1.4). Written by hand, because lists are full of it.
pub(super) fn date_time(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let shown = Offset::UTC.to_datetime(at);
    let Ok(year @ 0..=9_999) = u32::try_from(shown.year()) else { return format!("{at:.3}") };
    let mut text = String::with_capacity(DATE_TIME_BYTES);
    let two = |part: i8| u32::try_from(part).unwrap_or_default();
    for (number, highest, behind) in [
        (year, 1_000, '-'),
        (two(shown.month()), 10, '-'),
        (two(shown.day()), 10, 'T'),
        (two(shown.hour()), 10, ':'),
        (two(shown.minute()), 10, ':'),
        (two(shown.second()), 10, '.'),
        (u32::try_from(shown.millisecond()).unwrap_or_default(), 100, 'Z'),
    ] {
        push_digits(&mut text, number, highest);
        text.push(behind);
    }
    text
}

/// A number with the digit of this value as its first one.
fn push_digits(text: &mut String, number: u32, highest: u32) {
    let mut value = highest;
    while value > 0 {
        text.extend(char::from_digit(number / value % 10, 10));
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_jiff_writes_them() {
        let mut at = jiff::Timestamp::MIN.as_millisecond();
        while at <= jiff::Timestamp::MAX.as_millisecond() {
            let expected = format!("{:.3}", jiff::Timestamp::from_millisecond(at).unwrap());
            assert_eq!(date_time(Timestamp(at)), expected);
            at += 86_400_000 * 40 + 3_723_017;
        }
        let edges = [i64::MIN, -1, 0, 1, 999, 1_000, 951_782_399_999, 951_782_400_000];
        let written: Vec<String> = edges.into_iter().map(|at| date_time(Timestamp(at))).collect();
        assert_eq!(
            written,
            [
                "1970-01-01T00:00:00.000Z",
                "1969-12-31T23:59:59.999Z",
                "1970-01-01T00:00:00.000Z",
                "1970-01-01T00:00:00.001Z",
                "1970-01-01T00:00:00.999Z",
                "1970-01-01T00:00:01.000Z",
                "2000-02-28T23:59:59.999Z",
                "2000-02-29T00:00:00.000Z",
            ]
        );
    }
}
