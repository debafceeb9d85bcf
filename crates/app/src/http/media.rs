//! Bytes of attachments: `POST /conversations/download-media` (HTTP contract 2.3), and our own link of each attachment.
//!
//! The bytes come from strangers. They are sent with the type that they were seen to have, to be saved and not shown
//! unless they are an image of the few safe kinds, and under a policy that lets nothing in them run.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use threadkeep_core::id::{InvalidId, MessageId};
use utoipa::openapi::{self, RefOr};
use utoipa::{IntoResponses, ToSchema};

use super::Room;
use super::accounts::within_reach;
use super::answer::{Fault, invalid};
use super::body::Fields;
use super::caller::MediaReader;
use super::document::{PreferParam, RangeParams};
use super::params::Params;
use super::prefer::patience;
use crate::refusal::Refusal;
use crate::store::Account;
use crate::verbs::media::{self, Here, Wanted};

/// Nothing in an attachment may run, load or send anything.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");
/// Kept by the caller alone, and asked for again by its hash.
const CACHING: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What both ways to an attachment may be refused with: status and codes, as the document tells them.
const REFUSALS: [(&str, &str); 9] = [
    ("409", "needs_login, conflict, media_off"),
    ("410", "media_gone"),
    ("416", "invalid_range"),
    ("422", "media_refused, media_host_not_allowed"),
    ("500", "secret_unreadable"),
    ("502", "media_unavailable"),
    ("503", "media_store_unavailable"),
    ("504", "media_pending"),
    ("507", "storage_full"),
];

/// [`REFUSALS`] in the description of a handler.
struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        REFUSALS.map(|(status, codes)| (status.to_owned(), RefOr::T(openapi::Response::new(codes)))).into()
    }
}

/// What is to be downloaded.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "told in the document; the handler takes the fields one by one")]
struct DownloadBody {
    /// The account whose message has the attachment.
    #[schema(pattern = "^[0-9a-f]{24}$")]
    account_id: String,
    /// The `url` of an attachment, as a message shows it, or of a picture of a participant.
    #[schema(min_length = 1, max_length = 2048)]
    url: String,
}

/// Download an attachment
///
/// The bytes, from the mirror's own copy when it has one; else they are fetched from LinkedIn and waited for. `Prefer` says
/// how long. What comes later than that answers 504 `media_pending`, and is there when it is asked for again.
#[utoipa::path(post, path = "/conversations/download-media", operation_id = "conversations-download-media",
    tag = "conversations", security(("key" = ["media"])),
    params(PreferParam, RangeParams),
    request_body = DownloadBody,
    responses(
        (status = 200, description = "The bytes, with their own type", body = String, content_type = "*/*"),
        (status = 206, description = "A part of the bytes", body = String, content_type = "*/*"),
        (status = 304, description = "The copy named by `If-None-Match` is the present one"),
        (status = 404, description = "account_not_found"),
        Refusals
    ))]
pub(super) async fn download(
    State(room): State<Arc<Room>>,
    MediaReader(caller): MediaReader,
    headers: HeaderMap,
    params: Params,
    body: Body,
) -> Result<Response, Fault> {
    params.finish()?;
    let mut fields = Fields::read(body, &room.settings).await?;
    let named = fields.take_text("accountId")?;
    let url = fields.take_text("url")?;
    fields.finish()?;
    let named = named.ok_or_else(|| invalid("accountId", "the account whose message has the attachment"))?;
    let url = url.ok_or_else(|| invalid("url", "the url of an attachment, as a message shows it"))?;
    let account = within_reach(&room.app, &caller, &named).await?;
    send(&room, &account, Wanted::Url(&url), &headers).await
}

/// One attachment of a message
///
/// Our own link, as an attachment's `link` has it: the same bytes and headers as a download.
#[utoipa::path(get, path = "/media/{accountId}/{messageUrn}/{ordinal}", operation_id = "get-attachment",
    tag = "conversations", security(("key" = ["media"])),
    params(PreferParam, RangeParams),
    responses(
        (status = 200, description = "The bytes, with their own type", body = String, content_type = "*/*"),
        (status = 206, description = "A part of the bytes", body = String, content_type = "*/*"),
        (status = 304, description = "The copy named by `If-None-Match` is the present one"),
        (status = 404, description = "account_not_found, not_found"),
        Refusals
    ))]
