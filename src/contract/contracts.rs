//! The three contracts: the documentation, the deployed server, and the deployed server as it was recorded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The description of Civitai's OAuth server that a sandbox follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Contract {
    /// The documentation on developer.civitai.com. Behaviour that it does not mention is that of [`Contract::Live`].
    #[default]
    Documented,
    /// The deployed server as last known: the recording of 2026-08, and what has changed since.
    Live,
    /// The deployed server as it was recorded on the wire in 2026-08.
    #[serde(rename = "live@2026-08")]
    Live2026_08,
}

impl Contract {
    /// Every contract.
    pub const ALL: [Self; 3] = [Self::Documented, Self::Live, Self::Live2026_08];

    /// The name that settings, flags and answers use: `documented`, `live` or `live@2026-08`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Live => "live",
            Self::Live2026_08 => "live@2026-08",
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Contract {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|contract| contract.name() == text)
            .ok_or_else(|| {
                format!(
                    "unknown contract {text:?}: use \"documented\", \"live\" or \"live@2026-08\""
                )
            })
    }
}
