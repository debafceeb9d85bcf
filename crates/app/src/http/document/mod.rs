//! The OpenAPI document: made from the same lines that make the router, so that no route is without its description.
//!
//! A handler tells in `#[utoipa::path]` what only it knows; what holds for all (errors, headers, parameters of paths)
//! is added in `complete`. The served file is `docs/openapi.json`, which a test compares with what is made here; nothing
//! in it may be written by hand.

mod answers;
mod codes;
mod complete;
mod page;
mod params;

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::Room;

pub use codes::{CODES, ErrorCode};
pub use complete::{Example, SCOPE_EXTENSION};

pub(super) use answers::{DetailsAnswer, RecentConversation};
pub(super) use params::{
    AccountParam, AccountsParams, ConversationParam, DetailsParams, ExportParams, ImportParams, LedgerParams,
    ListParams, MessagesParams, PageParams, PreferParam, QueryParam, RangeParams, RecentParams, SearchParam,
    SinceParam,
};

/// The document as it is served.
const SERVED: &str = include_str!("../../../../../docs/openapi.json");

/// Routes that cannot be added without being described.
pub(super) struct Documented(OpenApiRouter<Arc<Room>>);

impl Documented {
    /// No routes.
    pub(super) fn new() -> Self {
        Self(OpenApiRouter::default())
    }

    /// Adds the described handlers of one path: `routes!(list, create)`.
    pub(super) fn routes(self, handlers: UtoipaMethodRouter<Arc<Room>>) -> Self {
        Self(self.0.routes(handlers))
    }

    /// Adds other routes.
    pub(super) fn merge(self, others: Self) -> Self {
        Self(self.0.merge(others.0))
    }

    /// The routes alone.
    pub(super) fn into_router(self) -> Router<Arc<Room>> {
        self.0.into()
    }

    /// What was told of them.
    pub(super) fn into_document(self) -> OpenApi {
        self.0.into_openapi()
    }
}

/// The routes of the document and of its page.
pub(super) fn routes() -> Documented {
    Documented::new().routes(routes!(file)).routes(routes!(show))
}

/// The document of all routes, with real answers as examples.
pub fn document(examples: &[Example]) -> OpenApi {
    let slow = super::waiting().into_document();
    let slow = slow.paths.paths.into_values().flat_map(complete::ids).collect();
    let told = super::waiting().merge(super::quick()).into_document();
    complete::complete(told, &slow, examples)
}

/// The OpenAPI document
///
/// This document, OpenAPI 3.1. Needs no key.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get-openapi", tag = "server",
    responses((status = 200, description = "The document", body = Object, content_type = "application/json")))]
async fn file() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], SERVED).into_response()
}

/// The page of the API
///
/// This document as a page to read, without scripts and without the network. Needs no key.
#[utoipa::path(get, path = "/docs", operation_id = "get-docs", tag = "server",
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
async fn show() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, page::policy())], Html(page::page())).into_response()
}
