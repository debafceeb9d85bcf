//! Signing in with an API key, and out again.
//!
//! The key is sent once, in a form, and is neither kept by the page nor put into the cookie. Wrong keys cost what they
//! cost at the API, so that guessing ends early.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::form::Form;
use super::visitor::{self, Visitor, next_place};
use super::{assets, page};
use crate::http::{Fault, Params, Room, address, note_refused_sign_in, turned_away, welcomed};
use crate::refusal::Refusal;
use crate::verbs::keys::Caller;
use crate::verbs::sign_in::{self, SignedIn};

#[derive(Template)]
#[template(path = "login.html", whitespace = "minimize")]
struct LoginPage<'a> {
    style: &'static str,
    icon: &'static str,
    next: &'a str,
    /// What went wrong, or what has just happened.
    notice: Option<&'static str>,
    is_wrong: bool,
}

/// `GET /ui/login`
pub(super) async fn page(signed_in: Result<Visitor, Response>, mut params: Params) -> Result<Response, Fault> {
    let next = params.take("next").unwrap_or_default();
    let is_over = params.take("over").is_some();
    if signed_in.is_ok() {
        return Ok(Redirect::to(next_place(&next)).into_response());
    }
    show(StatusCode::OK, &next, is_over.then_some("You are signed out."))
}

/// `POST /ui/login`
pub(super) async fn enter(State(room): State<Arc<Room>>, request: Request) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let mut form = Form::read(&room, body).await?;
    let next = form.take("next").unwrap_or_default();
    let presented = form.need("key")?;
    let opened = match sign_in::open(&room.app, &presented, address(&parts.extensions)).await {
        Ok(opened) => opened,
        Err(refusal) => return refused(&parts, &room, &next, (&presented, refusal)).await,
    };
    welcomed(&parts, &room, opened.caller)?;
    if let Some(before) = visitor::token(&parts.headers)
        && let Ok(SignedIn { caller, .. }) = sign_in::who(&room.app, before).await
    {
        let caller = Caller { address: address(&parts.extensions), ..caller };
        sign_in::close(&room.app, &caller, before).await?;
    }
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("next", next_place(&next)).finish();
    let mut response = Redirect::to(&format!("/ui/entered?{query}")).into_response();
    if let Some(cookie) = visitor::given(&opened.token) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Whoever was refused pays for it, and it is noted unless it was beyond the rate.
async fn refused(
    parts: &Parts,
    room: &Room,
    next: &str,
    (presented, refusal): (&str, Refusal),
) -> Result<Response, Fault> {
    let (status, fault, notice) = match &refusal {
        Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, Fault::InvalidKey, WRONG_KEY),
        Refusal::ScopeRequired(scope) => (StatusCode::FORBIDDEN, Refusal::ScopeRequired(scope).into(), NO_READER),
        _ => return Err(refusal.into()),
    };
    match turned_away(&parts.extensions, room, fault) {
        beyond @ Fault::TooManyRequests => Err(beyond),
        _ => {
            note_refused_sign_in(&parts.extensions, room, presented, &refusal).await;
            show(status, next, Some(notice))
        }
    }
}

const WRONG_KEY: &str =
    "This key does not work. It may be mistyped or revoked; `threadkeep key create` makes a new one.";
const NO_READER: &str = "This key may not read: use one with the scope read.";
const NOT_KEPT: &str = "The browser did not keep the session. Some browsers keep it over TLS only: use another one, or \
                        serve with --tls-cert and --tls-key.";

/// `GET /ui/entered`: goes on when the browser has kept the cookie, and says so when it has not.
pub(super) async fn entered(signed_in: Result<Visitor, Response>, mut params: Params) -> Result<Response, Fault> {
    let next = params.take("next").unwrap_or_default();
    match signed_in {
        Ok(_) => Ok(Redirect::to(next_place(&next)).into_response()),
        Err(_) => show(StatusCode::OK, &next, Some(NOT_KEPT)),
    }
}

/// `POST /ui/logout`
pub(super) async fn leave(
    State(room): State<Arc<Room>>,
    visitor: Visitor,
    headers: axum::http::HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    Form::of(&visitor, &room, body).await?;
    if let Some(token) = visitor::token(&headers) {
        sign_in::close(&room.app, &visitor.caller, token).await?;
    }
    let mut response = Redirect::to("/ui/login?over=1").into_response();
    if let Some(cookie) = visitor::taken() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn show(status: StatusCode, next: &str, notice: Option<&'static str>) -> Result<Response, Fault> {
    let is_wrong = status != StatusCode::OK || notice == Some(NOT_KEPT);
    let page = LoginPage { style: assets::style(), icon: assets::icon(), next: next_place(next), notice, is_wrong };
    page::show_as(status, &page)
}
