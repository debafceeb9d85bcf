//! What every page has: the policy that lets nothing of strangers run or load, the frame around it, and the page of an
//! error.

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::assets;
use super::visitor::Visitor;
use crate::http::{Fault, FaultCode};
use crate::refusal::Refusal;
use crate::verbs::keys::Scope;

/// Nothing but our own files is loaded, run or framed, forms go to us alone, and no text becomes a script.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Longest body of an error that is made a page, in bytes.
const ERROR_MAX: usize = 16 * 1024;

/// What is around the content of a page.
pub(super) struct Frame {
    /// What the page is called.
    pub(super) title: String,
    /// Which of the places in the bar it is: `inbox`, `search`, `sync`, `import`.
    pub(super) place: &'static str,
    /// What forms carry.
    pub(super) secret: String,
    /// What stands in the box for searching.
    pub(super) query: String,
    /// Whether the key may ask for syncs.
    pub(super) may_sync: bool,
    /// Whether the key may import.
    pub(super) may_import: bool,
    /// Whether the key may have attachments.
    pub(super) may_media: bool,
}

impl Frame {
    /// The frame of a page for somebody.
    pub(super) fn of(visitor: &Visitor, place: &'static str, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            place,
            secret: visitor.form_secret.clone(),
            query: String::new(),
            may_sync: visitor.caller.may(Scope::Sync),
            may_import: visitor.caller.may(Scope::Admin),
            may_media: visitor.caller.may(Scope::Media),
        }
    }

    pub(super) fn style(&self) -> &'static str {
        assets::style()
    }

    pub(super) fn script(&self) -> &'static str {
        assets::script()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }
}

/// What stands where there is nothing else: in words, and where to go.
pub(super) struct Empty {
    /// What is so.
    pub(super) what: String,
    /// What to do.
    pub(super) remedy: String,
    /// A link to where it is done, with its words.
    pub(super) link: Option<(String, &'static str)>,
}

#[derive(Template)]
#[template(path = "error.html", whitespace = "minimize")]
struct ErrorPage<'a> {
    style: &'static str,
    icon: &'static str,
    status: u16,
    title: &'a str,
    text: &'a str,
    code: &'a str,
    is_login: bool,
}

#[derive(Template)]
#[template(path = "passing.html", whitespace = "minimize")]
struct Passing<'a> {
    style: &'static str,
    icon: &'static str,
    place: &'a str,
}

/// The body of an error, as the API has it.
#[derive(Deserialize)]
struct Told {
    message: String,
}

/// Whether a path belongs to the viewer.
pub(super) fn is_ours(path: &str) -> bool {
    path == "/ui" || path.starts_with(super::HOME)
}

/// Whether whoever asks is to see a page, and not an answer for programs.
pub(crate) fn wants_page(request: &Request<Body>) -> bool {
    is_ours(request.uri().path()) && prefers_pages(request.headers())
}

/// Whether a person looks at it: only browsers that open a page say so.
pub(super) fn prefers_pages(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|one| one.trim().starts_with("text/html"))
}

/// Makes an answer of a template.
pub(super) fn show(template: &impl Template) -> Result<Response, Fault> {
    show_as(StatusCode::OK, template)
}

/// The same with another status.
pub(super) fn show_as(status: StatusCode, template: &impl Template) -> Result<Response, Fault> {
    let text = template.render().map_err(|_| Refusal::Internal("a page could not be written".into()))?;
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    // Browsers send a form of a page without a referrer as if it came from nowhere, which no server should take.
    headers.insert(header::REFERRER_POLICY, SAME_ORIGIN);
    headers.insert(OPENER, SAME_ORIGIN);
    headers.insert(RESOURCE, SAME_ORIGIN);
    Ok(response)
}

/// A page that leads on to a place of ours at once.
pub(super) fn passing_on(place: &str) -> Result<Response, Fault> {
    show(&Passing { style: assets::style(), icon: assets::icon(), place })
}

/// Makes a page of an error that is for a person; everything else stays as it is.
pub(crate) async fn as_page(response: Response) -> Response {
    let Some(FaultCode { code, .. }) = response.extensions().get().copied() else { return response };
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, ERROR_MAX).await.unwrap_or_default();
    let told: Option<Told> = serde_json::from_slice(&bytes).ok();
    let text = told.map_or_else(|| "try again".to_owned(), |told| told.message);
    let page = ErrorPage {
        style: assets::style(),
        icon: assets::icon(),
        status: parts.status.as_u16(),
        title: title(parts.status),
        text: &text,
        code,
        is_login: parts.status == StatusCode::UNAUTHORIZED,
    };
    match show_as(parts.status, &page) {
        Ok(page) => {
            let (new, body) = page.into_parts();
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.extend(new.headers);
            Response::from_parts(parts, body)
        }
        Err(_) => Response::from_parts(parts, Body::from(bytes)),
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::FORBIDDEN => "This is not allowed",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here",
        StatusCode::CONFLICT => "This does not fit",
        StatusCode::TOO_MANY_REQUESTS => "Too fast",
        StatusCode::MISDIRECTED_REQUEST => "Not by this name",
        StatusCode::INSUFFICIENT_STORAGE => "The disk is full",
        status if status.is_server_error() => "Something went wrong",
        _ => "This request is not usable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_for_browsers_that_open_one() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            prefers_pages(&headers)
        };
        assert!(accepts("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(!accepts("*/*") && !accepts("application/json") && !accepts("image/avif,image/webp,*/*"));
        assert!(is_ours("/ui") && is_ours("/ui/x") && !is_ours("/uix") && !is_ours("/linkedin/ui/"));
    }
}
