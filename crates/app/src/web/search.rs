//! Looking for messages: the box, what was found, and where it is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page::{self, Empty, Frame};
use super::visitor::Visitor;
use crate::http::{Fault, Params, Room};

#[derive(Template)]
#[template(path = "search.html", whitespace = "minimize")]
struct SearchPage {
    frame: Frame,
    empty: Option<Empty>,
}

/// `GET /ui/search`
pub(super) async fn page(
    State(_room): State<Arc<Room>>,
    visitor: Visitor,
    mut params: Params,
) -> Result<Response, Fault> {
    let query = params.take("q").unwrap_or_default();
    params.finish()?;
    let empty = Empty {
        what: "Searching is not there yet".to_owned(),
        remedy: "It comes with one of the next versions.".to_owned(),
        link: None,
    };
    let frame = Frame { query, ..Frame::of(&visitor, "search", "Search") };
    page::show(&SearchPage { frame, empty: Some(empty) })
}
