//! Reading of JSON values into types: a deserializer whose errors name the value, the rule and the fix.
//!
//! Numbers and booleans may be written as text: `"86400"` for `86400`, `"true"` for `true`, and `5.0` for a whole number.
//! Only a type that expects a number or a boolean reads text so.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde_json::Value;

use super::error::Invalid;
use super::problem::{LIST, ValueProblem};
use crate::protocol::json;

/// Reads a JSON value.
pub(crate) fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(Reader(value)).map_err(|error| {
        let path = match error.path().to_string() {
            root if root == "." => String::new(),
            path => path,
        };
        error.into_inner().at(&path)
    })
}

/// A JSON value to read.
struct Reader(Value);

/// The name of a value's kind, or a short value itself.
fn describe(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => LIST.to_owned(),
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

impl Reader {
    fn is_not(&self, expected: &str) -> ValueProblem {
        ValueProblem::kind(describe(&self.0), expected)
    }

    /// A whole number: also in decimal digits as text, and with a fraction of zero.
    fn whole(&self) -> Option<i128> {
        match &self.0 {
            Value::Number(number) => {
                let exact = number.as_i128();
                exact.or_else(|| {
                    let number = number.as_f64()?;
                    let whole = json::whole(&number.abs().into()).map(i128::from)?;
                    Some(if number < 0.0 { -whole } else { whole })
                })
            }
            Value::String(text) => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let is_number =
                    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then(|| text.parse().ok()).flatten()
            }
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match &self.0 {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => serde_json::from_str(text).ok(),
            _ => None,
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $kind:ty, $visit:ident, $expected:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
            let Some(number) = self.whole() else {
                return Err(self.is_not($expected));
            };
            match <$kind>::try_from(number) {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(ValueProblem::kind(number.to_string(), $expected)),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Reader {
    type Error = ValueProblem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => {
                if let Some(number) = number.as_u64() {
                    visitor.visit_u64(number)
                } else if let Some(number) = number.as_i64() {
                    visitor.visit_i64(number)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Reader));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Object(keys) => {
                let keys = keys.into_iter().map(|(key, value)| (key, Reader(value)));
                let mut keys = MapDeserializer::new(keys);
                let value = visitor.visit_map(&mut keys)?;
                keys.end()?;
                Ok(value)
            }
        }
    }

    whole_numbers! {
        deserialize_i8 i8, visit_i8, "a whole number from -128 to 127";
        deserialize_i16 i16, visit_i16, "a whole number from -32768 to 32767";
        deserialize_i32 i32, visit_i32, "a whole number from -2147483648 to 2147483647";
        deserialize_i64 i64, visit_i64, "a whole number";
        deserialize_u8 u8, visit_u8, "a whole number from 0 to 255";
        deserialize_u16 u16, visit_u16, "a whole number from 0 to 65535";
        deserialize_u32 u32, visit_u32, "a whole number from 0 to 4294967295";
        deserialize_u64 u64, visit_u64, "a whole number, 0 or more";
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        match self.float() {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.is_not("a number")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        match &self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) if text == "true" => visitor.visit_bool(true),
            Value::String(text) if text == "false" => visitor.visit_bool(false),
            _ => Err(self.is_not("true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(self.is_not("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueProblem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        match self.0 {
            Value::Array(_) => self.deserialize_any(visitor),
            _ => Err(self.is_not(LIST)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueProblem> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            _ => Err(self.is_not("an object")),
        }
    }

    /// Only from an object: serde would also take a list of the values in the order of the fields.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueProblem> {
        self.deserialize_map(visitor)
    }

    /// Only variants without content: no input has others.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueProblem> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            _ => Err(self.is_not("text")),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, ValueProblem> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Input {
        seconds: Option<u32>,
        id: i64,
        chance: f64,
        on: bool,
        text: String,
        any: Value,
        many: Vec<u8>,
    }

    fn error(value: Value) -> String {
        from_json::<Input>(value).unwrap_err().to_string()
    }

    #[test]
    fn elements_that_the_type_does_not_have_are_rejected() {
        let error = from_json::<(u8, u8)>(json!([1, 2, 3])).unwrap_err();
        assert!(error.to_string().contains('3'), "{error}");
    }

    #[test]
    fn text_is_a_number_or_boolean_only_where_one_is_expected() {
        let read = from_json(json!({
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
    fn values_of_another_kind_are_named_with_the_expected_kind() {
        let errors = [
            json!({ "seconds": "1h" }),
            json!({ "seconds": "" }),
            json!({ "seconds": "+5" }),
            json!({ "seconds": "5.0" }),
            json!({ "seconds": -5 }),
            json!({ "seconds": 1.5 }),
            json!({ "id": "9223372036854775808" }),
            json!({ "id": [] }),
            json!({ "on": "yes" }),
            json!({ "on": 1 }),
            json!({ "text": 5 }),
            json!({ "chance": "NaN" }),
            json!({ "many": "a, expected b" }),
            json!({ "many": [1, null] }),
            json!({ "many": {} }),
            json!([1]),
        ];
        insta::assert_snapshot!(errors.map(error).join("\n"), @r#"
        seconds: "1h" is not a whole number from 0 to 4294967295
        seconds: "" is not a whole number from 0 to 4294967295
        seconds: "+5" is not a whole number from 0 to 4294967295
        seconds: "5.0" is not a whole number from 0 to 4294967295
        seconds: -5 is not a whole number from 0 to 4294967295
        seconds: 1.5 is not a whole number from 0 to 4294967295
        id: 9223372036854775808 is not a whole number
        id: a list is not a whole number
        on: "yes" is not true or false
        on: 1 is not true or false
        text: 5 is not text
        chance: "NaN" is not a number
        many: "a, expected b" is not a list; write ["a, expected b"]
        many[1]: null is not a whole number from 0 to 255
        many: an object is not a list
        a list is not an object
        "#);
    }

    #[test]
    fn unknown_keys_name_the_nearest_known_one() {
        insta::assert_snapshot!(error(json!({ "secons": 1 })), @r#"secons: unknown key "secons"; did you mean "seconds"?"#);
        insta::assert_snapshot!(error(json!({ "wrong": 1 })), @r#"wrong: unknown key "wrong"; choose among seconds, id, chance, on, text, any, many"#);
    }
}
