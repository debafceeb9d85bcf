//! Why a configuration is refused: always the name that is wrong, where it was given, and what would be right.
//!
//! The value itself is not repeated, because it may be a secret that was put into the wrong place.

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A name that does not exist.
    #[error("unknown setting {name} in {place}{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// Where it was given.
        place: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{name}: {problem}")]
    Bad {
        /// The setting, with the place that it was given in where known.
        name: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The file cannot be read.
    #[error("the configuration file {path}: {problem}")]
    File {
        /// Which.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

impl ConfigError {
    /// A value that cannot be used.
    pub fn bad(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Bad { name: name.into(), problem: problem.into() }
    }
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}
