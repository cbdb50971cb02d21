//! Truncation of stored exchanges: text by bytes, JSON by bytes and nodes in total.

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::protocol::params::{ParamValue, Params};

/// Longer texts are cut.
pub(crate) const MAX_TEXT_BYTES: usize = 4096;

/// The most bytes of the mark at the end of a cut text.
const MAX_MARK_BYTES: usize = 64;

/// A body or a JSON answer up to this size is stored as it came; a larger one is reduced to about this size.
pub(crate) const MAX_STORED_BODY_BYTES: usize = 8 * 1024;

/// A longer query is reduced pair by pair, so that about twice this size is stored at most.
const MAX_QUERY_BYTES: usize = MAX_TEXT_BYTES;

/// A value of a query that is reduced is cut after this many bytes.
const MAX_QUERY_VALUE_BYTES: usize = 1024;

/// Further members of one object or items of one list are omitted.
const MAX_MEMBERS: usize = 100;

/// Further values of one JSON document are omitted, on whatever level.
const MAX_NODES: usize = 400;

/// An estimate of the bytes of one JSON value in addition to its text.
const NODE_BYTES: usize = size_of::<Value>() + 48;

/// Cuts a text between characters and marks the place.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    cut(text, MAX_TEXT_BYTES)
}

/// The bytes that a text had before it was cut.
pub(crate) fn original_len(text: &str) -> usize {
    let cut = || {
        let (start, more) = text.strip_suffix(" bytes more")?.rsplit_once("… and ")?;
        start.len().checked_add(more.parse().ok()?)
    };
    cut().unwrap_or(text.len())
}

/// As [`text`], with another limit.
pub(crate) fn cut(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(max_bytes);
    let more = text.len() - end;
    Cow::Owned(format!("{}… and {more} bytes more", &text[..end]))
}

/// As [`text`], for text that may have been cut before, mark included.
pub(crate) fn cut_again(text: &str) -> Cow<'_, str> {
    cut(text, MAX_TEXT_BYTES + MAX_MARK_BYTES)
}

/// Reduces a long query pair by pair, so that the names at its end are not lost to a long value at its start.
pub(crate) fn query(query: &str) -> Cow<'_, str> {
    if query.len() <= MAX_QUERY_BYTES {
        return Cow::Borrowed(query);
    }
    let mut reduced = form_urlencoded::Serializer::new(String::new());
    let (mut room, mut more) = (2 * MAX_QUERY_BYTES, 0_usize);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let (name, value) = (
            cut(&name, MAX_QUERY_VALUE_BYTES),
            cut(&value, MAX_QUERY_VALUE_BYTES),
        );
        match room.checked_sub(name.len() + value.len() + 2) {
            Some(rest) if more == 0 => {
                room = rest;
                reduced.append_pair(&name, &value);
            }
            _ => more += 1,
        }
    }
    if more > 0 {
        reduced.append_pair("…", &format!("and {more} more"));
    }
    Cow::Owned(reduced.finish())
}

/// The part of a JSON document that may still be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonSizeLimit {
    pub(crate) nodes: usize,
    pub(crate) bytes: usize,
}

impl Default for JsonSizeLimit {
    fn default() -> Self {
        Self {
            nodes: MAX_NODES,
            bytes: MAX_STORED_BODY_BYTES,
        }
    }
}

impl JsonSizeLimit {
    /// Reduces a value. How deep it is was bounded when it was parsed.
    pub(crate) fn value(&mut self, whole: &Value) -> Value {
        match whole {
            Value::String(whole) => self.text(whole).into(),
            Value::Object(whole) => self.object(whole).into(),
            Value::Array(whole) => self.list(whole).into(),
            other => other.clone(),
        }
    }

    /// Reduces an object. The last member has the number of omitted ones.
    pub(crate) fn object(&mut self, whole: &Map<String, Value>) -> Map<String, Value> {
        let members = whole.iter().map(|(name, member)| (&**name, member));
        self.members(members, Self::value)
    }

    /// Reduces parameters, as [`Self::object`] does.
    pub(crate) fn params(&mut self, whole: &Params) -> Map<String, Value> {
        self.members(whole.iter(), |limit, value| match value {
            ParamValue::Text(text) => limit.text(text).into(),
            ParamValue::Json(value) => limit.value(value),
        })
    }

