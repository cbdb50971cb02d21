//! Scope bits that this program does not know yet, declared by a seed or a control call.

use std::borrow::Cow;
use std::ops::Deref;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

use super::scope::{PRESETS, SCOPES, Scope, ScopeBit};

impl ScopeBit {
    /// Declares a bit that this program does not know. The consent page shows the name until there is a label. Errors:
    /// `value` is not a single bit, or the bit or the name is one of Civitai's.
    pub fn declare(value: u32, name: impl Into<String>) -> Result<Self, String> {
        let name = name.into();
        if !value.is_power_of_two() {
            return Err(format!("{value} is no single bit: write a power of two"));
        }
        if let Some(bit) = SCOPES.iter().find(|bit| bit.value == value) {
            return Err(format!("bit {value} is known: it is {}", bit.name));
        }
        let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_word || name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!(
                "{name:?} is no scope name: write letters and digits, such as ModelsRead"
            ));
        }
        let presets = PRESETS.iter().map(|(preset, _)| *preset);
        let mut known = SCOPES.iter().map(|bit| bit.name.as_ref()).chain(presets);
        if known.any(|known| known.eq_ignore_ascii_case(&name)) {
            return Err(format!("the name {name:?} is taken"));
        }
        Ok(Self {
            value,
            label: Some(name.clone().into()),
            name: name.into(),
        })
    }

    /// Sets the text on the consent page.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(Cow::Owned(label.into()));
        self
    }
}

/// A scope bit to declare.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewScopeBit {
    /// A power of two.
    value: u32,
    /// Letters and digits, such as `ModelsRead`.
    name: String,
    /// The text on the consent page; by default the name.
    #[serde(default)]
    label: Option<String>,
}

impl<'de> Deserialize<'de> for ScopeBit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let NewScopeBit { value, name, label } = NewScopeBit::deserialize(deserializer)?;
        let bit = Self::declare(value, name).map_err(de::Error::custom)?;
        Ok(match label {
            Some(label) => bit.labelled(label),
            None => bit,
        })
    }
}

/// The most bytes that name and label of a declared bit have together.
const MAX_TEXT_BYTES: usize = 1024;

/// The bits that a seed or a control call has declared, each once, lowest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DeclaredScopes(Vec<ScopeBit>);

impl Deref for DeclaredScopes {
    type Target = [ScopeBit];

    fn deref(&self) -> &[ScopeBit] {
        &self.0
    }
}

impl TryFrom<Vec<ScopeBit>> for DeclaredScopes {
    type Error = String;

    /// Errors: a bit or a name occurs twice, or a bit's texts are long.
    fn try_from(mut bits: Vec<ScopeBit>) -> Result<Self, String> {
        bits.sort_by_key(|bit| bit.value);
        for (at, bit) in bits.iter().enumerate() {
            let mut before = bits[..at].iter();
            if before.any(|one| one.value == bit.value || one.name == bit.name) {
                return Err(format!("{} ({}) is declared twice", bit.name, bit.value));
            }
            let bytes = bit.name.len() + bit.label.as_ref().map_or(0, |label| label.len());
            if bytes > MAX_TEXT_BYTES {
                return Err(format!(
                    "name and label of bit {} have {bytes} bytes; at most {MAX_TEXT_BYTES} are stored",
                    bit.value
                ));
            }
        }
        Ok(Self(bits))
    }
}

impl<'de> Deserialize<'de> for DeclaredScopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = Vec::deserialize(deserializer)?;
        Self::try_from(bits).map_err(de::Error::custom)
    }
}

impl DeclaredScopes {
    /// All of them as one scope.
    pub(crate) fn scope(&self) -> Scope {
        let bits = self.iter().map(ScopeBit::scope);
        bits.fold(Scope::default(), Scope::union)
    }
}
