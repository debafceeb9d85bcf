//! Why the vault did not do what it was asked, by what has to be done.
//!
//! What a store says may hold an access key or an address; only its error code, if it has one, gets into a text.

use std::error::Error as _;

/// Longest error code of a store that is repeated.
const CODE_MAX: usize = 40;
/// How many causes of an error are looked at.
const CAUSES_MAX: usize = 16;

/// Why the vault did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no such object.
    #[error("there is no such object in the media store")]
    Missing,
    /// The asked part lies outside of the object.
    #[error("the asked part lies outside of the object, which has {size_bytes} bytes")]
    Range {
        /// Size of the object.
        size_bytes: u64,
    },
    /// The stored bytes are not those that were written.
    #[error("the stored object is damaged: fetch it again, or take it from a backup")]
    Damaged,
    /// There is no space left.
    #[error("the media store is full: make space, then try again")]
    Full,
    /// The store does not let us in.
    #[error("the media store refuses access{0}: check its folder's owner, or the access key and the bucket's rights")]
    Denied(String),
    /// The store cannot be reached or has trouble.
    #[error("the media store does not work: {0}")]
    Unavailable(String),
    /// A shard holds more objects than is possible.
    #[error("the media store holds more objects in one folder than are listed: is its prefix shared with others?")]
    TooMany,
    /// The settings do not go together.
    #[error("the media store cannot be opened: {0}")]
    Settings(String),
}

impl VaultError {
    /// What an error of the library means.
    pub(super) fn of_store(error: object_store::Error) -> Self {
        use object_store::Error;
        match &error {
            Error::NotFound { source, .. } if has_code(&source.to_string(), "NoSuchBucket") => {
                Self::Unavailable("there is no such bucket".to_owned())
            }
            Error::NotFound { .. } => Self::Missing,
            Error::PermissionDenied { source, .. } | Error::Unauthenticated { source, .. } => {
                Self::Denied(code(&source.to_string()).map(|code| format!(" ({code})")).unwrap_or_default())
            }
            _ => of_causes(&error),
        }
    }

    /// What an error of the disk means.
    pub(super) fn of_disk(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied(String::new()),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            kind => Self::Unavailable(kind.to_string()),
        }
    }
}

fn of_causes(error: &object_store::Error) -> VaultError {
    let mut cause = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(one) = cause else { break };
        if let Some(disk) = one.downcast_ref::<std::io::Error>() {
            return VaultError::of_disk(disk);
        }
        if let Some(client) = one.downcast_ref::<reqwest::Error>() {
            let what = if client.is_timeout() { "no answer in time" } else { "no connection to it" };
            return VaultError::Unavailable(what.to_owned());
        }
        cause = one.source();
    }
    let text = error.to_string();
    let what = code(&text).map_or_else(|| "it answered with an error".to_owned(), |code| format!("it said {code}"));
    VaultError::Unavailable(what)
}

/// The `<Code>` of a store's answer.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (code.len() <= CODE_MAX && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(code)
}

fn has_code(text: &str, wanted: &str) -> bool {
    code(text) == Some(wanted)
}