    fn members<'a, V>(
        &mut self,
        whole: impl ExactSizeIterator<Item = (&'a str, V)>,
        reduce: impl Fn(&mut Self, V) -> Value,
    ) -> Map<String, Value> {
        let mut reduced = Map::new();
        let mut more = whole.len();
        for (name, member) in whole {
            if reduced.len() == MAX_MEMBERS || !self.take_node() {
                break;
            }
            let name = self.text(name);
            let member = reduce(self, member);
            reduced.insert(name, member);
            more -= 1;
        }
        if more > 0 {
            reduced.insert("…".to_owned(), format!("and {more} more").into());
        }
        reduced
    }

    fn list(&mut self, whole: &[Value]) -> Vec<Value> {
        let mut reduced = Vec::new();
        for item in whole {
            if reduced.len() == MAX_MEMBERS || !self.take_node() {
                break;
            }
            reduced.push(self.value(item));
        }
        let more = whole.len() - reduced.len();
        if more > 0 {
            reduced.push(format!("… and {more} more").into());
        }
        reduced
    }

    /// Whether there is room for one more value.
    fn take_node(&mut self) -> bool {
        let fits_every_budget = self.nodes > 0 && self.bytes > 0;
        self.nodes = self.nodes.saturating_sub(1);
        fits_every_budget
    }

    fn text(&mut self, whole: &str) -> String {
        let text = cut(whole, self.bytes.min(MAX_TEXT_BYTES)).into_owned();
        self.bytes = self.bytes.saturating_sub(text.len());
        text
    }
}

/// An estimate of the memory that a JSON value occupies, in bytes.
pub(crate) fn size_in_bytes(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| name.len() + size_in_bytes(member))
            .sum(),
        Value::Array(items) => items.iter().map(size_in_bytes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    NODE_BYTES + inside
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reduced(whole: &Value) -> Value {
        JsonSizeLimit::default().value(whole)
    }

    #[test]
    fn a_small_document_is_unchanged() {
        let sent = json!({ "scope": "5", "list": [1, null, "x"], "object": { "a": { "b": "c" } } });
        assert_eq!(reduced(&sent), sent);
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_marked() {
        let long = "x".repeat(MAX_TEXT_BYTES);
        assert_eq!(text(&long), long);
        let long = format!("x{}", "ä".repeat(MAX_TEXT_BYTES));
        let cut = text(&long);
        assert!(cut.ends_with("ä… and 4098 bytes more"), "{cut}");
    }

    #[test]
    fn members_beyond_the_limit_are_counted() {
        let many: Map<String, Value> = (0..150).map(|at| (at.to_string(), at.into())).collect();
        let object = JsonSizeLimit::default().object(&many);
        assert_eq!(object.get("…"), Some(&json!("and 50 more")));
        assert_eq!(reduced(&json!(vec![0; 300]))[MAX_MEMBERS], "… and 200 more");
    }

    #[test]
    fn bytes_are_bounded_in_total() {
        let heavy = (0..60).map(|at| (at.to_string(), "x".repeat(3000).into()));
        let object = JsonSizeLimit::default().object(&heavy.collect());
        assert_eq!(object.get("…"), Some(&json!("and 57 more")));
        let written = Value::from(object).to_string();
        assert!(
            written.len() < MAX_STORED_BODY_BYTES + 500,
            "{}",
            written.len()
        );
    }

    #[test]
    fn nodes_are_bounded_in_total_and_not_per_level() {
        let level = |inside: Value, many: usize| Value::from(vec![inside; many]);
        let wide = level(level(level(json!([]), 100), 100), 17);
        let size = size_in_bytes(&reduced(&wide));
        assert!(size < 2 * MAX_NODES * NODE_BYTES, "{size}");
    }

    #[test]
    fn long_query_retains_the_names_at_its_end() {
        let long = format!("state={}&client_id=app", "x".repeat(20_000));
        let reduced = query(&long);
        assert!(reduced.len() < 2 * MAX_QUERY_BYTES, "{}", reduced.len());
        assert!(reduced.ends_with("&client_id=app"), "{reduced}");
        let many = "a=b&".repeat(10_000);
        let reduced = query(&many);
        assert!(reduced.len() < 4 * MAX_QUERY_BYTES, "{}", reduced.len());
        let last = form_urlencoded::parse(reduced.as_bytes()).last();
        let (name, value) = last.expect("there are pairs");
        assert!(name == "…" && value.ends_with(" more"), "{name}={value}");
    }
}
