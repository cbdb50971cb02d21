//! Parameters: names and values from a query or a body. The last of duplicates wins, in the place of the first.
//! `http/body.rs` reads the bytes.
//!
//! Our own, because JSON values count as JavaScript reads them, as at Civitai.

use std::fmt;

use serde_json::{Map, Value};

#[cfg(doc)]
use crate::protocol::json::MAX_JSON_VALUES;
use crate::protocol::json::has_too_many_values;

/// One value: text from a form, anything from JSON.
#[derive(Clone, PartialEq)]
enum Param {
    Text(String),
    Json(Value),
}

/// A value as it was sent.
#[derive(Clone, Copy)]
pub(crate) enum ParamValue<'a> {
    Text(&'a str),
    Json(&'a Value),
}

/// The parameters of one request, in the order in which they came first. `Debug` shows their names: the values are codes,
/// tokens and secrets.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Params(Vec<(String, Param)>);

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Params {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads `application/x-www-form-urlencoded` text: a body or a query.
    pub(crate) fn from_urlencoded(bytes: &[u8]) -> Self {
        url::form_urlencoded::parse(bytes)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }

    /// Reads a JSON object. Anything else counts as empty, and so does an object of more than [`MAX_JSON_VALUES`] values.
    pub(crate) fn from_json(bytes: &[u8]) -> Self {
        if has_too_many_values(bytes) {
            return Self::default();
        }
        // Decoded as a browser decodes: invalid UTF-8 is replaced, a byte order mark is removed.
        let text = String::from_utf8_lossy(bytes);
        match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(Value::Object(object)) => Self(
                object
                    .into_iter()
                    .map(|(name, value)| match value {
                        Value::String(text) => (name, Param::Text(text)),
                        other => (name, Param::Json(other)),
                    })
                    .collect(),
            ),
            _ => Self::default(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, name: &str) -> Option<&Param> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// The value if it is text, empty or not.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Param::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The value as JavaScript converts it to a string, if it is truthy in JavaScript: the deployed server checks
    /// `if (!value)`.
    pub(crate) fn non_empty(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Param::Text(text) => (!text.is_empty()).then(|| text.clone()),
            Param::Json(value) => {
                let truthy = match value {
                    Value::Null => false,
                    Value::Bool(truth) => *truth,
                    Value::Number(number) => number.as_f64() != Some(0.0),
                    _ => true,
                };
                truthy.then(|| as_javascript_text(value))
            }
        }
    }

    /// The `scope` parameter. Errors: it is there, but not text.
    pub(crate) fn scope(&self) -> Result<Option<&str>, ()> {
        match self.get("scope") {
            None | Some(Param::Json(Value::Null)) => Ok(None),
            Some(Param::Text(text)) => Ok(Some(text)),
            Some(Param::Json(_)) => Err(()),
        }
    }

    /// The value as a number would be read from it: JSON numbers count as their text.
    pub(crate) fn number_text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Param::Text(text) => Some(text.clone()),
            Param::Json(value) => Some(as_javascript_text(value)),
        }
    }

    /// All parameters, in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, ParamValue<'_>)> {
        self.0.iter().map(|(name, value)| {
            let value = match value {
                Param::Text(text) => ParamValue::Text(text),
                Param::Json(value) => ParamValue::Json(value),
            };
            (&**name, value)
        })
    }

    /// All parameters, as JSON.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        self.0
            .iter()
            .map(|(name, value)| match value {
                Param::Text(text) => (name.clone(), text.as_str().into()),
                Param::Json(value) => (name.clone(), value.clone()),
            })
            .collect()
    }

    /// The parameters that are text, as a query, which the sign-in page and the consent page pass on.
    pub(crate) fn to_query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            if let Param::Text(text) = value {
                query.append_pair(name, text);
            }
        }
        query.finish()
    }
}

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut seen = std::collections::HashMap::new();
        let mut params = Vec::new();
        for (name, value) in pairs {
            let value = Param::Text(value);
            if let Some(&at) = seen.get(&name) {
                params[at] = (name, value);
            } else {
                seen.insert(name.clone(), params.len());
                params.push((name, value));
            }
        }
        Self(params)
    }
}

fn as_javascript_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(as_javascript_text)
            .collect::<Vec<_>>()
            .join(","),
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_duplicates_wins_in_the_place_of_the_first() {
        let params = Params::from_urlencoded(b"code=bad&state=s&code=good");
        assert_eq!(params.to_query(), "code=good&state=s");
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let params = Params::from_urlencoded(b"code=c0de&client_secret=hunter2");
        assert_eq!(format!("{params:?}"), r#"{"code", "client_secret"}"#);
    }

    #[test]
    fn json_values_are_converted_as_in_javascript() {
        let params = Params::from_json(br#"{"a":["x"],"b":5,"c":0,"d":null,"e":"","f":true}"#);
        let filled = ["a", "b", "c", "d", "e", "f"].map(|name| params.non_empty(name));
        assert_eq!(
            filled,
            [
                Some("x".into()),
                Some("5".into()),
                None,
                None,
                None,
                Some("true".into())
            ]
        );
        assert_eq!(params.text("f"), None, "only text is text");
    }

    #[test]
    fn unreadable_json_counts_as_empty() {
        assert_eq!(Params::from_json(b"{"), Params::default());
        assert_eq!(Params::from_json(b"[1]"), Params::default());
    }

    #[test]
    fn large_json_numbers_survive_a_round_trip() {
        // Found by fuzzing; also in fuzz/corpus/params.
        let body = br#"{"buzz_limit":[3.3333333333333336e39,18446744073709551616,5e-324]}"#;
        let read = Params::from_json(body).to_json();
        assert_eq!(
            read["buzz_limit"][0].as_f64(),
            Some(3.333_333_333_333_333_6e39)
        );
        let written = Value::from(read.clone()).to_string();
        assert_eq!(Params::from_json(written.as_bytes()).to_json(), read);
    }

    proptest::proptest! {
        #[test]
        fn every_json_number_survives_a_round_trip(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let written = serde_json::json!({ "n": number }).to_string();
            let read = Params::from_json(written.as_bytes()).to_json();
            proptest::prop_assert_eq!(read["n"].as_f64(), Some(number));
        }

        #[test]
        fn query_survives_a_round_trip(pairs in proptest::collection::vec((".{0,8}", ".{0,20}"), 0..8)) {
            let params: Params = pairs.into_iter().collect();
            proptest::prop_assert_eq!(&Params::from_urlencoded(params.to_query().as_bytes()), &params);
            let json = Value::from(params.to_json()).to_string();
            proptest::prop_assert_eq!(&Params::from_json(json.as_bytes()), &params);
        }
    }
}
