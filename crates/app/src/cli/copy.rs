//! Reading a complete copy back: what `threadkeep import` does with a file that `export --complete` has written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Value, json};

use crate::app::App;
use crate::lifecycle::Stop;
use crate::verbs::restore_copy::{is_copy, restore};

use super::console;
use super::failure::Failure;
use super::table::number;

/// Bytes that are read in one go.
const BUFFER_BYTES: usize = 1 << 20;
/// Longest first line that is looked at, in bytes.
const HEADER_MAX_BYTES: u64 = 4 << 20;

/// A file that cannot be read any more once somebody says stop, so that what was put in of it is undone. Whoever only
/// stopped to wait would not know whether the end had been written already.
struct Stopping<'a, R> {
    from: R,
    stop: &'a Stop,
}

impl<R: Read> Read for Stopping<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.stop.is_asked() {
            true => Err(io::ErrorKind::Other.into()),
            false => self.from.read(into),
        }
    }
}

impl<R: BufRead> BufRead for Stopping<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.stop.is_asked() {
            true => Err(io::ErrorKind::Other.into()),
            false => self.from.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        self.from.consume(count);
    }
}

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
pub(crate) async fn read_back(app: &App, path: &Path, stop: &Stop) -> Result<Value, Failure> {
    let file =
        File::open(path).map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    let lines = Stopping { from: BufReader::with_capacity(BUFFER_BYTES, file), stop };
    let restored = restore(app, lines).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_ends_in_the_middle_when_somebody_says_stop() {
        let stop = Stop::default();
        let mut lines = Stopping { from: &b"one\ntwo\nthree\n"[..], stop: &stop };
        let mut line = String::new();
        assert_eq!(lines.read_line(&mut line).unwrap(), 4);
        stop.ask();
        assert!(lines.read_line(&mut line).is_err() && lines.read(&mut [0; 4]).is_err());
        assert_eq!(line, "one\n");
    }
}
