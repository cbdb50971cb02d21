//! The error of seeds, configuration files and control calls: it names the place, the value, the rule and the fix.
//! Civitai's own errors are in `protocol/error.rs`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeTable;

use crate::lenient::Lenient;
use crate::redact::{is_secret, redact_message, redact_text};

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
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ErrorView")
)]
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

    /// Asks whether what is nearest to the wrong value was meant; where nothing is near, says the other.
    #[must_use]
    pub(crate) fn with_nearest<'a>(
        self,
        wrong: &str,
        known: impl IntoIterator<Item = &'a str>,
        otherwise: impl Into<String>,
    ) -> Self {
        match crate::suggest::closest_match(wrong, known) {
            Some(near) => self.with_hint(format!("did you mean {near:?}?")),
            None => self.with_hint(otherwise),
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

/// Reads a JSON value.
pub(crate) fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(Lenient(value))
        .map_err(|error| explain(&path(&error), &error.inner().to_string()))
}

/// Reads a JSON object. A list of the keys' values in their order, which serde would take too, is refused.
pub(crate) fn from_object<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    if value.is_object() {
        return from_json(value);
    }
    let what = match value {
        Value::Array(_) => "a list",
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) | Value::Object(_) => "text",
    };
    Err(Invalid::new(
        "",
        format!("{what} is not an object of keys and values"),
    ))
}

/// Reads TOML text that came from a file.
pub(crate) fn from_toml<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, Invalid> {
    let at = |error: &toml::de::Error, path: &str| {
        let by_span = || Some(line_of(text, error.span()?.start));
        let line = line_of_key(text, path).or_else(by_span);
        Invalid {
            file: Some((file.to_owned(), line)),
            ..explain(path, error.message())
        }
    };
    let deserializer = toml::Deserializer::parse(text).map_err(|error| at(&error, ""))?;
    serde_path_to_error::deserialize(Lenient(deserializer)).map_err(|error| {
        let place = path(&error);
        at(error.inner(), &place)
    })
}

fn path<E>(error: &serde_path_to_error::Error<E>) -> String {
    match error.path().to_string() {
        root if root == "." => String::new(),
        path => path,
    }
}

/// The line of the key that a path such as `clients[2].owner` leads to in TOML text, or of the table that lacks the key.
pub(crate) fn line_of_key(text: &str, path: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = Some(document.get_ref());
    let mut start = None;
    for part in path.split('.') {
        let (key, index) = match part.split_once('[') {
            Some((key, index)) => (key, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let Some((key, value)) = table.and_then(|table| table.get_key_value(key)) else {
            break;
        };
        let item = index.and_then(|index| value.get_ref().as_array()?.get(index));
        start = Some(item.map_or_else(|| key.span(), Spanned::span).start);
        table = item.unwrap_or(value).get_ref().as_table();
    }
    start.map(|offset| line_of(text, offset))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// What went wrong, in people's words and with the nearest known word as a hint.
pub(crate) fn explain(path: &str, message: &str) -> Invalid {
    let path = redact_text(path).into_owned();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let kind = ["unknown field", "unknown variant"]
        .into_iter()
        .find(|kind| message.starts_with(kind));
    let (Some(kind), Some((wrong, known))) = (kind, quoted.split_first()) else {
        return in_words(path, message);
    };
    let noun = if kind == "unknown field" {
        "unknown key"
    } else {
        "unknown value"
    };
    let choices = if known.is_empty() {
        "it takes nothing".to_owned()
    } else {
        format!("choose among {}", known.join(", "))
    };
    Invalid::new(path, format!("{noun} {:?}", redact_text(wrong))).with_nearest(
        wrong,
        known.iter().copied(),
        choices,
    )
}

/// Serde speaks of Rust's types, and of one thing at a time; people of numbers, text and lists.
fn in_words(path: String, message: &str) -> Invalid {
    let key = |rest: &str| rest.trim_matches('`').to_owned();
    if let Some(rest) = message.strip_prefix("missing field ") {
        return Invalid::new(path, format!("missing key {:?}", key(rest)));
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return Invalid::new(path, format!("the key {:?} is given twice", key(rest)));
    }
    for wrong in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) = message
            .strip_prefix(wrong)
            .and_then(|rest| rest.rsplit_once(", expected "))
        {
            let key = path.rsplit('.').next().unwrap_or_default();
            let found = match found_in_words(found) {
                _ if is_secret(key) => "the value".to_owned(),
                found => quoted(&found).unwrap_or(found),
            };
            let expected = kind_in_words(expected);
            // A number of TOML that no integer of 64 bits can have.
            if message.contains(" as i128") || message.contains(" as u128") {
                return Invalid::new(path, format!("{found} is out of range: {expected}"));
            }
            let wrong = Invalid::new(path, format!("{found} is not {expected}"));
            return if expected == "a list" && found.starts_with('"') {
                wrong.with_hint(format!("write [{found}]"))
            } else {
                wrong
            };
        }
    }
    // A word that is on no list brings its hint along: `suggest::unknown_value_error`.
    match message.rsplit_once("; ") {
        Some((what, hint))
            if ["did you mean ", "choose among "]
                .iter()
                .any(|one| hint.starts_with(one)) =>
        {
            Invalid::new(path, quoted(what).unwrap_or_else(|| what.to_owned())).with_hint(hint)
        }
        // What is said of a value by its own kind repeats it in quotes.
        _ => Invalid::new(path, quoted(message).unwrap_or_else(|| message.to_owned())),
    }
}

/// The text with what stands in its first quotes less its secrets; nothing where there are no quotes. What comes after them
/// is no part of the value.
fn quoted(text: &str) -> Option<String> {
    let (before, rest) = text.split_once('"')?;
    let (value, after) = rest.rsplit_once('"')?;
    Some(format!("{before}\"{}\"{after}", redact_text(value)))
}

/// ``integer `5` `` is 5, `string "x"` is "x"; a list is too long to be repeated.
fn found_in_words(found: &str) -> String {
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" | "Option value" => "null".to_owned(),
        "byte array" => "a row of bytes".to_owned(),
        _ => {
            let value = found.strip_prefix("string ").unwrap_or(found);
            let quoted = value
                .split_once('`')
                .map(|(_, rest)| rest.rsplit_once('`').map_or(rest, |(value, _)| value));
            quoted
                .filter(|_| value == found)
                .unwrap_or(value)
                .to_owned()
        }
    }
}

