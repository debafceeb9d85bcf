//! The one door through which the process environment enters.
//!
//! Read once at start; everything else receives what it needs as values. Nothing here may be logged: the environment
//! holds secrets.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::error::ConfigError;
use super::setting::ENVIRONMENT_PREFIX;

/// Names after the prefix that are not ours to judge: the test suite's own.
const FOREIGN: &str = "THREADKEEP_TEST_";

/// Longest name of a user, in characters.
const USER_MAX: usize = 64;

/// What the program takes from the process environment.
#[derive(Clone, Default)]
pub struct Environment {
    /// Variables that begin with `THREADKEEP_`, by their whole name.
    pub ours: BTreeMap<String, String>,
    /// The user's name; short and plain, and nothing to rely on: whoever sets the environment chooses it.
    pub user: Option<String>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Where configuration lies, when the user has moved it.
    pub config_home: Option<PathBuf>,
    /// Where data lies, when the user has moved it.
    pub data_home: Option<PathBuf>,
    /// The directory that the program was started in.
    pub current: PathBuf,
    /// The directory for temporary files.
    pub temporary: PathBuf,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Result<Self, ConfigError> {
        let current = std::env::current_dir().unwrap_or_default();
        Ok(Self { temporary: std::env::temp_dir(), ..Self::of_variables(std::env::vars_os(), current)? })
    }

    /// Reads these variables as if they were the environment.
    pub fn of_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        current: PathBuf,
    ) -> Result<Self, ConfigError> {
        let mut read = Self { current, ..Self::default() };
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let path = || Some(PathBuf::from(&value)).filter(|path| path.is_absolute());
            match name {
                "HOME" | "USERPROFILE" => read.home = read.home.take().or_else(path),
                "USER" | "LOGNAME" | "USERNAME" => {
                    let name = value.to_str().map(plain).filter(|name| !name.is_empty());
                    read.user = read.user.take().or(name);
                }
                "XDG_CONFIG_HOME" => read.config_home = path(),
                "XDG_DATA_HOME" => read.data_home = path(),
                _ if name.starts_with(FOREIGN) || !name.starts_with(ENVIRONMENT_PREFIX) => {}
                _ => {
                    let value = value.into_string().map_err(|_| ConfigError::bad(name, "its value is not UTF-8"))?;
                    // An empty variable is how shells and container files write "not set".
                    if !value.is_empty() {
                        read.ours.insert(name.to_owned(), value);
                    }
                }
            }
        }
        Ok(read)
    }

    /// The directory of this program's configuration.
    pub fn config_dir(&self) -> Option<PathBuf> {
        let base = self.config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")))?;
        Some(base.join("threadkeep"))
    }

    /// The directory of this program's data, unless the user says otherwise.
    pub fn data_dir(&self) -> Option<PathBuf> {
        let base = self.data_home.clone().or_else(|| Some(self.home.as_ref()?.join(".local/share")))?;
        Some(base.join("threadkeep"))
    }
}

/// A name without control characters, and not endless.
fn plain(name: &str) -> String {
    name.chars().filter(|one| !one.is_control()).take(USER_MAX).collect()
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("ours", &self.ours.keys()).finish_non_exhaustive()
    }
}
