//! The source of each option: a flag, a variable or a line of the configuration file. Errors name it.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::invalid::{self, Invalid};

/// The sources of the options. `Debug` shows no value: some are secrets.
#[derive(Default)]
pub(super) struct Sources {
    /// What the command line and the environment set.
    pub(super) matches: ArgMatches,
    file: Option<ConfigFile>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// The configuration file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    text: String,
}

impl ConfigFile {
    pub(super) fn new(path: &Path, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
        }
    }

    /// The key with its place, if the file has it: `mock.toml:3: seed`.
    fn name(&self, key: &str) -> Option<String> {
        let line = invalid::line_of_key(&self.text, key)?;
        Some(format!("{}:{line}: {key}", self.path.display()))
    }
}

impl Sources {
    pub(super) fn new(matches: &ArgMatches) -> Self {
        Self {
            matches: matches.clone(),
            file: None,
        }
    }

    /// `CommandLine` for a flag. Any other one is a variable, or one whose quotes were removed: no option of the server has a
    /// default that clap knows.
    fn source(&self, key: &str) -> Option<ValueSource> {
        let id = self.matches.ids().find(|id| id.as_str() == key)?;
        self.matches.value_source(id.as_str())
    }

    /// Whether the option was given by a flag.
    pub(super) fn is_flag(&self, key: &str) -> bool {
        self.source(key) == Some(ValueSource::CommandLine)
    }

    pub(super) fn set_file(&mut self, file: ConfigFile) {
        self.file = Some(file);
    }

    /// Whether the option was given by a flag, a variable or a file.
    pub(super) fn has(&self, key: &str) -> bool {
        let in_file = |file: &ConfigFile| file.name(key).is_some();
        self.source(key).is_some() || self.file.as_ref().is_some_and(in_file)
    }

    /// The option as its source names it: `--seed`, `CIVITAI_MOCK_SEED` or `mock.toml:3: seed`.
    pub(super) fn name(&self, key: &str) -> String {
        let flag = || format!("--{}", key.replace('_', "-"));
        match self.source(key) {
            Some(ValueSource::CommandLine) => flag(),
            Some(_) => format!("CIVITAI_MOCK_{}", key.to_uppercase()),
            None => {
                let in_file = self.file.as_ref().and_then(|file| file.name(key));
                in_file.unwrap_or_else(flag)
            }
        }
    }

    /// The error, with its option named as its source does.
    pub(super) fn with_source(&self, error: Invalid) -> Invalid {
        if error.file.is_some() || !self.has(&error.path) {
            return error;
        }
        Invalid {
            path: self.name(&error.path),
            ..error
        }
    }
}
