//! Names and values of a request, shortened for a page.

use serde_json::{Map, Value};

/// Longer values are cut on the page; `GET /_mock/requests` has the whole values.
const MAX_VALUE_BYTES: usize = 300;

/// The most bytes of parameters, and of headers, for one request.
const MAX_PAIRS_BYTES: usize = 4000;

/// Names and values, as many as have room, and the number of the others.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pub(crate) shown: Vec<(String, String)>,
    pub(crate) more: usize,
}

impl Pairs {
    pub(crate) fn new(object: &Map<String, Value>) -> Self {
        let mut room = MAX_PAIRS_BYTES;
        let mut shown = Vec::new();
        for (name, value) in object {
            let pair = (cut(name), cut(&text(value)));
            let Some(left) = room.checked_sub(pair.0.len() + pair.1.len()) else {
                break;
            };
            room = left;
            shown.push(pair);
        }
        let more = object.len() - shown.len();
        Self { shown, more }
    }

    pub(crate) fn count(&self) -> usize {
        self.shown.len() + self.more
    }
}

/// A value as text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The beginning of a long text.
pub(crate) fn cut(text: &str) -> String {
    if text.len() <= MAX_VALUE_BYTES {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_VALUE_BYTES)])
}
