//! Where each setting comes from.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use config::{Source as _, Value, ValueKind};

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A settings file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// An argument of the command line.
    Argument(&'static str),
}

/// Sources by the setting's dotted name; what is not named is a default.
#[derive(Debug, Clone, Default)]
pub struct Sources(BTreeMap<String, Source>);

impl Source {
    /// Its kind, as `festoon config show --json` has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(_) => "file",
            Self::Environment(_) => "environment",
            Self::Argument(_) => "argument",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Argument(argument) => f.write_str(argument),
        }
    }
}

impl Sources {
    /// The sources of what was read, from `file` and from these variables of the environment.
    pub(super) fn of(read: &config::Config, file: &Path, variables: &[String]) -> Result<Self, config::ConfigError> {
        let mut sources = Self::default();
        for (name, value) in read.collect()? {
            sources.add(&name, &value, file, variables);
        }
        Ok(sources)
    }

    fn add(&mut self, name: &str, value: &Value, file: &Path, variables: &[String]) {
        if let ValueKind::Table(table) = &value.kind {
            for (key, value) in table {
                self.add(&format!("{name}.{key}"), value, file, variables);
            }
            return;
        }
        let variable = format!("FESTOON__{}", name.replace('.', "__"));
        let source = match variables.iter().find(|given| given.eq_ignore_ascii_case(&variable)) {
            Some(variable) => Source::Environment(variable.clone()),
            None => Source::File(file.to_owned()),
        };
        self.0.insert(name.to_owned(), source);
    }

    /// Notes that an argument overrides a setting.
    pub fn override_with(&mut self, setting: &str, source: Source) {
        self.0.insert(setting.to_owned(), source);
    }

    /// Where a setting comes from, by its dotted name.
    pub fn of_setting(&self, name: &str) -> Source {
        self.0.get(name).cloned().unwrap_or(Source::Default)
    }
}
