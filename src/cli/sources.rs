//! Where each option was given: by a flag, a variable or a line of the configuration file. Errors name it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::invalid::Invalid;

/// Where the options came from.
#[derive(Debug, Default)]
pub(super) struct Sources {
    given: BTreeMap<String, Given>,
    file: Option<ConfigFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Flag,
    Variable,
}

/// The configuration file, and the line of each key.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    lines: BTreeMap<String, usize>,
}

impl ConfigFile {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        let key = |line: &str| Some(line.split_once('=')?.0.trim().to_owned());
        let lines = text.lines().enumerate();
        Self {
            path: path.to_owned(),
            lines: lines
                .filter_map(|(at, line)| Some((key(line)?, at + 1)))
                .collect(),
        }
    }
}

impl Sources {
    pub(super) fn from_matches(matches: &ArgMatches) -> Self {
        let given = matches.ids().filter_map(|id| {
            let given = match matches.value_source(id.as_str())? {
                ValueSource::CommandLine => Given::Flag,
                // A variable, or one whose quotes were removed: no option has a default that clap knows.
                _ => Given::Variable,
            };
            Some((id.to_string(), given))
        });
        Self {
            given: given.collect(),
            file: None,
        }
    }

    pub(super) fn set_file(&mut self, file: ConfigFile) {
        self.file = Some(file);
    }

    /// Whether the option was given by a flag, a variable or a file.
    pub(super) fn has(&self, key: &str) -> bool {
        let in_file = |file: &ConfigFile| file.lines.contains_key(key);
        self.given.contains_key(key) || self.file.as_ref().is_some_and(in_file)
    }

    /// The option as its source names it: `--seed`, `CIVITAI_MOCK_SEED` or `mock.toml:3: seed`.
    pub(super) fn name(&self, key: &str) -> String {
        let flag = || format!("--{}", key.replace('_', "-"));
        match (self.given.get(key), &self.file) {
            (Some(Given::Variable), _) => format!("CIVITAI_MOCK_{}", key.to_uppercase()),
            (None, Some(file)) if file.lines.contains_key(key) => {
                format!("{}:{}: {key}", file.path.display(), file.lines[key])
            }
            (Some(Given::Flag) | None, _) => flag(),
        }
    }

    /// The error, with its option named as its source does.
    pub(super) fn place(&self, error: Invalid) -> Invalid {
        if error.file.is_some() || !self.has(&error.path) {
            return error;
        }
        Invalid {
            path: self.name(&error.path),
            ..error
        }
    }
}
