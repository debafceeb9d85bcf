//! Where the bytes of an export go: a stream, or a folder of files.
//!
//! Whoever takes the bytes decides how fast they are made: nothing is asked of the database while an outlet is busy.

use std::io;

use async_trait::async_trait;

use super::Exported;

/// Takes what an export has made.
#[async_trait]
pub trait Outlet: Send {
    /// Takes all bytes that are ready.
    async fn put(&mut self, bytes: &mut Vec<u8>) -> io::Result<()>;

    /// From now on the bytes belong to the file of this name; a stream has but one.
    async fn begin_file(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    /// Puts a file beside the others, unless it is there; a stream has none.
    async fn put_file(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Is told how far it is.
    fn tell(&mut self, _: &Exported) {}
}

/// Everything in memory: for tests and small things.
#[async_trait]
impl Outlet for Vec<u8> {
    async fn put(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.append(bytes);
        Ok(())
    }
}
