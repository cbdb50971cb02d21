//! The explanation of a refusal.

use std::borrow::Cow;

use serde::Serialize;

/// The explanation of a refused request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Explanation {
    /// The rule that it broke, with the value unless that is secret.
    pub rule: String,
    /// The fix.
    pub fix: Cow<'static, str>,
    /// The specification or documentation of the rule.
    pub source: &'static str,
}
