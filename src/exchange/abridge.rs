//! How much of an exchange does the journal keep? Enough to see what was sent; not what somebody sends by the megabyte,
//! ten thousand times over.

use serde_json::{Map, Value};

/// Longer text is cut, in bytes.
const LONGEST: usize = 4096;

/// What follows when an object has grown to so many bytes is left out.
const LARGEST: usize = 32 * 1024;

/// More members of an object or a list are left out.
const MOST: usize = 100;

/// Text as it is kept, with a mark where it was cut.
pub(super) fn text(mut text: String) -> String {
    if text.len() > LONGEST {
        let cut = text.floor_char_boundary(LONGEST);
        let more = text.len() - cut;
        // A new one: what is cut off is not to be kept as room in the old one.
        let end = format!("… and {more} bytes more");
        text = [&text[..cut], &end].concat();
    }
    text
}

/// An object as it is kept.
pub(super) fn object(object: Map<String, Value>) -> Map<String, Value> {
    let (mut kept, mut size, mut more) = (Map::new(), 0, 0);
    for (name, member) in object {
        if kept.len() == MOST || size > LARGEST {
            more += 1;
            continue;
        }
        let (name, member) = (text(name), value(member));
        size += name.len() + weight(&member);
        kept.insert(name, member);
    }
    if more > 0 {
        kept.insert("…".to_owned(), format!("and {more} more").into());
    }
    kept
}

/// How much there is to keep, in bytes.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, member)| name.len() + weight(member))
                .sum()
        }
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => size_of::<Value>(),
    }
}

/// A JSON value as it is kept. How deep it is was bounded by whoever read it.
pub(super) fn value(whole: Value) -> Value {
    match whole {
        Value::String(whole) => text(whole).into(),
        Value::Object(whole) => object(whole).into(),
        Value::Array(whole) => {
            let more = whole.len().saturating_sub(MOST);
            let mut kept: Vec<Value> = whole.into_iter().take(MOST).map(value).collect();
            if more > 0 {
                kept.push(format!("… and {more} more").into());
            }
            kept.into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_short_stays_as_it_is() {
        let sent = json!({ "scope": "5", "list": [1, null, "x"], "object": { "a": { "b": "c" } } });
        assert_eq!(value(sent.clone()), sent);
    }

    #[test]
    fn what_is_long_is_cut_between_characters_and_says_so() {
        assert_eq!(text("x".repeat(LONGEST)).len(), LONGEST);
        assert!(text("x".repeat(100 * LONGEST)).capacity() <= 2 * LONGEST);
        let cut = text(format!("x{}", "ä".repeat(LONGEST)));
        assert!(cut.ends_with("ä… and 4098 bytes more"), "{cut}");
        let many: Map<String, Value> = (0..150).map(|at| (at.to_string(), at.into())).collect();
        assert_eq!(object(many).get("…"), Some(&json!("and 50 more")));
        let heavy = (0..60).map(|at| (at.to_string(), "x".repeat(LONGEST).into()));
        assert_eq!(
            object(heavy.collect()).get("…"),
            Some(&json!("and 52 more"))
        );
        let list = value(json!(vec![0; 300]));
        assert_eq!(list[MOST], "… and 200 more");
    }
}
