//! Who asks: the key of a request, and the scope that a handler demands by the type of its first argument.
//!
//! `Authorization: Bearer` is the only way in (HTTP contract 1.2); nothing else is looked at. A handler without one of
//! these arguments is open to everybody: only `health` may be.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Room;
use super::answer::Fault;
use super::audit::Seen;
use super::limits::{Meter, PLAIN, Peer, WRONG_KEY};
use crate::refusal::Refusal;
use crate::verbs::keys::{Caller, Scope, authenticate};
use crate::verbs::sign_in;

/// Somebody who may read.
#[derive(Debug)]
pub(super) struct Reader(pub(super) Caller);

/// Somebody who may have attachments.
#[derive(Debug)]
pub(super) struct MediaReader(pub(super) Caller);

/// Somebody who may ask for a sync.
#[derive(Debug)]
pub(super) struct Syncer(pub(super) Caller);

/// Somebody who may do everything.
#[derive(Debug)]
pub(super) struct Admin(pub(super) Caller);

/// Somebody with a working key, whatever it may do.
#[derive(Debug)]
pub(super) struct Known;

impl FromRequestParts<Arc<Room>> for Reader {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Self, Fault> {
        Ok(Self(caller(parts, room, Scope::Read).await?))
    }
}

impl FromRequestParts<Arc<Room>> for MediaReader {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Self, Fault> {
        Ok(Self(caller(parts, room, Scope::Media).await?))
    }
}

impl FromRequestParts<Arc<Room>> for Syncer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Self, Fault> {
        Ok(Self(caller(parts, room, Scope::Sync).await?))
    }
}

impl FromRequestParts<Arc<Room>> for Admin {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Self, Fault> {
        Ok(Self(caller(parts, room, Scope::Admin).await?))
    }
}

impl FromRequestParts<Arc<Room>> for Known {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Self, Fault> {
        known(parts, room).await.map(|_| Self)
    }
}

async fn caller(parts: &Parts, room: &Room, scope: Scope) -> Result<Caller, Fault> {
    let caller = known(parts, room).await?;
    caller.must(scope)?;
    Ok(caller)
}

/// Whose key it is; a working key pays for the request, anything else is paid by the address.
async fn known(parts: &Parts, room: &Room) -> Result<Caller, Fault> {
    match proved(parts, room).await {
        Ok(caller) => welcomed(parts, room, caller),
        Err(fault) => Err(turned_away(&parts.extensions, room, fault)),
    }
}

/// Somebody who was proved to be a caller: their key pays for the request, and the log of acts is told who it is.
pub(crate) fn welcomed(parts: &Parts, room: &Room, mut caller: Caller) -> Result<Caller, Fault> {
    let meter = parts.extensions.get::<Meter>().cloned().unwrap_or_default();
    caller.address = address(&parts.extensions);
    if let Some(seen) = parts.extensions.get::<Seen>() {
        // The first to ask is the same as all others of this request.
        let _ = seen.0.set(caller.clone());
    }
    room.limits.charge_key(&meter, &caller.key_id, room.app.clock.now())?;
    Ok(caller)
}

/// Somebody who was not: the address pays, and more for a key that does not work.
pub(crate) fn turned_away(extensions: &Extensions, room: &Room, fault: Fault) -> Fault {
    let meter = extensions.get::<Meter>().cloned().unwrap_or_default();
    let cost = if matches!(fault, Fault::InvalidKey) { WRONG_KEY } else { PLAIN };
    let payer = (extensions.get::<Peer>().copied(), cost);
    room.limits.charge_address(&meter, payer, room.app.clock.now()).err().unwrap_or(fault)
}

/// Notes a refused sign-in, as long as strangers have not caused too many lines.
pub(crate) async fn note_refused_sign_in(extensions: &Extensions, room: &Room, presented: &str, refusal: &Refusal) {
    if room.limits.may_note(room.app.clock.now()) {
        sign_in::note_refused(&room.app, presented, address(extensions), refusal).await;
    }
}

/// Where a request came from.
pub(crate) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Peer>().map(|peer| peer.0.ip())
}

async fn proved(parts: &Parts, room: &Room) -> Result<Caller, Fault> {
    let mut given = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(Refusal::Unauthorized.into());
    };
    let key = value.to_str().ok().and_then(bearer).ok_or(Refusal::Unauthorized)?;
    authenticate(&room.app, key).await.map_err(|refusal| match refusal {
        Refusal::Unauthorized => Fault::InvalidKey,
        other => other.into(),
    })
}

/// The key in a header value; the name of the scheme may be in any case (RFC 9110 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim()).filter(|key| !key.is_empty())
}
