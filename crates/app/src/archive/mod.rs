//! Reads LinkedIn's own data export: a zip, a zip around a zip, an unpacked folder, or `messages.csv` alone.
//!
//! Archives are user input and may be hostile: everything read from one is bounded, nothing of one is ever written under
//! a name that it gives, and no text of one may get into an error. Knows neither the store nor the network.

mod bundle;
mod dates;
mod entry;
mod header;
mod names;
mod neighbours;
mod owner;
mod report;
mod rows;
mod sponsored;
mod survey;
mod table;
mod text;
mod zip;

pub use bundle::{Bundle, Scratch};
pub use report::{BadRecord, ImportReport, Skipped};
pub use rows::{Rows, conversation_of_names};
pub use survey::{Owner, Survey, survey};

/// Why an archive is not taken in; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is no archive of LinkedIn's, or damaged, or built to do harm.
    #[error("{0}")]
    Rejected(String),
    /// It holds no messages.
    #[error("{0}")]
    NoMessages(String),
    /// It cannot be read from where it is.
    #[error("{0}")]
    Unreadable(String),
    /// Somebody asked to stop.
    #[error("the import was stopped: nothing was kept")]
    Stopped,
}

impl ArchiveError {
    fn rejected(what: impl Into<String>) -> Self {
        Self::Rejected(what.into())
    }

    /// A failure while reading; one of our own that was carried through the reader comes out as it was.
    fn reading(error: &std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(own) => own.clone(),
            None if error.kind() == std::io::ErrorKind::InvalidInput => {
                Self::rejected("the archive is damaged: it cannot be unpacked")
            }
            None => Self::Unreadable(format!("the archive cannot be read: {}", error.kind())),
        }
    }

    fn carried(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

/// The first hex digits of the hash of a text.
fn digest(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of a hash that tell rows apart: 128 bits.
const DIGEST_BYTES: usize = 16;
