//! The source of each option: a flag, a variable or a line of the configuration file. Errors name it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::invalid::{self, Invalid};

/// The sources of the options.
#[derive(Debug, Default)]
pub(super) struct Sources {
    sources: BTreeMap<String, Source>,
    file: Option<ConfigFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Flag,
    Variable,
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
    pub(super) fn from_matches(matches: &ArgMatches) -> Self {
        let sources = matches.ids().filter_map(|id| {
            let source = match matches.value_source(id.as_str())? {
                ValueSource::CommandLine => Source::Flag,
                // A variable, or one whose quotes were removed: no option of the server has a default that clap knows.
                _ => Source::Variable,
            };
            Some((id.to_string(), source))
        });
        Self {
            sources: sources.collect(),
            file: None,
        }
    }

    /// Whether the option was given by a flag.
    pub(super) fn is_flag(&self, key: &str) -> bool {
        self.sources.get(key) == Some(&Source::Flag)
    }

    pub(super) fn set_file(&mut self, file: ConfigFile) {
        self.file = Some(file);
    }

    /// Whether the option was given by a flag, a variable or a file.
    pub(super) fn has(&self, key: &str) -> bool {
        let in_file = |file: &ConfigFile| file.name(key).is_some();
        self.sources.contains_key(key) || self.file.as_ref().is_some_and(in_file)
    }

    /// The option as its source names it: `--seed`, `CIVITAI_MOCK_SEED` or `mock.toml:3: seed`.
    pub(super) fn name(&self, key: &str) -> String {
        let flag = || format!("--{}", key.replace('_', "-"));
        match self.sources.get(key) {
            Some(Source::Variable) => format!("CIVITAI_MOCK_{}", key.to_uppercase()),
            Some(Source::Flag) => flag(),
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
