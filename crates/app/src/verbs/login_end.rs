//! When the login of an account ends, judged by the date that came with its cookie.
//!
//! Pure. A date is what LinkedIn has once said, no promise: it may end a login earlier, and an answer that came after the
//! date counts more than the date.

use threadkeep_core::sync::Health;
use threadkeep_core::time::Timestamp;

use crate::store::Account;

/// From this long before its end on, a login is to be renewed.
pub const SOON_MS: i64 = 14 * 24 * 3_600_000;

/// When a login ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginEnd {
    /// No date came with it: a copied request tells none.
    Unknown,
    /// Not soon.
    Later(Timestamp),
    /// Within [`SOON_MS`].
    Soon(Timestamp),
    /// Its date is past.
    Past(Timestamp),
    /// Its date is past, and LinkedIn has answered since.
    Outlived(Timestamp),
}

impl LoginEnd {
    /// The date, where there is one.
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::Unknown => None,
            Self::Later(at) | Self::Soon(at) | Self::Past(at) | Self::Outlived(at) => Some(at),
        }
    }

    /// Whether it is time for a new login.
    pub fn is_due(self) -> bool {
        matches!(self, Self::Soon(_) | Self::Past(_) | Self::Outlived(_))
    }
}

/// When the login of an account ends; `None` for one that has none, or a dead one.
pub fn login_end(account: &Account, now: Timestamp) -> Option<LoginEnd> {
    if !matches!(account.health, Health::Connected | Health::Paused) {
        return None;
    }
    let Some(at) = account.login_expires_at else { return Some(LoginEnd::Unknown) };
    let answered_at = account.inbox.token_at.max(account.last_sync_at);
    Some(match at.since_ms(now) {
        left_ms if left_ms > SOON_MS => LoginEnd::Later(at),
        left_ms if left_ms > 0 => LoginEnd::Soon(at),
        _ if answered_at.is_some_and(|answered_at| answered_at > at) => LoginEnd::Outlived(at),
        _ => LoginEnd::Past(at),
    })
}

/// How a login is renewed.
pub fn renewal(account: &Account) -> String {
    format!("log in to LinkedIn again in a private window and run `threadkeep account reconnect {}`", account.id)
}
