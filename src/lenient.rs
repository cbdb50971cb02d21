//! Numbers and booleans written as text: `"86400"` for `86400`, `"true"` for `true`, and `5.0` for a whole number.
//!
//! [`Lenient`] wraps the deserializer of a body, query, seed or configuration file. It changes only values that the type
//! being read expects to be a number or a boolean; text stays text everywhere else.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use crate::protocol::json;

/// A deserializer, seed, access or visitor below which text is read as [this module](self) says.
pub(crate) struct Lenient<T>(pub(crate) T);

/// Passes a hint on, with a visitor that wraps nested deserializers.
macro_rules! pass_on {
    ($($method:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* Lenient(visitor))
        })*
    };
}

/// Reads a number or boolean: the format says what there is, since it would refuse text under the hint of a number.
macro_rules! read_as {
    ($($method:ident $visitor:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any($visitor(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<D> {
    type Error = D::Error;

    read_as! {
        deserialize_bool Truth;
        deserialize_i8 Whole;
        deserialize_i16 Whole;
        deserialize_i32 Whole;
        deserialize_i64 Whole;
        deserialize_u8 Whole;
        deserialize_u16 Whole;
        deserialize_u32 Whole;
        deserialize_u64 Whole;
        deserialize_f32 Fraction;
        deserialize_f64 Fraction;
    }

    pass_on! {
        deserialize_any();
        deserialize_i128();
        deserialize_u128();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Passes scalar values on as they are.
macro_rules! scalars {
    ($($method:ident: $kind:ty;)*) => {
        $(fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Lenient<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    scalars! {
        visit_bool: bool;
        visit_i64: i64;
        visit_i128: i128;
        visit_u64: u64;
        visit_u128: u128;
        visit_f64: f64;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Lenient(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Lenient(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Lenient(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Lenient(entries))
    }

    // No input has a variant with numbers in it.
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(variant)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Lenient<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Lenient(value))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Lenient<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Lenient(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Lenient<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Lenient(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

/// Declares a visitor that also takes some text; the expected kind decides about everything else.
macro_rules! takes_text {
    ($(#[$doc:meta])* $name:ident, $self:ident, $text:ident => $taken:expr $(, $float:ident => $whole:expr)?) => {
        $(#[$doc])*
        struct $name<V>(V);

        impl<'de, V: Visitor<'de>> Visitor<'de> for $name<V> {
            type Value = V::Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.expecting(f)
            }

            scalars! {
                visit_bool: bool;
                visit_i64: i64;
                visit_u64: u64;
                visit_bytes: &[u8];
            }

            fn visit_str<E: Error>($self, $text: &str) -> Result<V::Value, E> {
                $taken
            }

            takes_text!(@float $self $(, $float => $whole)?);

            fn visit_none<E: Error>(self) -> Result<V::Value, E> {
                self.0.visit_none()
            }

            fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
                self.0.visit_unit()
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
                self.0.visit_seq(items)
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
                self.0.visit_map(entries)
            }
        }
    };
    (@float $self:ident, $float:ident => $whole:expr) => {
        fn visit_f64<E: Error>($self, $float: f64) -> Result<V::Value, E> {
            $whole
        }
    };
    (@float $self:ident) => {
        scalars! { visit_f64: f64; }
    };
}

takes_text! {
    /// A boolean: also `"true"` and `"false"`.
    Truth, self, text => match text {
        "true" => self.0.visit_bool(true),
        "false" => self.0.visit_bool(false),
        other => self.0.visit_str(other),
    }
}

takes_text! {
    /// A whole number: also in decimal digits as text, and with a fraction of zero.
    Whole, self, text => match Digits::parse(text) {
        Some(Digits::Unsigned(number)) => self.0.visit_u64(number),
        Some(Digits::Signed(number)) => self.0.visit_i64(number),
        None => self.0.visit_str(text),
    },
    number => match json::whole(&number.abs().into()).and_then(|whole| i64::try_from(whole).ok()) {
        Some(whole) if number < 0.0 => self.0.visit_i64(-whole),
        Some(whole) => self.0.visit_i64(whole),
        None => self.0.visit_f64(number),
    }
}

takes_text! {
    /// A number: also as text, written as JSON writes it.
    Fraction, self, text => match serde_json::from_str::<f64>(text) {
        Ok(number) => self.0.visit_f64(number),
        Err(_) => self.0.visit_str(text),
    }
}

/// Decimal digits with a minus sign or none.
enum Digits {
    Unsigned(u64),
    Signed(i64),
}

impl Digits {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let unsigned = text.parse().ok().map(Self::Unsigned);
        unsigned.or_else(|| text.parse().ok().map(Self::Signed))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Input {
        seconds: Option<u32>,
        id: i64,
        chance: f64,
        on: bool,
        text: String,
        any: Value,
        many: Vec<u8>,
    }

    fn read(value: &Value) -> Result<Input, String> {
        Input::deserialize(Lenient(value)).map_err(|error| error.to_string())
    }

    #[test]
    fn text_is_a_number_or_boolean_only_where_one_is_expected() {
        let read = read(&json!({
            "seconds": "86400", "id": "-7", "chance": "0.5", "on": "true", "text": "5", "any": "5", "many": ["1", 2, 3.0],
        }));
        let expected = Input {
            seconds: Some(86_400),
            id: -7,
            chance: 0.5,
            on: true,
            text: "5".to_owned(),
            any: json!("5"),
            many: vec![1, 2, 3],
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn other_text_is_refused_as_it_was() {
        for (input, message) in [
            (
                json!({ "seconds": "1h" }),
                r#"invalid type: string "1h", expected u32"#,
            ),
            (
                json!({ "seconds": "" }),
                r#"invalid type: string "", expected u32"#,
            ),
            (
                json!({ "seconds": "+5" }),
                r#"invalid type: string "+5", expected u32"#,
            ),
            (
                json!({ "seconds": " 5" }),
                r#"invalid type: string " 5", expected u32"#,
            ),
            (
                json!({ "seconds": "5.0" }),
                r#"invalid type: string "5.0", expected u32"#,
            ),
            (
                json!({ "seconds": "-5" }),
                "invalid value: integer `-5`, expected u32",
            ),
            (
                json!({ "seconds": 1.5 }),
                "invalid type: floating point `1.5`, expected u32",
            ),
            (
                json!({ "id": "9223372036854775808" }),
                "invalid value: integer `9223372036854775808`, expected i64",
            ),
            (
                json!({ "on": "yes" }),
                r#"invalid type: string "yes", expected a boolean"#,
            ),
            (
                json!({ "on": 1 }),
                "invalid type: integer `1`, expected a boolean",
            ),
            (
                json!({ "text": 5 }),
                "invalid type: integer `5`, expected a string",
            ),
            (
                json!({ "chance": "NaN" }),
                r#"invalid type: string "NaN", expected f64"#,
            ),
        ] {
            assert_eq!(read(&input), Err(message.to_owned()), "{input}");
        }
    }
}
