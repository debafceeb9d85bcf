//! Forms as browsers send them, read strictly and never larger than any other body.

use axum::body::Body;
use url::form_urlencoded;

use crate::http::{Fault, Room, collect, invalid};

use super::visitor::Visitor;

/// Most fields of one form.
const FIELDS_MAX: usize = 20;
/// The field with the secret of the session.
pub(super) const SECRET: &str = "secret";

/// The fields that were not taken yet.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form of somebody who is signed in, and refuses one that was not written by a page of theirs.
    pub(super) async fn of(visitor: &Visitor, room: &Room, body: Body) -> Result<Self, Fault> {
        let mut form = Self::read(room, body).await?;
        visitor.must_own(&form.take(SECRET).unwrap_or_default())?;
        Ok(form)
    }

    /// Reads a form of anybody.
    pub(super) async fn read(room: &Room, body: Body) -> Result<Self, Fault> {
        let within = std::time::Duration::from_millis(room.settings.request_timeout_ms);
        let read = tokio::time::timeout(within, collect(body, room.settings.body_max_bytes)).await;
        let bytes = read.map_err(|_| Fault::SlowBody)??;
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().take(FIELDS_MAX).collect()))
    }

    /// Takes a field.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a field that has to be there.
    pub(super) fn need(&mut self, name: &str) -> Result<String, Fault> {
        self.take(name).ok_or_else(|| invalid(name, "it is required"))
    }
}
