//! How much of an exchange does the journal keep? Enough to see what was sent; not what somebody sends by the megabyte,
//! ten thousand times over.

use serde_json::{Map, Value};

/// Longer text is cut, in bytes.
const LONGEST: usize = 4096;

/// More members of an object or a list are left out.
const MOST: usize = 100;

/// Text as it is kept, with a mark where it was cut.
pub(super) fn text(mut text: String) -> String {
    if text.len() > LONGEST {
        let cut = text.floor_char_boundary(LONGEST);
        let more = text.len() - cut;
        text.truncate(cut);
        text += "… and ";
        text += &more.to_string();
        text += " bytes more";
    }
    text
}

/// An object as it is kept.
pub(super) fn object(object: Map<String, Value>) -> Map<String, Value> {
    let more = object.len().saturating_sub(MOST);
    let kept = object
        .into_iter()
        .take(MOST)
        .map(|(name, kept)| (text(name), value(kept)));
    let mut kept: Map<String, Value> = kept.collect();
    if more > 0 {
        kept.insert("…".to_owned(), format!("and {more} more").into());
    }
    kept
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
        let cut = text(format!("x{}", "ä".repeat(LONGEST)));
        assert!(cut.ends_with("ä… and 4098 bytes more"), "{cut}");
        let many: Map<String, Value> = (0..150).map(|at| (at.to_string(), at.into())).collect();
        assert_eq!(object(many).get("…"), Some(&json!("and 50 more")));
        let list = value(json!(vec![0; 300]));
        assert_eq!(list[MOST], "… and 200 more");
    }
}
