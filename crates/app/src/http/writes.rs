//! What the original writes to LinkedIn: every such path is there and answers 501, because a mirror never writes.
//!
//! A key is asked for first, so that strangers do not learn which paths exist from their answers. Nothing of the body is
//! looked at.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, patch, post};

use super::Room;
use super::answer::Fault;
use super::caller::Known;
use crate::refusal::Refusal;

/// Paths to which the original posts (HTTP contract 4, 5, 6).
const POSTS: [&str; 15] = [
    "/conversations/send",
    "/conversations/upload-attachment",
    "/sales-nav/mark-read",
    "/sales-nav/send",
    "/message",
    "/messaging/mark-seen",
    "/messaging/mark-all-read",
    "/messaging/typing-indicator",
    "/messaging/send",
    "/messaging/send-with-typing",
    "/messaging/send-with-ack",
    "/messaging/send-group",
    "/messaging/send-group-with-typing",
    "/messaging/send-group-with-ack",
    "/messaging/check-email-support",
];

/// The paths with other methods.
pub(super) fn routes() -> Router<Arc<Room>> {
    let others: [(&str, MethodRouter<Arc<Room>>); 7] = [
        ("/conversations/{urn}/mark-unread", patch(refuse)),
        ("/conversations/{urn}/star", patch(refuse)),
        ("/conversations/{urn}/unstar", patch(refuse)),
        ("/conversations/{urn}/messages/{message}/react", post(refuse)),
        ("/conversations/{urn}/messages/{message}", delete(refuse)),
        ("/sales-nav/threads", get(refuse)),
        ("/sales-nav/threads/{thread}", get(refuse)),
    ];
    let posts = POSTS.into_iter().fold(Router::new(), |routes, path| routes.route(path, post(refuse)));
    others.into_iter().fold(posts, |routes, (path, method)| routes.route(path, method))
}

async fn refuse(_: Known) -> Fault {
    Refusal::ReadOnlyMirror.into()
}
