//! Where things lie when nobody says otherwise: the configuration file, the data and the key.
//!
//! The key never lies inside the data directory, so that a copy of the data alone does not open the sessions in it.

use std::path::{Component, Path, PathBuf};

use super::error::ConfigError;
use super::layers::{FILE_NAME, FILE_VARIABLE};
use super::{Environment, Inputs};

/// The configuration file: the one that was asked for, else the first that exists.
pub fn file(inputs: &Inputs, data_dir: Option<&str>) -> Result<Option<PathBuf>, ConfigError> {
    let environment = &inputs.environment;
    let asked = inputs.file.clone().or_else(|| environment.ours.get(FILE_VARIABLE).map(PathBuf::from));
    if let Some(path) = asked {
        let path = absolute(environment, &path);
        if !path.is_file() {
            let problem = "there is no such file".to_owned();
            return Err(ConfigError::File { path: path.display().to_string(), problem });
        }
        return Ok(Some(path));
    }
    let data_dir = data_dir.map(|text| expand(environment, text)).or_else(|| environment.data_dir());
    let candidates = [data_dir, environment.config_dir()];
    Ok(candidates.into_iter().flatten().map(|dir| dir.join(FILE_NAME)).find(|path| path.is_file()))
}

/// The data directory.
pub fn data_dir(inputs: &Inputs, given: Option<&str>) -> Result<PathBuf, ConfigError> {
    match given {
        Some(text) => Ok(expand(&inputs.environment, text)),
        None => inputs.environment.data_dir().ok_or_else(|| {
            ConfigError::bad("data_dir", "there is no home directory to put it into: set THREADKEEP_DATA_DIR")
        }),
    }
}

/// The key file: beside a data directory that somebody has chosen, else with the configuration.
pub fn master_key_file(
    inputs: &Inputs,
    given: Option<&str>,
    data_dir: &Path,
    is_data_dir_chosen: bool,
) -> Result<PathBuf, ConfigError> {
    let needs_name = || {
        let problem = "there is no place for it beside the data directory: set THREADKEEP_MASTER_KEY_FILE";
        ConfigError::bad("master_key_file", problem)
    };
    if let Some(text) = given {
        return Ok(expand(&inputs.environment, text));
    }
    if !is_data_dir_chosen {
        return Ok(inputs.environment.config_dir().ok_or_else(needs_name)?.join("master.key"));
    }
    let mut name = data_dir.file_name().ok_or_else(needs_name)?.to_owned();
    name.push(".key");
    Ok(data_dir.with_file_name(name))
}

/// A path that a setting names.
pub fn path(inputs: &Inputs, text: &str) -> PathBuf {
    expand(&inputs.environment, text)
}

/// A path as the user wrote it: `~/` is the home directory, and a relative one starts where the program was started.
pub fn expand(environment: &Environment, text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), &environment.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => absolute(environment, Path::new(text)),
    }
}

/// The path from the root, without `.` and `..`.
fn absolute(environment: &Environment, path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in environment.current.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> Inputs {
        let environment =
            Environment { home: Some("/home/olga".into()), current: "/srv/work".into(), ..Environment::default() };
        Inputs { environment, ..Inputs::default() }
    }

    #[test]
    fn the_key_is_never_inside_the_data() {
        let inputs = inputs();
        for text in ["data", "./data/", "/srv/data", "~/data", "../other/data/."] {
            let dir = data_dir(&inputs, Some(text)).unwrap();
            let key = master_key_file(&inputs, None, &dir, true).unwrap();
            assert_eq!(key.parent(), dir.parent(), "{text}");
            assert_eq!(key.file_name().unwrap(), "data.key", "{text}");
        }
        assert!(master_key_file(&inputs, None, Path::new("/"), true).is_err());
    }

    #[test]
    fn without_a_choice_everything_is_in_the_home_directory() {
        let inputs = inputs();
        let dir = data_dir(&inputs, None).unwrap();
        assert_eq!(dir, Path::new("/home/olga/.local/share/threadkeep"));
        let key = master_key_file(&inputs, None, &dir, false).unwrap();
        assert_eq!(key, Path::new("/home/olga/.config/threadkeep/master.key"));
        let nowhere = Inputs::default();
        assert!(data_dir(&nowhere, None).is_err());
    }
}
