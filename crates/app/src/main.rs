//! The binary: runs the command line and hands its exit code to the system.
//!
//! Everything else is in the library, so that tests and other programs can use it.

use std::process::ExitCode;

fn main() -> ExitCode {
    threadkeep::cli::run()
}
