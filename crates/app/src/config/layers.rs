//! The layers of the configuration: defaults, file, environment, flags; the later one wins.
//!
//! Each layer is checked by itself before they are laid over each other, so that an error names the place to correct.

use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::environment::Environment;
use super::error::ConfigError;
use super::setting::{ENVIRONMENT_PREFIX, SETTINGS, Setting, nearest};

/// Name of the configuration file.
pub const FILE_NAME: &str = "threadkeep.toml";
/// Largest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1_000_000;
/// The environment name of `--config`.
pub const FILE_VARIABLE: &str = "THREADKEEP_CONFIG";

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nobody has said anything.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment,
    /// The command line.
    Flag,
}

impl Place {
    /// The place in words, for the setting of this name.
    pub fn told(&self, setting: &Setting) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File(path) => format!("file {}", path.display()),
            Self::Environment => format!("environment {}", setting.environment_name()),
            Self::Flag => "flag".to_owned(),
        }
    }
}

/// One layer.
#[derive(Clone)]
pub struct Layer {
    place: Place,
    values: Dict,
}

impl Layer {
    /// The layer that holds what nobody has set.
    pub fn defaults(values: Dict) -> Self {
        Self { place: Place::Default, values }
    }

    /// Reads and checks a file.
    pub fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let fail = |problem: String| ConfigError::File { path: path.display().to_string(), problem };
        let size = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
        if size > FILE_BYTES_MAX {
            return Err(fail(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let parsed = Toml::string(&text).data().map_err(|error| fail(first_line(&error.to_string())))?;
        let values: Dict = parsed.into_values().flatten().collect();
        for (name, value) in &values {
            let place = format!("file {}", path.display());
            let setting = Setting::named(name).ok_or_else(|| unknown(name, &place, SETTINGS.map(|one| one.name)))?;
            if !setting.admits(value) {
                return Err(ConfigError::bad(format!("{name} in {place}"), setting.wanted()));
            }
        }
        Ok(Self { place: Place::File(path.to_owned()), values })
    }

    /// Reads and checks the environment.
    pub fn of_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let mut values = Dict::new();
        let known = SETTINGS.map(|setting| setting.environment_name());
        for (variable, text) in environment.ours.iter().filter(|(name, _)| *name != FILE_VARIABLE) {
            let name = variable.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or_default().to_ascii_lowercase();
            let setting = Setting::named(&name)
                .filter(|setting| setting.environment_name() == *variable)
                .ok_or_else(|| unknown(variable, "the environment", known.each_ref().map(String::as_str)))?;
            let value = setting.read(text).map_err(|problem| ConfigError::bad(variable, problem))?;
            values.insert(name, value);
        }
        Ok(Self { place: Place::Environment, values })
    }

    /// Reads and checks flags, given as (name, text).
    pub fn of_flags(flags: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut values = Dict::new();
        for (name, text) in flags {
            let setting = Setting::named(name).ok_or_else(|| unknown(name, "a flag", SETTINGS.map(|one| one.name)))?;
            if setting.secret {
                let variable = setting.environment_name();
                return Err(ConfigError::bad(
                    name,
                    format!("a secret must not be on the command line, where others can read it: use {variable}"),
                ));
            }
            let value = setting.read(text).map_err(|problem| ConfigError::bad(format!("{name} in a flag"), problem))?;
            values.insert(name.clone(), value);
        }
        Ok(Self { place: Place::Flag, values })
    }

    /// The text of a setting in this layer.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        match &self.place {
            Place::Default => Metadata::named("default"),
            Place::File(path) => Metadata::from("file", path.as_path()),
            Place::Environment => Metadata::named("environment"),
            Place::Flag => Metadata::named("flag"),
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// Where the winning value of a setting came from.
pub fn place_of(figment: &Figment, name: &str) -> Place {
    let Some(metadata) = figment.find_metadata(name) else { return Place::Default };
    match (metadata.name.as_ref(), &metadata.source) {
        ("environment", _) => Place::Environment,
        ("flag", _) => Place::Flag,
        ("file", Some(figment::Source::File(path))) => Place::File(path.clone()),
        _ => Place::Default,
    }
}

impl Setting {
    fn admits(&self, value: &Value) -> bool {
        use super::setting::Form;
        match (self.form, value) {
            (Form::Text, Value::String(..)) => true,
            (Form::Whole, Value::Num(_, number)) => number.to_u128().is_some() || number.to_i128() >= Some(0),
            (Form::List, Value::Array(_, entries)) => entries.iter().all(|entry| entry.as_str().is_some()),
            (Form::Table, Value::Dict(_, entries)) => entries.values().all(|entry| entry.as_str().is_some()),
            _ => false,
        }
    }

    fn wanted(&self) -> &'static str {
        use super::setting::Form;
        match self.form {
            Form::Text => "it must be a text in quotes",
            Form::Whole => "it must be a whole number, 0 or more",
            Form::List => "it must be a list of texts, such as [\"INBOX\", \"ARCHIVE\"]",
            Form::Table => "it must be a table of texts",
        }
    }
}

fn unknown<'a>(name: &str, place: &str, known: impl IntoIterator<Item = &'a str>) -> ConfigError {
    ConfigError::Unknown {
        name: name.to_owned(),
        place: place.to_owned(),
        nearest: nearest(name, known).map(str::to_owned),
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}
