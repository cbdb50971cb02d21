//! The error of seeds, configuration files and control calls: it names the place, the value, the rule and the fix.
//! Civitai's own errors are in `protocol/error.rs`.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::redact::{redact_message, redact_text};
use crate::suggest::ValueError;

/// The fix for a sandbox in which pages and apps have created the maximum number of rows.
pub(crate) const MAKE_ROOM: &str = "delete some with the control API, or reset the sandbox";

/// Input of ours that cannot be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invalid {
    /// The file it is in, and the line where that is known.
    pub file: Option<(PathBuf, Option<usize>)>,
    /// The key, for example `clients[2].redirect_uris[0]`; empty for the input as a whole.
    pub path: String,
    /// The value and the rule it breaks.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

/// The body of an error response.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ErrorView {
    /// The error code.
    error: &'static str,
    /// The value and the rule that it breaks.
    message: String,
    /// The key, for example `clients[2].redirect_uris[0]`; empty for the input as a whole.
    path: String,
    /// The fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Invalid {
    /// An error about this key. What it repeats of the input is without its secrets: `Debug` and the fields show no more
    /// than the text.
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: redact_text(&path.into()).into_owned(),
            message: redact_message(&message.into()).into_owned(),
            ..Self::default()
        }
    }

    /// The rule that the value of this key breaks.
    pub(crate) fn rule(path: impl Into<String>, error: ValueError) -> Self {
        // The message repeats the value in quotes.
        let message = quoted(&error.message).unwrap_or(error.message);
        Self {
            hint: error.hint.map(|hint| redact_message(&hint).into_owned()),
            ..Self::new(path, message)
        }
    }

    /// The same error, of a value inside of this key.
    #[must_use]
    pub(crate) fn inside(self, key: &str) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{key}.{path}"),
        };
        Self { path, ..self }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(redact_message(&hint.into()).into_owned());
        self
    }

    /// Checks that the texts of a row have at most this many bytes together; `sizes` has the bytes of each key. Errors: the
    /// bound, at the key of the longest text.
    pub(crate) fn check_size(row: &str, sizes: &[(&str, usize)], most: usize) -> Result<(), Self> {
        let bytes: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
        let longest = sizes.iter().max_by_key(|(_, bytes)| bytes);
        let Some((key, _)) = longest.filter(|_| bytes > most) else {
            return Ok(());
        };
        let reason = format!("the texts of a {row} have {bytes} bytes; at most {most} are stored");
        Err(Self::new(*key, reason).with_hint("shorten it"))
    }

    /// The response with this error code.
    pub(crate) fn view(&self, error: &'static str) -> ErrorView {
        ErrorView {
            error,
            message: self.message.clone(),
            path: self.path.clone(),
            hint: self.hint.clone(),
        }
    }

    /// The response with this error code, as JSON.
    pub(crate) fn to_json(&self, error: &'static str) -> Value {
        serde_json::json!(self.view(error))
    }

    /// Adds the known word that is nearest to the wrong one as a hint, or `choices` if none is near.
    #[must_use]
    pub(crate) fn with_nearest<'a>(
        self,
        wrong: &str,
        known: impl IntoIterator<Item = &'a str>,
        choices: impl Into<String>,
    ) -> Self {
        match crate::suggest::closest_match(wrong, known) {
            Some(near) => self.with_hint(format!("did you mean {near:?}?")),
            None => self.with_hint(choices),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some((file, Some(line))) => write!(f, "{}:{line}: ", file.display())?,
            Some((file, None)) => write!(f, "{}: ", file.display())?,
            None => {}
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Invalid {}

/// The text without the secrets of what stands in its quotes, which is a value; `None` without quotes.
pub(super) fn quoted(text: &str) -> Option<String> {
    let (before, rest) = text.split_once('"')?;
    let (value, after) = rest.rsplit_once('"')?;
    Some(format!("{before}\"{}\"{after}", redact_text(value)))
}
