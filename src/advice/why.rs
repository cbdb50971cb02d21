//! The explanation of a refusal, as JSON and pages show it.

use std::borrow::Cow;

use serde::Serialize;

/// Why an exchange was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The rule that it broke, and with what, where that is no secret.
    pub rule: String,
    /// How to keep it.
    pub mend: Cow<'static, str>,
    /// Where it is written.
    pub source: &'static str,
}
