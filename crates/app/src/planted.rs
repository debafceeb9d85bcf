//! Where the program asks for the bugs of [`threadkeep_core::planted`], and where a test build chooses one.
//!
//! Whoever runs the tests names a bug in the environment; the first question chooses it for the whole process. Without
//! the feature there is no question, no environment and no choice.

pub use threadkeep_core::planted::Bug;
#[cfg(not(feature = "planted"))]
pub use threadkeep_core::planted::is;

/// Names the bug of this process.
#[cfg(feature = "planted")]
const VARIABLE: &str = "THREADKEEP_PLANTED";

/// Whether this bug is planted in this process.
#[cfg(feature = "planted")]
pub fn is(bug: Bug) -> bool {
    choose();
    threadkeep_core::planted::is(bug)
}

/// Plants the bug that the environment names, if it names one; what is no bug ends the process.
#[cfg(feature = "planted")]
#[expect(clippy::disallowed_methods, reason = "a test build takes the bug's name from whoever runs the tests")]
pub fn choose() {
    static CHOSEN: std::sync::Once = std::sync::Once::new();
    CHOSEN.call_once(|| {
        if let Err(unknown) = threadkeep_core::planted::plant(std::env::var(VARIABLE).ok().as_deref()) {
            tracing::error!("{unknown}");
            std::process::exit(2);
        }
    });
}
