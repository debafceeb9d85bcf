//! The log of administrative acts: who did what, on what, and what came of it.
//!
//! An act that was done is written by the store together with the act. What is refused is written here, as far as the
//! database takes it: a refusal stays a refusal when it cannot be noted. No line carries a secret, a name or a text.

use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{Act, ActOutcome, Actor, AuditFilter, AuditLine, Object};
use crate::verbs::keys::Caller;
use crate::verbs::read::Reach;

/// Most lines on a page.
pub const AUDIT_PAGE_MAX: u32 = 100;

/// A line about an act that is done at this moment.
pub fn done(app: &App, who: &Actor, act: Act, object: Object) -> AuditLine {
    AuditLine { at: app.clock.now(), who: who.clone(), act, object, outcome: ActOutcome::Done }
}

/// Passes a result on, and notes a refusal.
pub async fn noted<T>(
    app: &App,
    who: &Actor,
    (act, object): (Act, Object),
    result: Result<T, Refusal>,
) -> Result<T, Refusal> {
    if let Err(refusal) = &result {
        refused(app, who, (act, object), refusal.code()).await;
    }
    result
}

/// Notes that an act was refused.
pub async fn refused(app: &App, who: &Actor, (act, object): (Act, Object), code: &str) {
    let line = AuditLine { outcome: ActOutcome::Refused(code.to_owned()), ..done(app, who, act, object) };
    if let Err(error) = app.store.note(&line).await {
        tracing::warn!(act = act.as_str(), code, %error, "a refused act could not be noted");
    }
}

/// A page of lines about accounts within reach, newest first; true when more follow.
pub async fn lines(
    app: &App,
    reach: Reach<'_>,
    (since, before): (Option<Timestamp>, Option<i64>),
    limit: u32,
) -> Result<(Vec<(i64, AuditLine)>, bool), Refusal> {
    let filter = AuditFilter { accounts: reach.map(<[_]>::to_vec), since, before };
    let limit = limit.clamp(1, AUDIT_PAGE_MAX);
    let mut lines = app.store.audit_lines(&filter, limit + 1).await?;
    let limit = usize::try_from(limit).unwrap_or(1);
    let has_more = lines.len() > limit;
    lines.truncate(limit);
    Ok((lines, has_more))
}

impl Caller {
    /// Who this is in the log.
    pub fn actor(&self) -> Actor {
        Actor::Key { id: self.key_id.clone(), address: self.address.map(|address| address.to_string()) }
    }
}
