//! What is wrong with one value: the error of the deserializer in `read.rs`, from which serde's own checks and the types' rules
//! come too.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::error::{Invalid, quoted};
use crate::redact::is_secret;
use crate::suggest::ValueError;

pub(super) const LIST: &str = "a list";

/// What is wrong with a value. `serde_path_to_error` knows its place.
#[derive(Debug)]
pub(super) enum ValueProblem {
    /// It is of another kind.
    Kind { found: String, expected: String },
    /// It breaks a rule of its type.
    Rule(ValueError),
}

impl ValueProblem {
    pub(super) fn kind(found: String, expected: &str) -> Self {
        let expected = expected.to_owned();
        Self::Kind { found, expected }
    }

    fn rule(message: String) -> Self {
        Self::Rule(ValueError::new(message))
    }

    /// The error at this path.
    pub(super) fn at(self, path: &str) -> Invalid {
        let (found, expected) = match self {
            Self::Kind { found, expected } => (found, expected),
            Self::Rule(error) => return Invalid::rule(path, error),
        };
        let key = path.rsplit('.').next().unwrap_or_default();
        let found = if is_secret(key) {
            "the value".to_owned()
        } else {
            quoted(&found).unwrap_or(found)
        };
        let error = Invalid::new(path, format!("{found} is not {expected}"));
        if expected == LIST && found.starts_with('"') {
            error.with_hint(format!("write [{found}]"))
        } else {
            error
        }
    }

    fn unknown(noun: &str, word: &str, known: &[&str]) -> Self {
        let message = format!("unknown {noun} {word:?}");
        Self::Rule(ValueError::unknown(message, word, known))
    }
}

impl fmt::Display for ValueProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { found, expected } => write!(f, "{found} is not {expected}"),
            Self::Rule(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ValueProblem {}

impl Error for ValueProblem {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Rule(ValueError::read(&reason))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(value) => value.to_string(),
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Float(number) => number.to_string(),
            Unexpected::Str(text) => format!("{text:?}"),
            Unexpected::Unit | Unexpected::Option => "null".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "an object".to_owned(),
            other => other.to_string(),
        };
        let expected = expected.to_string();
        Self::Kind { found, expected }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("value", word, known)
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("key", key, known)
    }

    fn missing_field(key: &'static str) -> Self {
        Self::rule(format!("missing key {key:?}"))
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::rule(format!("the key {key:?} is given twice"))
    }
}
