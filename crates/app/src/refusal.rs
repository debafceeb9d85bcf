//! Why a verb did not do what it was asked: the one list of errors that the API, the viewer and the CLI show.
//!
//! Each kind has a stable code, a text that says what to do next, an HTTP status and an exit code. No text here carries
//! message contents, names or secrets.

use threadkeep_core::search::QueryError;

use crate::archive::ArchiveError;
use crate::store::StoreError;

/// A request that was not fulfilled; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// An argument, field or parameter is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A field or parameter that does not exist here.
    #[error("unknown field {0}")]
    UnknownField(String),
    /// A cursor that was not made for this question.
    #[error("the cursor is not valid here: start again without it")]
    InvalidCursor,
    /// A search that is not understood, or asks for too much.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The pasted session cannot be used.
    #[error("{0}")]
    BadCookies(String),
    /// No or a wrong API key.
    #[error("Unauthorized - Invalid credentials")]
    Unauthorized,
    /// The key may not do this.
    #[error("this key lacks the scope {0}")]
    ScopeRequired(&'static str),
    /// There is no such account, or the key does not reach it.
    #[error("no such account")]
    NoAccount,
    /// There is no such conversation, or the key does not reach it.
    #[error("no such conversation")]
    NoConversation,
    /// There is nothing with this id.
    #[error("{0}")]
    NotFound(String),
    /// The cookies belong to another member.
    #[error("these cookies belong to another member: log in as the member of this account, or add a new account")]
    AccountMismatch,
    /// LinkedIn does not accept the session.
    #[error("{0}")]
    NeedsLogin(String),
    /// LinkedIn cannot be reached or does not answer properly.
    #[error("{0}")]
    Upstream(String),
    /// It does not fit the present state.
    #[error("{0}")]
    Conflict(String),
    /// The mirror only reads.
    #[error("threadkeep is a mirror: it never writes to LinkedIn")]
    ReadOnlyMirror,
    /// Not an address that media are fetched from.
    #[error("{0}")]
    MediaAddress(String),
    /// What came is not kept, and is not asked for again.
    #[error("this attachment cannot be kept ({0}): `threadkeep media fetch --again` tries once more")]
    MediaRefused(String),
    /// The link is dead, also after its message was asked again.
    #[error("LinkedIn does not have this attachment any more")]
    MediaGone,
    /// The account's media are not fetched.
    #[error("media are not fetched for this account: `threadkeep account set --media lazy` changes that")]
    MediaOff,
    /// It did not come in time.
    #[error("the attachment is on its way: ask again in some seconds")]
    MediaPending,
    /// It could not be fetched now.
    #[error("the attachment could not be fetched now ({0}): ask again later")]
    MediaFailed(String),
    /// The place where media are kept does not work.
    #[error("{0}")]
    MediaStore(String),
    /// An archive that is none of LinkedIn's, damaged, or built to do harm.
    #[error("{0}")]
    ArchiveRejected(String),
    /// An archive without messages.
    #[error("{0}")]
    ArchiveWithoutMessages(String),
    /// The database does not answer or has no space.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A stored secret cannot be opened.
    #[error("{0}")]
    Secret(String),
    /// A mistake of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_parameter",
            Self::UnknownField(_) => "unknown_field",
            Self::InvalidCursor => "invalid_cursor",
            Self::Query(QueryError { is_too_complex: true, .. }) => "query_too_complex",
            Self::Query(_) => "invalid_query",
            Self::BadCookies(_) => "bad_cookies",
            Self::Unauthorized => "unauthorized",
            Self::ScopeRequired(_) => "scope_required",
            Self::NoAccount => "account_not_found",
            Self::NoConversation => "conversation_not_found",
            Self::NotFound(_) => "not_found",
            Self::AccountMismatch => "account_mismatch",
            Self::NeedsLogin(_) => "needs_login",
            Self::Upstream(_) => "upstream_unavailable",
            Self::Conflict(_) => "conflict",
            Self::ReadOnlyMirror => "read_only_mirror",
            Self::MediaAddress(_) => "media_host_not_allowed",
            Self::MediaRefused(_) => "media_refused",
            Self::MediaGone => "media_gone",
            Self::MediaOff => "media_off",
            Self::MediaPending => "media_pending",
            Self::MediaFailed(_) => "media_unavailable",
            Self::MediaStore(_) => "media_store_unavailable",
            Self::ArchiveRejected(_) => "archive_rejected",
            Self::ArchiveWithoutMessages(_) => "archive_without_messages",
            Self::Store(StoreError::Full(_)) => "storage_full",
            Self::Store(StoreError::Unavailable(_) | StoreError::ReadOnly(_) | StoreError::LeaseLost) => {
                "storage_unavailable"
            }
            Self::Store(_) => "storage_broken",
            Self::Secret(_) => "secret_unreadable",
            Self::Internal(_) => "internal_error",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::UnknownField(_) | Self::InvalidCursor | Self::BadCookies(_) | Self::Query(_) => {
                400
            }
            Self::Unauthorized => 401,
            Self::ScopeRequired(_) => 403,
            Self::NoAccount | Self::NoConversation | Self::NotFound(_) => 404,
            Self::AccountMismatch | Self::Conflict(_) | Self::NeedsLogin(_) | Self::MediaOff => 409,
            Self::MediaGone => 410,
            Self::MediaAddress(_) | Self::MediaRefused(_) => 422,
            Self::ArchiveRejected(_) | Self::ArchiveWithoutMessages(_) => 422,
            Self::ReadOnlyMirror => 501,
            Self::Upstream(_) | Self::MediaFailed(_) => 502,
            Self::MediaPending => 504,
            Self::Store(StoreError::Full(_)) => 507,
            Self::Store(StoreError::Unavailable(_) | StoreError::ReadOnly(_) | StoreError::LeaseLost) => 503,
            Self::MediaStore(_) => 503,
            Self::Store(_) | Self::Secret(_) | Self::Internal(_) => 500,
        }
    }

    /// The exit code of the CLI; `docs/CLI.md` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid(_) | Self::UnknownField(_) | Self::InvalidCursor | Self::BadCookies(_) | Self::Query(_) => 2,
            Self::MediaAddress(_) | Self::ArchiveRejected(_) => 2,
            Self::NoAccount | Self::NoConversation | Self::NotFound(_) | Self::MediaGone => 3,
            Self::ArchiveWithoutMessages(_) => 3,
            Self::AccountMismatch | Self::Conflict(_) | Self::MediaOff | Self::MediaRefused(_) => 4,
            Self::NeedsLogin(_) | Self::Unauthorized | Self::ScopeRequired(_) => 5,
            Self::Upstream(_) | Self::MediaFailed(_) | Self::MediaPending => 6,
            Self::Store(_) | Self::MediaStore(_) => 7,
            Self::Secret(_) => 8,
            Self::ReadOnlyMirror | Self::Internal(_) => 1,
        }
    }
}

impl From<ArchiveError> for Refusal {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Rejected(what) => Self::ArchiveRejected(what),
            ArchiveError::NoMessages(what) => Self::ArchiveWithoutMessages(what),
            ArchiveError::Unreadable(what) => Self::Invalid(what),
            ArchiveError::Stopped => Self::Conflict(error.to_string()),
        }
    }
}
