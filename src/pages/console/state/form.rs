//! A form that keeps what was typed, and shows an error at its field. The names of its fields are the keys of the input of the
//! operation: `buzz.yellow`, `redirect_uris`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::control::ControlError;
use crate::invalid::{self, Invalid};
use crate::protocol::params::Params;

/// The values of a form and its error.
#[derive(Debug, Default)]
pub(crate) struct Form {
    values: Vec<(String, String)>,
    fields: &'static [&'static str],
    /// The values that the form was opened with, if it has the changes of something.
    opened: Vec<(String, String)>,
    error: Option<Invalid>,
}

/// The name of the hidden field with the value that a field was opened with.
pub(super) fn opened_name(name: &str) -> String {
    format!("was:{name}")
}

/// Whether a field has another value than when its form was opened. What others have changed meanwhile is not undone by a
/// form that was opened before.
pub(super) fn is_changed(params: &Params, name: &str) -> bool {
    let Some(opened) = params.text(&opened_name(name)) else {
        return true;
    };
    // Browsers send other line ends than the page has.
    let typed = params.text(name).unwrap_or_default();
    !opened.trim().lines().eq(typed.trim().lines())
}

impl Form {
    /// A form with these fields, all empty.
    pub(super) fn new(fields: &'static [&'static str]) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }

    /// Sets the value of a field.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// Checks or unchecks a field.
    pub(super) fn with_flag(self, name: &str, is_checked: bool) -> Self {
        self.with(name, if is_checked { "true" } else { "" })
    }

    /// Remembers these values as those that the form was opened with.
    pub(super) fn opened(mut self) -> Self {
        let values = self.fields.iter().map(|name| {
            let value = self.value(name).to_owned();
            (opened_name(name), value)
        });
        self.opened = values.collect();
        self
    }

    /// The form as it was sent, with the error of its operation.
    pub(super) fn failed(
        fields: &'static [&'static str],
        params: &Params,
        error: ControlError,
    ) -> Self {
        let values = fields.iter().filter_map(|name| {
            let value = params.text(name)?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        let opened = fields.iter().filter_map(|name| {
            let name = opened_name(name);
            let value = params.text(&name)?.to_owned();
            Some((name, value))
        });
        let error = match error {
            ControlError::Invalid(error)
            | ControlError::NotFound(error)
            | ControlError::Conflict(error)
            | ControlError::Busy(error) => error,
            other => Invalid::new("", other.to_string()),
        };
        Self {
            values: values.collect(),
            fields,
            opened: opened.collect(),
            error: Some(error),
        }
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        let found = self.values.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The hidden fields with the values that the form was opened with.
    pub(crate) fn opened_fields(&self) -> &[(String, String)] {
        &self.opened
    }

    pub(crate) fn is_checked(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }

    /// Whether a further part of the form has a value.
    pub(crate) fn has_any(&self, names: &[&str]) -> bool {
        names
            .iter()
            .any(|name| self.is_checked(name) || self.error_at(name).is_some())
    }

    /// The error of a field.
    pub(crate) fn error_at(&self, name: &str) -> Option<String> {
        let error = self.error.as_ref().filter(|error| is_at(error, name))?;
        Some(Self::text(error))
    }

    /// The error, if it is about none of the fields.
    pub(crate) fn other_error(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let is_of_field = self.fields.iter().any(|name| is_at(error, name));
        (!is_of_field).then(|| error.to_string())
    }

    fn text(error: &Invalid) -> String {
        match &error.hint {
            Some(hint) => format!("{}; {hint}", error.message),
            None => error.message.clone(),
        }
    }
}

fn is_at(error: &Invalid, name: &str) -> bool {
    let rest = error.path.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

/// The input of an operation, from a sent form.
pub(super) struct FormInput<'a> {
    params: &'a Params,
    json: Map<String, Value>,
}

impl<'a> FormInput<'a> {
    pub(super) fn new(params: &'a Params) -> Self {
        Self {
            params,
            json: Map::new(),
        }
    }

    fn typed(&self, name: &str) -> &'a str {
        self.params.text(name).unwrap_or_default().trim()
    }

    /// Sets a key; one with a dot is inside of an object.
    pub(super) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let (inside, key) = match name.split_once('.') {
            Some((outer, key)) => {
                let object = self.json.entry(outer).or_insert_with(|| Map::new().into());
                (object.as_object_mut(), key)
            }
            None => (Some(&mut self.json), name),
        };
        if let Some(inside) = inside {
            inside.insert(key.to_owned(), value.into());
        }
        self
    }

    /// Sets the key of a field, unless the field has the value that it was opened with.
    fn set_changed(self, name: &str, value: impl Into<Value>) -> Self {
        if is_changed(self.params, name) {
            self.set(name, value)
        } else {
            self
        }
    }

    /// The text as typed.
    pub(super) fn text(self, name: &str) -> Self {
        let typed = self.typed(name);
        self.set_changed(name, typed)
    }

    /// The text; `null` for an empty field.
    pub(super) fn text_or_null(self, name: &str) -> Self {
        match self.typed(name) {
            "" => self.set_changed(name, Value::Null),
            typed => self.set_changed(name, typed),
        }
    }

    /// The text, if the field is not empty.
    pub(super) fn text_if_any(self, name: &str) -> Self {
        match self.typed(name) {
            "" => self,
            typed => self.set_changed(name, typed),
        }
    }

    /// The text, or this value for an empty field.
    pub(super) fn text_or(self, name: &str, default: impl Into<Value>) -> Self {
        match self.typed(name) {
            "" => self.set_changed(name, default),
            typed => self.set_changed(name, typed),
        }
    }

    /// Whether a checkbox is checked.
    pub(super) fn flag(self, name: &str) -> Self {
        let is_checked = !self.typed(name).is_empty();
        self.set_changed(name, is_checked)
    }

    /// The lines of a text field, or what stands between its commas.
    pub(super) fn list(self, name: &str) -> Self {
        let parts = self.typed(name).split(['\n', ',']).map(str::trim);
        let parts: Vec<Value> = parts
            .filter(|part| !part.is_empty())
            .map(Value::from)
            .collect();
        self.set_changed(name, parts)
    }

    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, Invalid> {
        invalid::from_json(Value::Object(self.json))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_become_the_keys_of_the_input() {
        let params = Params::from_urlencoded(
            b"name=+Mia+&none=&yes=on&uris=a%0d%0a%0d%0ab%2cc&buzz.blue=5&buzz.green=",
        );
        let input: Value = FormInput::new(&params)
            .text("name")
            .text_or_null("none")
            .text_if_any("none2")
            .flag("yes")
            .flag("no")
            .list("uris")
            .text_or("buzz.blue", 0)
            .text_or("buzz.green", 0)
            .read()
            .expect("any JSON");
        let expected = json!({
            "name": "Mia", "none": null, "yes": true, "no": false, "uris": ["a", "b", "c"],
            "buzz": { "blue": "5", "green": 0 },
        });
        assert_eq!(input, expected);
    }

    #[test]
    fn fields_as_they_were_opened_are_not_in_the_input() {
        let params = Params::from_urlencoded(
            b"name=Mia&was:name=Mia&uris=a%0d%0ab&was:uris=a%0ab&was:no=&was:yes=true&buzz.blue=5&was:buzz.blue=7&tier=&was:tier=x",
        );
        let input: Value = FormInput::new(&params)
            .text("name")
            .list("uris")
            .flag("no")
            .flag("yes")
            .text_or("buzz.blue", 0)
            .text_or_null("tier")
            .read()
            .expect("any JSON");
        let expected = json!({ "yes": false, "buzz": { "blue": "5" }, "tier": null });
        assert_eq!(input, expected);
        // A form that failed is as it was opened.
        let failed = Form::failed(&["name", "tier"], &params, Invalid::new("", "x").into());
        let opened = [("was:name", "Mia"), ("was:tier", "x")];
        let opened = opened.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(failed.opened_fields(), opened);
    }

    #[test]
    fn an_error_is_shown_at_its_field_or_above_the_form() {
        let params = Params::from_urlencoded(b"uris=x&name=%3cb%3e");
        let failed = |path: &str| {
            let error = Invalid::new(path, "it is wrong").with_hint("write another");
            Form::failed(&["uris", "name"], &params, error.into())
        };
        let form = failed("uris[1]");
        assert_eq!(
            form.error_at("uris").as_deref(),
            Some("it is wrong; write another")
        );
        assert_eq!((form.error_at("name"), form.other_error()), (None, None));
        assert_eq!((form.value("name"), form.value("other")), ("<b>", ""));
        let form = failed("urisx");
        assert_eq!(form.error_at("uris"), None);
        assert_eq!(
            form.other_error().as_deref(),
            Some("urisx: it is wrong; write another")
        );
    }
}
