//! Reading a complete copy back: what `threadkeep import` does with a file that `export --complete` has written.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::app::App;
use crate::verbs::restore_copy::{is_copy, restore};

use super::console;
use super::failure::Failure;
use super::table::number;

/// Bytes that are read in one go.
const BUFFER_BYTES: usize = 1 << 20;
/// Longest first line that is looked at, in bytes.
const HEADER_MAX_BYTES: u64 = 4 << 20;

/// Whether a file is a complete copy; a file that cannot be read is none.
pub(crate) fn is_copy_file(path: &Path) -> bool {
    let mut header = Vec::new();
    let Ok(file) = File::open(path) else { return false };
    let read = BufReader::new(file).take(HEADER_MAX_BYTES).read_until(b'\n', &mut header);
    read.is_ok() && is_copy(&header)
}

/// Whether a file holds JSON and is no complete copy: an export for other programs.
pub(crate) fn is_plain_lines(path: &Path) -> bool {
    let mut first = [0_u8; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && &first == b"{\"" && !is_copy_file(path)
}

/// Reads a copy back, all of it or nothing; gives what a program wants to know.
pub(crate) async fn read_back(app: &App, path: &Path) -> Result<Value, Failure> {
    let file =
        File::open(path).map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    let restored = restore(app, BufReader::with_capacity(BUFFER_BYTES, file)).await?;
    console::tell(&format!(
        "{} conversations, {} messages, {} people of account {}",
        number(restored.conversations),
        number(restored.messages),
        number(restored.people),
        restored.account
    ));
    console::tell(
        "hint: a copy has no login: `threadkeep account reconnect` gives the account one, and the sync goes on",
    );
    Ok(json!({
        "file": path.display().to_string(),
        "accountId": restored.account,
        "copy": {
            "conversations": restored.conversations,
            "messages": restored.messages,
            "people": restored.people,
        },
    }))
}
