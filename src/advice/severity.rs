//! The severity of a finding: error, warning or hint.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The severity of a finding. The most severe is the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// The app fails, or will fail.
    Error,
    /// The app fails under another contract or under load, or leaks something.
    Warning,
    /// Good practice, or a suspicion that the server cannot confirm.
    Hint,
}

impl Severity {
    /// All severities, the most severe first.
    pub(crate) const ALL: &[Self] = &[Self::Error, Self::Warning, Self::Hint];

    /// The name: `error`, `warning` or `hint`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|one| one.name() == text);
        known.ok_or_else(|| {
            format!("unknown severity {text:?}: use \"error\", \"warning\" or \"hint\"")
        })
    }
}