pub(super) async fn linked(
    State(room): State<Arc<Room>>,
    MediaReader(caller): MediaReader,
    path: Result<Path<(String, String, String)>, PathRejection>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Fault> {
    params.finish()?;
    let malformed = || invalid("path", "/media/ACCOUNT/MESSAGE/NUMBER, as the link of an attachment has it");
    let unknown = || Fault::from(Refusal::NotFound("no such attachment".into()));
    let Path((account, message, ordinal)) = path.map_err(|_| malformed())?;
    let message = MessageId::parse(&message).map_err(|error| match error {
        InvalidId::WrongKind => unknown(),
        _ => malformed(),
    })?;
    let ordinal = ordinal.parse::<u32>().map_err(|_| malformed())?;
    let account = within_reach(&room.app, &caller, &account).await?;
    send(&room, &account, Wanted::Place { message: &message, ordinal }, &headers).await
}

/// The bytes of an attachment as an answer; what is not here is asked for and waited for.
pub(crate) async fn send(
    room: &Room,
    account: &Account,
    wanted: Wanted<'_>,
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    let patience = patience(headers, &room.app.sync);
    let until = room.app.clock.now().plus_ms(patience.wait_ms);
    let wait = async {
        let found = media::fetched(&room.app, account, wanted, until).await?;
        if is_known(headers, &found) {
            return Ok(not_modified(&found));
        }
        let Some(part) = part(headers, &found) else {
            return Ok(out_of_range(&found));
        };
        let is_part = part.is_some();
        let (found, object) = media::read(&room.app, account, wanted, |_| part.clone(), until).await?;
        let mut response = described(StatusCode::OK, &found, Body::from(object.bytes));
        if is_part {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last = object.range.end.saturating_sub(1);
            let range = format!("bytes {}-{last}/{}", object.range.start, object.size_bytes);
            put(&mut response, header::CONTENT_RANGE, &range);
        }
        Ok::<Response, Fault>(response)
    };
    let mut response = tokio::select! {
        response = wait => response?,
        () = room.stop.asked() => return Err(Refusal::MediaPending.into()),
    };
    if let Some(applied) = patience.applied {
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

fn described(status: StatusCode, found: &Here, body: Body) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(found.content_type()));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, CACHING);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    put(&mut response, header::CONTENT_DISPOSITION, &found.disposition());
    put(&mut response, header::ETAG, &tag(found));
    response
}

fn not_modified(found: &Here) -> Response {
    let mut response = described(StatusCode::NOT_MODIFIED, found, Body::empty());
    for name in [header::CONTENT_TYPE, header::CONTENT_DISPOSITION] {
        response.headers_mut().remove(name);
    }
    response
}

fn out_of_range(found: &Here) -> Response {
    let mut response = Fault::OutOfRange.into_response();
    put(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", found.object.size_bytes));
    response
}

fn tag(found: &Here) -> String {
    format!("\"sha256-{}\"", found.object.hash)
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Whether the caller has these bytes already (RFC 9110 13.1.2).
fn is_known(headers: &HeaderMap, found: &Here) -> bool {
    let own = tag(found);
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == own)
}

/// Which part is asked for: `Some(None)` is all of it, `None` one that does not exist (RFC 9110 14.2). Several parts, a
/// part of other bytes, and what is no range of bytes mean all.
fn part(headers: &HeaderMap, found: &Here) -> Option<Option<Range<u64>>> {
    let is_of_these = headers.get(header::IF_RANGE).is_none_or(|one| one.as_bytes() == tag(found).as_bytes());
    let mut given = headers.get_all(header::RANGE).iter();
    let (Some(range), None, true) = (given.next(), given.next(), is_of_these) else { return Some(None) };
    match range.to_str().ok().and_then(bounds) {
        None => Some(None),
        Some(bounds) => within(bounds, found.object.size_bytes).map(Some),
    }
}

/// First and last byte as written; a missing first one means so many from the end.
fn bounds(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, set) = text.split_once('=')?;
    let (first, last) = set.trim().split_once('-')?;
    let number = |digits: &str| match digits.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    };
    let (first, last) = (number(first)?, number(last)?);
    let is_range = first.is_some() || last.is_some();
    let is_forward = first.zip(last).is_none_or(|(first, last)| first <= last);
    (unit.trim().eq_ignore_ascii_case("bytes") && is_range && is_forward).then_some((first, last))
}

fn within(bounds: (Option<u64>, Option<u64>), size_bytes: u64) -> Option<Range<u64>> {
    let range = match bounds {
        (Some(first), last) => first..last.map_or(size_bytes, |last| last.saturating_add(1)).min(size_bytes),
        (None, last) => size_bytes.saturating_sub(last.unwrap_or_default())..size_bytes,
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, size_bytes: u64) -> Option<Option<Range<u64>>> {
        match bounds(text) {
            None => Some(None),
            Some(bounds) => within(bounds, size_bytes).map(Some),
        }
    }

    #[test]
    fn single_ranges_are_obeyed_and_everything_strange_means_all() {
        let cases = [
            ("bytes=0-0", Some(Some(0..1))),
            ("bytes=2-", Some(Some(2..10))),
            ("bytes=-3", Some(Some(7..10))),
            ("bytes=-30", Some(Some(0..10))),
            ("bytes=5-99", Some(Some(5..10))),
            ("BYTES = 1-2", Some(Some(1..3))),
            ("bytes=10-", None),
            ("bytes=-0", None),
            ("bytes=10-99999999999", None),
            ("bytes=3-2", Some(None)),
            ("bytes=0-1,3-4", Some(None)),
            ("bytes=-", Some(None)),
            ("bytes=a-b", Some(None)),
            ("bytes=99999999999999999999-", Some(None)),
            ("lines=0-1", Some(None)),
            ("nonsense", Some(None)),
        ];
        for (text, expected) in cases {
            assert_eq!(asked(text, 10), expected, "{text}");
        }
        assert_eq!(asked("bytes=0-", 0), None);
    }
}
