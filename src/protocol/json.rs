//! JSON helpers: a bound on the number of values, whole numbers, keys that may be absent, scopes as text, durations as seconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

use crate::protocol::scope::Scope;

/// The most values of a JSON text from a client. A parsed value takes many times its two bytes of text: 512 KiB would be
/// 260,000 of them, and 12 ms of a core. Civitai documents no such bound.
pub(crate) const MAX_JSON_VALUES: usize = 50_000;

/// Whether a JSON text may have more than [`MAX_JSON_VALUES`] values. The count is an upper bound: keys are not counted, but an
/// empty list or object counts as two. Counting costs little compared with parsing.
pub(crate) fn has_too_many_values(text: &[u8]) -> bool {
    // The shortest values are a digit and a comma.
    if text.len() < 2 * MAX_JSON_VALUES {
        return false;
    }
    let (mut is_string, mut is_escaped) = (false, false);
    let mut values = 1_usize;
    for byte in text {
        match (byte, is_string) {
            _ if is_escaped => is_escaped = false,
            (b'\\', true) => is_escaped = true,
            (b'"', _) => is_string = !is_string,
            // Each value but the first follows one of these.
            (b',' | b'[' | b'{', false) => values += 1,
            _ => {}
        }
    }
    values > MAX_JSON_VALUES
}

/// The largest integer that a JSON number represents exactly in JavaScript.
pub(crate) const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;

/// A whole number from 0 to [`MAX_SAFE_INTEGER`]: `5` and `5.0` are the same number in JSON.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    let number = value.as_f64()?;
    #[expect(clippy::cast_precision_loss, reason = "it is exact, by its definition")]
    let fits = (0.0..=MAX_SAFE_INTEGER as f64).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    fits.then_some(number as u64)
}

/// Distinguishes a key that was given, with any value, from one that was not.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A scope as Civitai's answers have it: a number that is text.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
pub(crate) fn scope_text<S: Serializer>(scope: &Scope, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scope)
}

/// A length of time in whole seconds.
pub(crate) fn seconds<S: Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(length.as_secs())
}

/// As [`seconds`], or `null`.
#[expect(clippy::ref_option, reason = "serde asks for it")]
pub(crate) fn seconds_if_known<S: Serializer>(
    length: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match length {
        Some(length) => seconds(length, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        let list = |values: usize, value: &str| {
            let values = vec![value; values].join(",");
            format!("[{values}]")
        };
        for (text, too_many) in [
            (list(MAX_JSON_VALUES - 2, "10"), false),
            (list(MAX_JSON_VALUES, "10"), true),
            (list(MAX_JSON_VALUES, "{}"), true),
            (format!("[\"{}\"]", ",[{".repeat(200_000)), false),
            (format!(r#"["\"{}"]"#, ",".repeat(200_000)), false),
            (format!(r#"["\\",{}]"#, ",".repeat(200_000)), true),
            (format!(r#"{{"a":"b\\\"{}"}}"#, "[".repeat(200_000)), false),
        ] {
            let start = &text[..20];
            assert_eq!(has_too_many_values(text.as_bytes()), too_many, "{start}");
        }
    }
}