fn kind_in_words(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" | "floating point" => "a number",
        "a boolean" | "bool" => "true or false",
        "a string" | "string" | "a borrowed string" | "str" | "string or map" | "a character"
        | "path string" => "text",
        "a sequence" | "an array" => "a list",
        "a map" | "map" => "an object",
        "unit" | "null" => "null",
        other
            if [
                "struct ",
                "tuple struct ",
                "internally tagged enum ",
                "adjacently tagged enum ",
            ]
            .iter()
            .any(|kind| other.starts_with(kind)) =>
        {
            "an object"
        }
        other if other.starts_with("enum ") => "text",
        other if other.starts_with("a tuple") => "a list",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        #[expect(dead_code, reason = "only its reading is tested")]
        redirect_uris: Vec<u32>,
    }

    #[test]
    fn json_errors_name_key_value_and_the_nearest_choice() {
        let wrong =
            from_json::<Vec<Thing>>(serde_json::json!([{"redirect_urls": []}])).unwrap_err();
        insta::assert_snapshot!(wrong, @r#"[0].redirect_urls: unknown key "redirect_urls"; did you mean "redirect_uris"?"#);
        let wrong = from_json::<Thing>(serde_json::json!({"redirect_uris": [1, "x"]})).unwrap_err();
        insta::assert_snapshot!(wrong, @r#"redirect_uris[1]: "x" is not a whole number from 0 to 4294967295"#);
    }

    #[test]
    fn nothing_is_said_of_rusts_types() {
        let values = [
            serde_json::json!({ "redirect_uris": "a, expected b" }),
            serde_json::json!({ "redirect_uris": [-1] }),
            serde_json::json!({ "redirect_uris": [1.5] }),
            serde_json::json!({ "redirect_uris": [null] }),
            serde_json::json!({ "redirect_uris": [[]] }),
            serde_json::json!({ "redirect_uris": {} }),
            serde_json::json!({}),
            serde_json::json!("string `x`"),
        ];
        let told = values.map(|value| from_json::<Thing>(value).unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r#"
        redirect_uris: "a, expected b" is not a list; write ["a, expected b"]
        redirect_uris[0]: -1 is not a whole number from 0 to 4294967295
        redirect_uris[0]: 1.5 is not a whole number from 0 to 4294967295
        redirect_uris[0]: null is not a whole number from 0 to 4294967295
        redirect_uris[0]: a list is not a whole number from 0 to 4294967295
        redirect_uris: an object is not a list
        missing key "redirect_uris"
        "string `x`" is not an object
        "#);
    }

    #[test]
    fn toml_errors_name_file_and_line() {
        let text = "\nredirect_uris = [1,\n  true]\n";
        let wrong = from_toml::<Thing>(text, Path::new("seed.toml")).unwrap_err();
        insta::assert_snapshot!(wrong, @"seed.toml:3: redirect_uris[1]: true is not a whole number from 0 to 4294967295");
    }
}
