//! Whether output has ANSI colors: `--color`, `NO_COLOR` and whether the output is a terminal. `anstream` removes the
//! colors; this is the option itself, which help and errors need before clap has parsed it.

use std::ffi::OsString;

use clap::ValueEnum;
use serde::Deserialize;

use super::environment;

/// The variable of `--color`.
pub(super) const VARIABLE: &str = "CIVITAI_MOCK_COLOR";

/// When output is colored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorWhen {
    /// The choice of the command line or the environment, before clap parses either: help and errors are colored too.
    pub(super) fn early() -> Self {
        let variable = std::env::var(VARIABLE).ok();
        Self::from_arguments(std::env::args_os())
            .or_else(|| Self::named(environment::without_quotes(variable?.trim())))
            .unwrap_or_default()
    }

    fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let argument = argument.to_string_lossy();
            if argument == "--" {
                return None;
            }
            if argument == "--color" {
                return Self::named(&arguments.next()?.to_string_lossy());
            }
            if let Some(value) = argument.strip_prefix("--color=") {
                return Self::named(value);
            }
        }
        None
    }

    fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    /// The choice for help and errors of the command line.
    pub(super) fn for_clap(self) -> clap::ColorChoice {
        match self {
            Self::Auto => clap::ColorChoice::Auto,
            Self::Always => clap::ColorChoice::Always,
            Self::Never => clap::ColorChoice::Never,
        }
    }

    /// The choice for a stream.
    pub(super) fn for_stream(self) -> anstream::ColorChoice {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
    }

    /// Whether standard error is colored.
    pub(super) fn colors_stderr(self) -> bool {
        match self {
            Self::Auto => {
                anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
            }
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Moves `--color` to the end of the arguments: it is permitted before a command, unlike other options.
pub(super) fn move_to_end(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let (mut others, mut moved) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if text == "--" {
            others.append(&mut moved);
            others.push(argument);
            others.extend(arguments);
            break;
        }
        let is_color = text == "--color";
        if is_color || text.starts_with("--color=") {
            moved.push(argument);
            if is_color {
                moved.extend(arguments.next());
            }
        } else {
            others.push(argument);
        }
    }
    others.append(&mut moved);
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_moved_behind_the_command() {
        let moved = |text: &str| {
            let arguments = move_to_end(text.split_whitespace().map(OsString::from));
            let words = arguments
                .iter()
                .map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            moved("mock --color never scope 1"),
            "mock scope 1 --color never"
        );
        assert_eq!(
            moved("mock --color=never scope 1"),
            "mock scope 1 --color=never"
        );
        assert_eq!(moved("mock --color"), "mock --color");
        assert_eq!(moved("mock --color never -- x"), "mock --color never -- x");
    }

    #[test]
    fn the_choice_is_found_anywhere_before_two_dashes() {
        let choice =
            |text: &str| ColorWhen::from_arguments(text.split_whitespace().map(OsString::from));
        assert_eq!(choice("mock --color always"), Some(ColorWhen::Always));
        assert_eq!(choice("mock scope 1 --color=never"), Some(ColorWhen::Never));
        assert_eq!(choice("mock --color=mauve"), None);
        assert_eq!(choice("mock --color"), None);
        assert_eq!(choice("mock -- --color=never"), None);
    }
}
