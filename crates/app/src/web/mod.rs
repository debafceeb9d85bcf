//! The viewer under `/ui/`: pages for people, written on the server, that read without any script.
//!
//! A page calls verbs, as the API does, and passes the same gate; it may not touch the store or cause a request to
//! LinkedIn. Whatever came from upstream is text on a page and never markup: templates escape, and no page has a script,
//! a style or an image that is not ours. What the pages are is told in `docs/VIEWER.md`.

mod assets;
mod faces;
mod form;
mod import;
mod inbox;
mod login;
mod media;
mod message;
mod missing;
mod multipart;
mod page;
mod parts;
mod progress;
mod search;
mod sync;
mod text;
mod thread;
mod visitor;
mod when;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::http::{Fault, Room};

pub(crate) use page::{as_page, wants_page};
pub(crate) use visitor::pays_later;

/// Where the viewer begins.
const HOME: &str = "/ui/";

/// Pages that are bounded by the time of one request.
pub(crate) fn quick() -> Router<Arc<Room>> {
    Router::new()
        .route("/", get(root))
        .route("/ui", get(home))
        .route(HOME, get(inbox::page))
        .route("/ui/thread/{account}/{conversation}", get(thread::page))
        .route("/ui/search", get(search::page))
        .route("/ui/sync", get(sync::page))
        .route("/ui/sync/start", post(sync::start))
        .route("/ui/sync/cancel", post(sync::cancel))
        .route("/ui/sync/progress", get(progress::all))
        .route("/ui/sync/{account}/missing", get(missing::page))
        .route("/ui/import", get(import::page))
        .route("/ui/import/{id}", get(import::one))
        .route("/ui/import/{id}/progress", get(import::progress))
        .route("/ui/media/fetch", post(media::fetch))
        .route("/ui/login", get(login::page).post(login::enter))
        .route("/ui/entered", get(login::entered))
        .route("/ui/logout", post(login::leave))
        .route("/ui/assets/{name}", get(assets::one))
}

/// Those whose answers may take longer: an upload, and the bytes of an attachment.
pub(crate) fn waiting() -> Router<Arc<Room>> {
    Router::new()
        .route("/ui/import/upload", post(import::upload))
        .route("/ui/import/form", post(import::form))
        .route("/ui/media/{account}/{message}/{ordinal}", get(media::one))
}

async fn home() -> Redirect {
    Redirect::permanent(HOME)
}

/// A person who types the server's address wants the viewer; a program is told that there is nothing.
async fn root(headers: HeaderMap) -> Response {
    match page::prefers_pages(&headers) {
        true => Redirect::to(HOME).into_response(),
        false => Fault::NoRoute.into_response(),
    }
}
