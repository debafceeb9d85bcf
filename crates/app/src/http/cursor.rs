//! Cursors: a position in a list, proved to be ours and to belong to the question it is used for.
//!
//! A cursor holds a key of the last row shown, so a walk neither skips nor repeats a row when others come and go. It is
//! signed together with the question: changed, foreign or used for another question it is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Room;
use crate::refusal::Refusal;
use crate::verbs::read;

/// Bytes of the signature in a cursor.
const SIGNATURE_BYTES: usize = 16;
/// Longest cursor that is looked at, in bytes.
const CURSOR_MAX: usize = 4 * 1024;

/// Signs and opens the cursors of one question.
#[derive(Debug)]
pub(crate) struct Cursors<'a> {
    secret: &'a str,
    question: Vec<String>,
}

impl<'a> Cursors<'a> {
    /// For a question, told by everything that decides what its list holds.
    pub(crate) async fn of(room: &'a Room, question: Vec<String>) -> Result<Cursors<'a>, Refusal> {
        let secret = room.cursor_secret.get_or_try_init(|| read::cursor_secret(&room.app)).await?;
        Ok(Self { secret, question })
    }

    /// The cursor of a position.
    pub(crate) fn seal(&self, position: &impl Serialize) -> Result<String, Refusal> {
        let payload =
            serde_json::to_vec(position).map_err(|_| Refusal::Internal("a cursor could not be written".into()))?;
        let mut bytes = self.signature(&payload);
        bytes.extend_from_slice(&payload);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The position of a cursor.
    pub(crate) fn open<T: DeserializeOwned>(&self, cursor: &str) -> Result<T, Refusal> {
        if cursor.len() > CURSOR_MAX {
            return Err(Refusal::InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Refusal::InvalidCursor)?;
        let (signature, payload) = bytes.split_at_checked(SIGNATURE_BYTES).ok_or(Refusal::InvalidCursor)?;
        match bool::from(self.signature(payload).ct_eq(signature)) {
            true => serde_json::from_slice(payload).map_err(|_| Refusal::InvalidCursor),
            false => Err(Refusal::InvalidCursor),
        }
    }

    /// A keyed hash of hashes; nested and cut, so that nothing can be appended to what was signed.
    fn signature(&self, payload: &[u8]) -> Vec<u8> {
        let mut inner = Sha256::new();
        let parts = self.question.iter().map(String::as_bytes).chain([payload]);
        for part in [self.secret.as_bytes()].into_iter().chain(parts) {
            inner.update(part.len().to_be_bytes());
            inner.update(part);
        }
        let mut outer = Sha256::new();
        outer.update(self.secret.as_bytes());
        outer.update(inner.finalize());
        outer.finalize().iter().take(SIGNATURE_BYTES).copied().collect()
    }
}
