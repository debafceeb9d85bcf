//! What an answer to the question for a file means: the file, or which fault (upstream protocol 1.5 and 6.2).
//!
//! Pure. An error page is never a file: only a 200 whose bytes were looked at is one. A session is called dead only when
//! the answer says so; a refused link is not such a sign, because links expire.

use bytes::Bytes;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use super::address::MediaAddress;
use super::file_name;
use super::gate::{MediaBody, MediaFault};
use super::media_type::{MediaType, looks_like_markup};
use crate::source::egress::{Answer, EgressFault};
use crate::source::voyager::verdict::{Verdict, redirected_to_login, retry_after, verdict};

/// Longest declared type that is kept, in bytes.
const DECLARED_MAX: usize = 100;

/// What a missing answer means.
pub fn of_fault(fault: EgressFault, size_max: u64) -> MediaFault {
    match fault {
        EgressFault::ForbiddenAddress => MediaFault::NotPublic,
        EgressFault::TooLarge => MediaFault::TooLarge { size_max },
        EgressFault::Timeout => MediaFault::Timeout,
        EgressFault::Cut => MediaFault::Cut,
        EgressFault::NoConnection | EgressFault::Failed | EgressFault::BadRequest => {
            MediaFault::Unavailable { what: fault.to_string() }
        }
    }
}

/// What an answer means. Only a host of LinkedIn's can say anything about the account, and only one that was given the
/// session can say anything about that.
pub fn of_answer(answer: Answer, address: &MediaAddress, now_ms: i64) -> Result<MediaBody, MediaFault> {
    let status = answer.status;
    let account = || match verdict(&answer, now_ms) {
        Verdict::Bad(trouble) if address.is_linkedin() => MediaFault::Account(trouble),
        _ => MediaFault::Refused { status },
    };
    match status {
        200 => of_file(answer),
        300..=399 => Err(match redirected_to_login(&answer.headers).filter(|_| address.needs_cookies()) {
            Some(trouble) => MediaFault::Account(trouble),
            None => MediaFault::Redirected,
        }),
        401 | 403 | 404 | 410 => Err(MediaFault::Expired { status }),
        429 => Err(MediaFault::Throttled { retry_after_ms: retry_after(&answer.headers, now_ms) }),
        999 => Err(account()),
        408 | 500..=599 => Err(MediaFault::Unavailable { what: format!("status {status}") }),
        _ => Err(MediaFault::Refused { status }),
    }
}

fn of_file(answer: Answer) -> Result<MediaBody, MediaFault> {
    let Answer { headers, body, .. } = answer;
    let is_plain = |encoding: &[u8]| encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(|encoding| is_plain(encoding.as_bytes().trim_ascii())) {
        return Err(MediaFault::Encoded);
    }
    if body.is_empty() {
        return Err(MediaFault::Cut);
    }
    let declared_type = declared(&headers);
    if is_page(&body, declared_type.as_deref(), &headers) {
        return Err(MediaFault::NotMedia);
    }
    let media_type = MediaType::of(&body);
    let file_name = file_name::of_headers(&headers);
    Ok(MediaBody { bytes: Bytes::from(body), media_type, declared_type, file_name, renewed: None })
}

/// Whether a page came instead of a file. A page may itself be an attachment, which then says that it is one, or is
/// declared as a document.
fn is_page(body: &[u8], declared: Option<&str>, headers: &HeaderMap) -> bool {
    let is_attachment = headers.get(CONTENT_DISPOSITION).is_some_and(|disposition| {
        disposition.as_bytes().trim_ascii_start().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"attachment"))
    });
    let is_possible = declared.is_none_or(|declared| {
        let is_seen = ["image/", "video/", "audio/"].iter().any(|kind| declared.starts_with(kind));
        (is_seen && declared != "image/svg+xml") || matches!(declared, "text/html" | "application/xhtml+xml")
    });
    !is_attachment && is_possible && looks_like_markup(body)
}

/// The declared type without its parameters, when it is made of a type's letters.
fn declared(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next()?.trim().to_ascii_lowercase();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._".contains(&byte);
    let is_type = essence.len() <= DECLARED_MAX && essence.contains('/') && essence.bytes().all(is_letter);
    is_type.then_some(essence)
}
