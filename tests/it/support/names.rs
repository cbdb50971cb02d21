//! Placeholders of recorded exchanges: the first response with `{{code1}}` defines its value.

use std::collections::HashMap;

use serde_json::Value;

/// The values that have been given so far.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

/// A part of a text with placeholders.
enum Part<'a> {
    Text(&'a str),
    /// The name with its number, the shape, and how the value is written.
    Name(&'a str, &'a str, &'a str),
}

/// Splits `a{{code1}}b` and `{{user_code1|lower case}}`. Other braces are text.
fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else {
            break;
        };
        let (name, variant) = inside.split_once('|').unwrap_or((inside, ""));
        parts.push(Part::Text(before));
        parts.push(Part::Name(
            name,
            name.trim_end_matches(|c: char| c.is_ascii_digit()),
            variant,
        ));
        rest = behind;
    }
    parts.push(Part::Text(rest));
    parts
}

/// The start of a text that may be a value of this shape.
fn check_shape<'a>(shape: &str, text: &'a str) -> Result<&'a str, String> {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_user_code = |c: char| "ABCDEFGHJKLMNPQRSTUVWXYZ23456789".contains(c);
    let start = |length: usize| text.get(..length).unwrap_or_default();
    let (value, fits) = match shape {
        "code" | "device_code" => (start(64), start(64).chars().all(is_hex)),
        "access_token" | "refresh_token" => {
            let hex = start(44).strip_prefix("civitai_");
            (start(44), hex.is_some_and(|hex| hex.chars().all(is_hex)))
        }
        "user_code" => {
            let halves = start(9).split_once('-');
            let fits = halves.is_some_and(|(a, b)| {
                (a.len(), b.len()) == (4, 4) && a.chars().chain(b.chars()).all(is_user_code)
            });
            (start(9), fits)
        }
        "id_token" => {
            let is_jose = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let end = text.find(|c| !is_jose(c)).unwrap_or(text.len());
            let segments: Vec<&str> = text[..end].split('.').collect();
            let fits = segments.len() == 3 && segments[2].len() == 86;
            (&text[..end], fits)
        }
        _ => return Err(format!("no earlier answer gave {shape}")),
    };
    if fits && !value.is_empty() {
        Ok(value)
    } else {
        Err(format!(
            "expected a value shaped like {shape}, got {text:?}"
        ))
    }
}

impl Names {
    pub(crate) fn with_base(base: &str) -> Self {
        Self(HashMap::from([("base".to_owned(), base.to_owned())]))
    }

    fn value(&self, name: &str, variant: &str) -> Option<String> {
        let mut value = self.0.get(name)?.clone();
        if variant.contains("lower case") {
            value = value.to_lowercase();
        }
        if variant.contains("no hyphen") || variant.contains("spaced") {
            value = value.replace('-', "");
        }
        if variant.contains("spaced") {
            let letters: Vec<String> = value.chars().map(String::from).collect();
            value = letters.join(" ");
        }
        Some(value)
    }

    /// The text with every placeholder replaced. Errors: no earlier answer gave one.
    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        for part in parts(text) {
            match part {
                Part::Text(text) => filled += text,
                Part::Name(name, _, variant) => {
                    let value = self.value(name, variant);
                    filled += &value.ok_or_else(|| format!("no earlier answer gave {name}"))?;
                }
            }
        }
        Ok(filled)
    }

    /// [`Names::fill`] for every text of a JSON value.
    pub(crate) fn fill_json(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => self.fill(text)?.into(),
            Value::Array(items) => {
                let filled: Result<Vec<Value>, _> =
                    items.iter().map(|item| self.fill_json(item)).collect();
                Value::Array(filled?)
            }
            Value::Object(members) => {
                let filled: Result<_, String> = members
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.fill_json(value)?)))
                    .collect();
                Value::Object(filled?)
            }
            other => other.clone(),
        })
    }

    /// Compares a text with one that may name values. New values are remembered, in the shape that they must have.
    pub(crate) fn match_text(&mut self, expected: &str, got: &str) -> Result<(), String> {
        let differs = || format!("expected {expected:?}, got {got:?}");
        let mut rest = got;
        for part in parts(expected) {
            let matched = match part {
                Part::Text(text) => text.to_owned(),
                Part::Name(name, shape, variant) => {
                    if let Some(value) = self.value(name, variant) {
                        value
                    } else {
                        let value = check_shape(shape, rest)?;
                        self.0.insert(name.to_owned(), value.to_owned());
                        value.to_owned()
                    }
                }
            };
            rest = rest.strip_prefix(matched.as_str()).ok_or_else(differs)?;
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(differs())
        }
    }

    /// Compares a JSON value: the same keys, the same types, the same values.
    pub(crate) fn match_json(
        &mut self,
        expected: &Value,
        got: &Value,
        place: &str,
    ) -> Result<(), String> {
        let differs = || Err(format!("{place}: expected {expected}, got {got}"));
        match (expected, got) {
            (Value::String(text), _) if text == "<UNIX_TIME>" && got.is_i64() => Ok(()),
            (Value::String(text), Value::String(got)) => self
                .match_text(text, got)
                .map_err(|reason| format!("{place}: {reason}")),
            (Value::Object(members), Value::Object(others)) => {
                if members.len() != others.len() {
                    return differs();
                }
                for (key, value) in members {
                    let Some(other) = others.get(key) else {
                        return differs();
                    };
                    // A key pair of our own.
                    if !(["kid", "x", "y"].contains(&key.as_str()) && other.is_string()) {
                        self.match_json(value, other, &format!("{place}.{key}"))?;
                    }
                }
                Ok(())
            }
            (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
                for (at, (item, other)) in items.iter().zip(others).enumerate() {
                    self.match_json(item, other, &format!("{place}[{at}]"))?;
                }
                Ok(())
            }
            _ if expected == got => Ok(()),
            _ => differs(),
        }
    }
}
