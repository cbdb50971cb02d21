//! The explanation of a refusal.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

/// The explanation of a refused request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Explanation {
    /// The code of the reason, such as `wrong-secret`.
    pub code: Cow<'static, str>,
    /// What was wrong, with the values unless they are secret.
    pub message: String,
    /// The general rule, if the message is about this request alone.
    pub rule: Option<Cow<'static, str>>,
    /// The values in the message, by name: for example the request that used the code before.
    pub facts: Map<String, Value>,
    /// The fix.
    pub fix: Cow<'static, str>,
    /// The specification or documentation of the rule.
    pub source: &'static str,
}

impl Explanation {
    /// An explanation without facts, whose message is the rule.
    pub(super) fn general(
        code: &'static str,
        message: impl Into<String>,
        fix: impl Into<Cow<'static, str>>,
        source: &'static str,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            rule: None,
            facts: Map::new(),
            fix: fix.into(),
            source,
        }
    }
}
