//! Scopes as people write them: numbers, presets and names, as text or as JSON. How Civitai reads them is in `scope.rs`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::json;
use super::scope::{PRESETS, SCOPES, Scope};

impl FromStr for Scope {
    type Err = String;

    /// Reads numbers, presets and scope names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').try_fold(Self::default(), |sum, part| {
            Ok(sum.union(part_of(part.trim())?))
        })
    }
}

/// A number, a preset or the name of a scope.
fn part_of(text: &str) -> Result<Scope, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let bits = text.parse().ok().and_then(Scope::from_bits);
        return bits.ok_or_else(|| too_large(text));
    }
    let mut presets = PRESETS.iter();
    match presets.find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((_, scope)) => Ok(*scope),
        None => named(text),
    }
}

fn too_large(number: impl fmt::Display) -> String {
    format!(
        "{number} has bits that mean nothing: the largest scope is {}",
        Scope::ALL
    )
}

fn named(name: &str) -> Result<Scope, String> {
    if let Some(bit) = SCOPES.iter().find(|bit| bit.name == name) {
        return Ok(bit.scope());
    }
    let known = SCOPES
        .iter()
        .map(|bit| bit.name)
        .chain(PRESETS.iter().map(|(name, _)| *name));
    Err(match super::nearest(name, known) {
        Some(near) => format!("no scope {name:?}; did you mean {near:?}?"),
        None => format!(
            "no scope {name:?}; choose among numbers, presets (Read Only, Creator, AI Services, Full Access) and scope names"
        ),
    })
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScopeVisitor)
    }
}

struct ScopeVisitor;

impl<'de> Visitor<'de> for ScopeVisitor {
    type Value = Scope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scope: a number, a preset or a list of scope names")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scope, E> {
        u32::try_from(number)
            .ok()
            .and_then(Scope::from_bits)
            .ok_or_else(|| E::custom(too_large(number)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scope, E> {
        match json::whole(&number.into()) {
            Some(number) => self.visit_u64(number),
            None => Err(E::invalid_type(de::Unexpected::Float(number), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scope, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::custom(format!(
                "{number} is negative: a scope is a bitmask"
            ))),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scope, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Scope, A::Error> {
        let mut sum = Scope::default();
        while let Some(Part(part)) = parts.next_element()? {
            sum = sum.union(part);
        }
        Ok(sum)
    }
}

/// One element of a list: a number or text, but no further list.
struct Part(Scope);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor).map(Self)
    }
}

struct PartVisitor;

impl Visitor<'_> for PartVisitor {
    type Value = Scope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a preset or a scope name")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scope, E> {
        ScopeVisitor.visit_u64(number)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scope, E> {
        ScopeVisitor.visit_i64(number)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scope, E> {
        ScopeVisitor.visit_f64(number)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scope, E> {
        ScopeVisitor.visit_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_write_numbers_presets_and_names() {
        assert_eq!("114689".parse(), Ok(PRESETS[2].1));
        assert_eq!("ai services".parse(), Ok(PRESETS[2].1));
        assert_eq!(
            "UserRead, ModelsRead".parse::<Scope>().map(Scope::bits),
            Ok(5)
        );
        assert_eq!("1,4".parse::<Scope>().map(Scope::bits), Ok(5));
        assert_eq!(
            "Read Only, ModelsWrite".parse(),
            Ok(Scope::READ_ONLY.union(SCOPES[3].scope()))
        );
        for list in [
            serde_json::json!(["1", "4"]),
            serde_json::json!([1, 4]),
            serde_json::json!([1.0, "ModelsRead"]),
            serde_json::json!("5"),
            serde_json::json!(5.0),
        ] {
            let read = serde_json::from_value::<Scope>(list.clone());
            assert_eq!(read.unwrap().bits(), 5, "{list}");
        }
        for wrong in [
            serde_json::json!(["134217728"]),
            serde_json::json!([[1]]),
            serde_json::json!([-1]),
            serde_json::json!(1.5),
            serde_json::json!("1,,4"),
            serde_json::json!(["+1"]),
        ] {
            assert!(
                serde_json::from_value::<Scope>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
        assert_eq!(
            "ModelRead".parse::<Scope>(),
            Err("no scope \"ModelRead\"; did you mean \"ModelsRead\"?".to_owned())
        );
    }
}
