//! Signing in to the viewer with an API key, and telling later who a session belongs to.
//!
//! A session is a row that knows the hash of its token and the key it was opened with; it may do what that key may do at
//! this moment, so a revoked key ends its sessions at once. The token is given out once and never logged, and no key or
//! part of one is in it.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::refusal::Refusal;
use crate::store::{Act, Actor, AuditLine, Deed, Object, ObjectKind, SignInRow};
use crate::verbs::audit;
use crate::verbs::keys::{self, Caller, Scope};

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;
/// Base64 characters of a token.
const TOKEN_CHARS: usize = 43;
/// A session ends this long after it was opened, however it is used.
pub const SESSION_MAX_MS: i64 = 7 * 24 * 3_600_000;
/// A session ends this long after it was last used.
pub const IDLE_MAX_MS: i64 = 24 * 3_600_000;
/// The last use is noted at most this often.
const TOUCH_MS: i64 = 60_000;
/// The code of a key that does not work, as the API answers it.
const INVALID_KEY: &str = "invalid_key";
/// What the secret of a session's forms is made with besides its token.
const FORMS: &str = "threadkeep viewer forms";

/// A session that was just opened.
pub struct Opened {
    /// What the browser keeps.
    pub token: String,
    /// Who is signed in.
    pub caller: Caller,
}

/// Somebody who is signed in.
pub struct SignedIn {
    /// Who it is, with what the key may do now.
    pub caller: Caller,
    /// What every form of this session carries, and no other site can know.
    pub form_secret: String,
}

/// Opens a session with a key that may read.
pub async fn open(app: &App, presented_key: &str, address: Option<IpAddr>) -> Result<Opened, Refusal> {
    let caller = Caller { address, ..keys::authenticate(app, presented_key.trim()).await? };
    caller.must(Scope::Read)?;
    let mut random = [0_u8; TOKEN_BYTES];
    app.chance.fill(&mut random);
    let token = URL_SAFE_NO_PAD.encode(random);
    let now = app.clock.now();
    let row = SignInRow { token_hash: hash(&token), key_id: caller.key_id.clone(), created_at: now, seen_at: now };
    let deed = Deed::SignIn(&row, now.plus_ms(-SESSION_MAX_MS), now.plus_ms(-IDLE_MAX_MS));
    app.store.carry_out(&deed, &line(app, &caller, Act::SignedIn)).await?;
    tracing::info!(key = row.key_id, "somebody signed in to the viewer");
    Ok(Opened { token, caller })
}

/// Whose session this is; anything but a living one is the same refusal.
pub async fn who(app: &App, token: &str) -> Result<SignedIn, Refusal> {
    if !is_token(token) {
        return Err(Refusal::Unauthorized);
    }
    let now = app.clock.now();
    let row = app.store.sign_in(&hash(token)).await?.filter(|row| is_alive(row, now)).ok_or(Refusal::Unauthorized)?;
    let key = app.store.key(&row.key_id).await?.ok_or(Refusal::Unauthorized)?;
    let caller = keys::caller_of(key).ok_or(Refusal::Unauthorized)?;
    caller.must(Scope::Read)?;
    if now.since_ms(row.seen_at) >= TOUCH_MS
        && let Err(error) = app.store.touch_sign_in(&row.token_hash, now).await
    {
        // A full disk is no reason to refuse a reader.
        tracing::warn!(key = row.key_id, %error, "the use of a session could not be noted");
    }
    Ok(SignedIn { caller, form_secret: form_secret(token) })
}

/// Ends the session of somebody; one that there is not is over already.
pub async fn close(app: &App, who: &Caller, token: &str) -> Result<(), Refusal> {
    if is_token(token) {
        app.store.carry_out(&Deed::SignOut(&hash(token)), &line(app, who, Act::SignedOut)).await?;
    }
    Ok(())
}

/// Notes that a sign-in was refused: with the public part of the key when there is such a key, and nothing else of what
/// was sent. Whoever calls this sees to it that strangers cannot call it without an end.
pub async fn note_refused(app: &App, presented_key: &str, address: Option<IpAddr>, refusal: &Refusal) {
    let found = match keys::id_of(presented_key.trim()) {
        Some(id) => app.store.key(id).await.ok().flatten(),
        None => None,
    };
    let key = found.map(|row| row.id);
    let address = address.map(|address| address.to_string());
    let who = match (&key, refusal) {
        // Only a key that works is refused for what it lacks.
        (Some(id), Refusal::ScopeRequired(_)) => Actor::Key { id: id.clone(), address },
        _ => Actor::Stranger { address },
    };
    let code = if matches!(refusal, Refusal::Unauthorized) { INVALID_KEY } else { refusal.code() };
    audit::refused(app, &who, (Act::SignedIn, Object::of(ObjectKind::Key, key.as_deref())), code).await;
}

fn line(app: &App, who: &Caller, act: Act) -> AuditLine {
    audit::done(app, &who.actor(), act, Object::of(ObjectKind::Key, Some(&who.key_id)))
}

/// Whether what a form carries is the secret of a session's forms.
pub fn is_own_form(form_secret: &str, given: &str) -> bool {
    bool::from(form_secret.as_bytes().ct_eq(given.as_bytes()))
}

fn is_alive(row: &SignInRow, now: Timestamp) -> bool {
    // What was opened or used in the future was so by a clock that was wrong.
    let is_within = |at: Timestamp, max_ms: i64| (-max_ms..max_ms).contains(&now.since_ms(at));
    is_within(row.created_at, SESSION_MAX_MS) && is_within(row.seen_at, IDLE_MAX_MS)
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Follows from the token and does not lead back to it.
fn form_secret(token: &str) -> String {
    let digest = Sha256::new().chain_update(FORMS).chain_update([0]).chain_update(token).finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lives_while_it_is_used_and_not_for_ever() {
        let row = |created_at, seen_at| SignInRow {
            token_hash: Vec::new(),
            key_id: String::new(),
            created_at: Timestamp(created_at),
            seen_at: Timestamp(seen_at),
        };
        let now = Timestamp(100 * SESSION_MAX_MS);
        assert!(is_alive(&row(now.0, now.0), now));
        assert!(is_alive(&row(now.0 - SESSION_MAX_MS + 1, now.0 - IDLE_MAX_MS + 1), now));
        assert!(!is_alive(&row(now.0 - SESSION_MAX_MS, now.0), now));
        assert!(!is_alive(&row(now.0, now.0 - IDLE_MAX_MS), now));
        assert!(!is_alive(&row(now.0 + SESSION_MAX_MS + 1, now.0), now), "opened in a far future");
    }

    #[test]
    fn the_secret_of_forms_is_not_the_token_and_differs_by_it() {
        let (one, other) = ("a".repeat(TOKEN_CHARS), "b".repeat(TOKEN_CHARS));
        assert!(is_token(&one) && !is_token("a") && !is_token(&"é".repeat(TOKEN_CHARS)));
        assert_ne!(form_secret(&one), form_secret(&other));
        assert!(!form_secret(&one).contains(&one));
    }
}
