//! The program `threadkeep-sim`. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    threadkeep_sim::cli::run()
}
