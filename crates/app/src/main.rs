//! The binary: runs the command line and hands its exit code to the system.
//!
//! Everything else is in the library, so that tests and other programs can use it.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    threadkeep::cli::run().await
}
