//! Reading of TOML files: as JSON, with the file and the line in errors.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Invalid;
use super::read::from_json;

/// Reads TOML text that came from a file.
pub(crate) fn from_toml<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, Invalid> {
    let document = DeTable::parse(text).map_err(|error| Invalid {
        file: Some((
            file.to_owned(),
            error.span().map(|span| line_of(text, span.start)),
        )),
        ..Invalid::new("", error.message())
    })?;
    table_to_json(document.get_ref(), "")
        .and_then(from_json)
        .map_err(|error| Invalid {
            file: Some((file.to_owned(), line_of_key(text, &error.path))),
            ..error
        })
}

fn table_to_json(table: &DeTable<'_>, path: &str) -> Result<Value, Invalid> {
    let mut keys = Map::new();
    for (key, value) in table {
        let key = key.get_ref();
        let path = if path.is_empty() {
            key.to_string()
        } else {
            format!("{path}.{key}")
        };
        keys.insert(key.to_string(), to_json(value.get_ref(), &path)?);
    }
    Ok(Value::Object(keys))
}

fn to_json(value: &DeValue<'_>, path: &str) -> Result<Value, Invalid> {
    Ok(match value {
        DeValue::String(text) => Value::from(&**text),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Integer(number) => {
            let (text, radix) = (number.as_str(), number.radix());
            let signed = i64::from_str_radix(text, radix).map(Value::from);
            let number = signed.or_else(|_| u64::from_str_radix(text, radix).map(Value::from));
            number.map_err(|_| {
                let message = format!("{text} is out of range: a number has at most 64 bits");
                Invalid::new(path, message)
            })?
        }
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => Value::from(float),
            _ => {
                let message = format!("{} is not a finite number", number.as_str());
                return Err(Invalid::new(path, message));
            }
        },
        DeValue::Datetime(time) => {
            let error = Invalid::new(path, format!("{time} is a TOML date; times are text"));
            return Err(error.with_hint(format!("write \"{time}\"")));
        }
        DeValue::Array(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(at, item)| to_json(item.get_ref(), &format!("{path}[{at}]")));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => table_to_json(table, path)?,
    })
}

/// The line of the key that a path such as `clients[2].owner` leads to in TOML text, or of the table that lacks the key.
pub(crate) fn line_of_key(text: &str, path: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = Some(document.get_ref());
    let mut start = None;
    for part in path.split('.') {
        let (key, index) = match part.split_once('[') {
            Some((key, index)) => (key, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let Some((key, value)) = table.and_then(|table| table.get_key_value(key)) else {
            break;
        };
        let item = index.and_then(|index| value.get_ref().as_array()?.get(index));
        start = Some(item.map_or_else(|| key.span(), Spanned::span).start);
        table = item.unwrap_or(value).get_ref().as_table();
    }
    start.map(|offset| line_of(text, offset))
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let read = from_toml::<Value>(text, Path::new("seed.toml"));
        read.unwrap_err().to_string()
    }

    #[test]
    fn values_that_json_lacks_are_rejected_with_their_line() {
        let errors = [
            "[[users]]\nname = inf",
            "a = 1\nb = 1979-05-27",
            "big = 18446744073709551616",
        ];
        insta::assert_snapshot!(errors.map(error).join("\n"), @r#"
        seed.toml:2: users[0].name: inf is not a finite number
        seed.toml:2: b: 1979-05-27 is a TOML date; times are text; write "1979-05-27"
        seed.toml:1: big: 18446744073709551616 is out of range: a number has at most 64 bits
        "#);
    }
}
