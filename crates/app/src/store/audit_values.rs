//! The values of the log of administrative acts, and of data keys: who did what, on what, when, and what came of it.
//!
//! A line names things by their ids. It never carries a secret, a name or a text; what a caller has sent is not in it.

use threadkeep_core::id::AccountId;
use threadkeep_core::time::Timestamp;

use super::{KeyRow, Login, MediaPolicy, SignInRow};

/// The stored setting that tells which master key is in use, by its fingerprint.
pub const MASTER_KEY: &str = "master_key_fingerprint";
/// The stored setting that tells, while the master key is being changed, which one was in use before.
pub const MASTER_KEY_BEFORE: &str = "master_key_before";

/// A data key as kept: wrapped by a master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKeyRow {
    /// Whose secrets it seals.
    pub account: AccountId,
    /// Counts the keys of an account, from 1.
    pub version: u32,
    /// The key, wrapped.
    pub wrapped: Vec<u8>,
    /// The fingerprint of the master key that has wrapped it.
    pub master_key: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A secret that is to be sealed anew.
#[derive(Debug, Clone, Copy)]
pub struct Resealed<'a> {
    /// Whose session it is.
    pub account: &'a AccountId,
    /// As it was.
    pub from: &'a [u8],
    /// As it is to be.
    pub to: &'a [u8],
    /// The data key that has sealed it, when that is new.
    pub key: Option<&'a DataKeyRow>,
}

/// An administrative act that the store carries out together with its line.
#[derive(Debug, Clone, Copy)]
pub enum Deed<'a> {
    /// Adds an account, or gives it a new login.
    LogIn(&'a Login),
    /// Removes an account.
    Remove(&'a AccountId),
    /// Pauses an account, or lets it go on.
    SetPaused(&'a AccountId, bool),
    /// Decides when the media of an account are fetched.
    SetMediaPolicy(&'a AccountId, MediaPolicy),
    /// Adds an API key.
    AddKey(&'a KeyRow),
    /// Revokes an API key.
    RevokeKey(&'a str),
    /// Asks a run to stop.
    Cancel(i64),
    /// Opens a session of the viewer; those that began or were last seen before these times are removed.
    SignIn(&'a SignInRow, Timestamp, Timestamp),
    /// Ends the session with this hash of its token.
    SignOut(&'a [u8]),
    /// Forgets every sealed session and data key, and takes the master key with this fingerprint for the one in use.
    ResetSecrets(&'a str),
}

macro_rules! names {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])* $variant,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The one with this stable name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }
    };
}

names! {
    /// What was done, or was to be done.
    Act {
        /// An account was connected.
        AccountAdded = "account_added",
        /// An account got a new login.
        AccountReconnected = "account_reconnected",
        /// An account is not synced any more for now.
        AccountPaused = "account_paused",
        /// An account is synced again.
        AccountResumed = "account_resumed",
        /// An account was removed with everything that was mirrored for it.
        AccountRemoved = "account_removed",
        /// An API key was made.
        KeyCreated = "key_created",
        /// An API key was revoked.
        KeyRevoked = "key_revoked",
        /// API keys were to be listed.
        KeysListed = "keys_listed",
        /// A run was asked to stop.
        RunCancelled = "run_cancelled",
        /// How an account's media are fetched was changed.
        MediaPolicyChanged = "media_policy_changed",
        /// Another master key came into use; the data keys are being wrapped with it.
        RotationBegun = "rotation_begun",
        /// All data keys are wrapped with the new master key.
        SecretsRotated = "secrets_rotated",
        /// An archive of LinkedIn's was imported.
        ArchiveImported = "archive_imported",
        /// The master key was lost: what it sealed was forgotten, and another one came into use.
        SecretsReset = "secrets_reset",
        /// This log was to be read.
        AuditRead = "audit_read",
        /// Somebody signed in to the viewer.
        SignedIn = "signed_in",
        /// Somebody signed out of the viewer.
        SignedOut = "signed_out",
        /// Something else that only an admin may do.
        AdminRequest = "admin_request",
    }
}

names! {
    /// What an act was about.
    ObjectKind {
        /// An account, by its id.
        Account = "account",
        /// An API key, by its public part.
        Key = "key",
        /// A run, by its number.
        Run = "run",
        /// A master key, by its fingerprint.
        MasterKey = "master_key",
        /// A route of the API, by its pattern.
        Route = "route",
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with an API key, from an address.
    Key {
        /// Public part of the key.
        id: String,
        /// Where the request came from.
        address: Option<String>,
    },
    /// Somebody without a key that may do it, from an address.
    Stranger {
        /// Where the request came from.
        address: Option<String>,
    },
    /// Somebody at the command line.
    Command {
        /// The user's name in the operating system, as the environment tells it.
        user: Option<String>,
    },
    /// The program itself.
    Setup,
}

/// What an act was about: one thing of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The kind.
    pub kind: ObjectKind,
    /// Its id, when it was known.
    pub id: Option<String>,
    /// The account that it belongs to, or is.
    pub account: Option<AccountId>,
}

impl Object {
    /// An account.
    pub fn account(id: &AccountId) -> Self {
        Self { kind: ObjectKind::Account, id: Some(id.to_string()), account: Some(id.clone()) }
    }

    /// Something of a kind that belongs to no account.
    pub fn of(kind: ObjectKind, id: Option<&str>) -> Self {
        Self { kind, id: id.map(str::to_owned), account: None }
    }

    /// A run of an account.
    pub fn run(id: i64, account: Option<&AccountId>) -> Self {
        Self { kind: ObjectKind::Run, id: Some(id.to_string()), account: account.cloned() }
    }
}

/// What came of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActOutcome {
    /// It was done.
    Done,
    /// It was refused, with this code; nothing was changed.
    Refused(String),
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Actor,
    /// What.
    pub act: Act,
    /// On what.
    pub object: Object,
    /// What came of it.
    pub outcome: ActOutcome,
}

/// Which lines somebody wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Only lines about these accounts; `None` is all lines.
    pub accounts: Option<Vec<AccountId>>,
    /// Only lines of this time and later.
    pub since: Option<Timestamp>,
    /// Only lines before the one with this number.
    pub before: Option<i64>,
}
