//! Scopes as people write them: numbers, presets and names, as text or as JSON. How Civitai reads
//! scopes is in `scope.rs`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::declared_scopes::DeclaredScopes;
use super::json;
use super::scope::{PRESETS, SCOPES, Scope};
use crate::suggest::{ValueError, closest_match};

/// A scope as it was written. Its names may be those of declared bits, which only a sandbox knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSpec {
    scope: Scope,
    /// Names that are none of Civitai's.
    names: Vec<String>,
}

impl From<Scope> for ScopeSpec {
    fn from(scope: Scope) -> Self {
        Self {
            scope,
            names: Vec::new(),
        }
    }
}

impl FromStr for ScopeSpec {
    type Err = String;

    /// Reads numbers, presets and scope names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut spec = Self::default();
        for part in text.split(',').map(str::trim) {
            spec.add(part)?;
        }
        Ok(spec)
    }
}

impl ScopeSpec {
    /// Adds a number, a preset or the name of a scope.
    fn add(&mut self, text: &str) -> Result<(), String> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let preset = PRESETS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        let bit = SCOPES.iter().find(|bit| bit.name == text);
        let added = if is_number {
            let bits = text.parse().map_err(|_| meaningless(text, Scope::ALL))?;
            Scope::from_any_bits(bits)
        } else if let Some((_, scope)) = preset {
            *scope
        } else if let Some(bit) = bit {
            bit.scope()
        } else {
            self.names.push(text.to_owned());
            return Ok(());
        };
        self.scope = self.scope.union(added);
        Ok(())
    }

    /// The scope that is meant where these bits are declared. Errors: a bit or a name is unknown.
    pub(crate) fn resolve(&self, declared: &DeclaredScopes) -> Result<Scope, ValueError> {
        let mut scope = self.scope;
        let known = Scope::ALL.union(declared.scope());
        if !known.covers(scope) {
            return Err(meaningless(scope, known).into());
        }
        for name in &self.names {
            let bit = declared.iter().find(|bit| bit.name == *name);
            scope = scope.union(bit.ok_or_else(|| no_scope(name, declared))?.scope());
        }
        Ok(scope)
    }
}

fn meaningless(number: impl fmt::Display, known: Scope) -> String {
    format!("{number} has bits that mean nothing: the largest scope is {known}")
}

fn no_scope(name: &str, declared: &DeclaredScopes) -> ValueError {
    let bits = SCOPES.iter().chain(declared.iter());
    let known = bits
        .map(|bit| bit.name.as_ref())
        .chain(PRESETS.iter().map(|(name, _)| *name));
    let hint = match closest_match(name, known) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "choose among numbers, presets (Read Only, Creator, AI Services, Full Access) and scope names".to_owned(),
    };
    ValueError::new(format!("no scope {name:?}")).with_hint(hint)
}

/// A number, or numbers and names.
impl Serialize for ScopeSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.names.is_empty() {
            return self.scope.serialize(serializer);
        }
        let number = self.scope.to_string();
        serializer.collect_seq(std::iter::once(&number).chain(&self.names))
    }
}

impl<'de> Deserialize<'de> for ScopeSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecVisitor { is_part: false })
    }
}

impl FromStr for Scope {
    type Err = String;

    /// Reads numbers, presets and scope names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let spec: ScopeSpec = text.parse()?;
        spec.resolve(&DeclaredScopes::default())
            .map_err(|error| error.to_string())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spec = ScopeSpec::deserialize(deserializer)?;
        spec.resolve(&DeclaredScopes::default())
            .map_err(de::Error::custom)
    }
}

struct SpecVisitor {
    /// It reads an element of a list.
    is_part: bool,
}

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = ScopeSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_part {
            "a number, a preset or a scope name"
        } else {
            "a scope: a number, a preset or a list of scope names"
        })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ScopeSpec, E> {
        match u32::try_from(number) {
            Ok(bits) => Ok(Scope::from_any_bits(bits).into()),
            Err(_) => Err(E::custom(meaningless(number, Scope::ALL))),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<ScopeSpec, E> {
        match json::whole(&number.into()) {
            Some(number) => self.visit_u64(number),
            None => Err(E::invalid_type(de::Unexpected::Float(number), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<ScopeSpec, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::custom(format!(
                "{number} is negative: a scope is a bitmask"
            ))),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ScopeSpec, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<ScopeSpec, A::Error> {
        if self.is_part {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut spec = ScopeSpec::default();
        while let Some(Part(part)) = parts.next_element()? {
            spec.scope = spec.scope.union(part.scope);
            spec.names.extend(part.names);
        }
        Ok(spec)
    }
}

/// One element of a list: a number or text, but no further list.
struct Part(ScopeSpec);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = SpecVisitor { is_part: true };
        deserializer.deserialize_any(visitor).map(Self)
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
            serde_json::json!(["536870912"]),
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
