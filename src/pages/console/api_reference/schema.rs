//! JSON schemas as text: the fields of an object, and the type of a value with links to named types.

use serde_json::Value;

const COMPONENTS: &str = "#/components/schemas/";

/// A field of an object, or a parameter.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) parts: Vec<TypePart>,
    pub(super) is_required: bool,
    pub(super) description: String,
}

/// A part of a type: text, or the name of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TypePart {
    Text(String),
    Named(String),
}

/// The fields of a schema. A named schema is looked up.
pub(super) fn fields(schema: &Value, schemas: &Value) -> Vec<Field> {
    let schema = match named(schema) {
        Some(name) => &schemas[name],
        None => schema,
    };
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|key| key == name));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        parts: type_of(schema),
        is_required: is_required(name),
        description: schema["description"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };
    properties.map(field).collect()
}

/// The fixed values of a schema, if it has some: those of `enum`, or the `const` of each alternative.
pub(super) fn values(schema: &Value) -> Vec<String> {
    let fixed = schema["enum"].as_array().into_iter().flatten();
    let alternatives = alternatives(schema).into_iter().flatten();
    let constants = alternatives.filter_map(|one| one.get("const"));
    fixed.chain(constants).map(Value::to_string).collect()
}

fn named(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(COMPONENTS)
}

fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    let any = schema["anyOf"].as_array();
    any.or_else(|| schema["oneOf"].as_array())
}

/// The type of a value. `null` is left out: a field that may be null is one that may be absent.
pub(super) fn type_of(schema: &Value) -> Vec<TypePart> {
    if let Some(name) = named(schema) {
        return vec![TypePart::Named(name.to_owned())];
    }
    let text = |text: &str| vec![TypePart::Text(text.to_owned())];
    if let Some(alternatives) = alternatives(schema) {
        let is_null = |one: &&Value| one["type"] == "null";
        let types = alternatives.iter().filter(|one| !is_null(one));
        return joined(types.map(type_of));
    }
    if let Some(constant) = schema.get("const") {
        return text(&constant.to_string());
    }
    if let Some(fixed) = schema["enum"].as_array() {
        return joined(fixed.iter().map(|value| text(&value.to_string())));
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => {
            let mut parts = text("list of ");
            parts.extend(type_of(&schema["items"]));
            parts
        }
        Value::String(name) if name == "object" && schema["additionalProperties"].is_object() => {
            let mut parts = text("map to ");
            parts.extend(type_of(&schema["additionalProperties"]));
            parts
        }
        Value::String(name) => text(name),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            let kind = |name: &str| {
                let mut schema = schema.clone();
                schema["type"] = name.into();
                type_of(&schema)
            };
            joined(names.filter(|name| *name != "null").map(kind))
        }
        _ if schema.is_null() => Vec::new(),
        _ => text("any value"),
    }
}

/// The types with "or" between them.
fn joined(types: impl Iterator<Item = Vec<TypePart>>) -> Vec<TypePart> {
    let mut parts = Vec::new();
    for one in types {
        if !parts.is_empty() {
            parts.push(TypePart::Text(" or ".to_owned()));
        }
        parts.extend(one);
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(schema: &Value) -> String {
        let part = |part: &TypePart| match part {
            TypePart::Text(text) => text.clone(),
            TypePart::Named(name) => format!("[{name}]"),
        };
        type_of(schema).iter().map(part).collect()
    }

    #[test]
    fn a_type_is_written_as_text() {
        for (schema, expected) in [
            (json!({ "type": "string" }), "string"),
            (json!({ "type": ["integer", "null"] }), "integer"),
            (json!({ "type": ["string", "number"] }), "string or number"),
            (json!({ "$ref": "#/components/schemas/Fault" }), "[Fault]"),
            (
                json!({ "anyOf": [{ "$ref": "#/components/schemas/Scope" }, { "type": "null" }] }),
                "[Scope]",
            ),
            (
                json!({ "type": "array", "items": { "$ref": "#/components/schemas/Fault" } }),
                "list of [Fault]",
            ),
            (
                json!({ "type": "object", "additionalProperties": { "type": "integer" } }),
                "map to integer",
            ),
            (json!({ "enum": ["ask", 1] }), "\"ask\" or 1"),
            (json!({}), "any value"),
            (Value::Null, ""),
        ] {
            assert_eq!(shown(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn fields_of_a_named_type_are_looked_up() {
        let schemas = json!({ "Fault": { "required": ["id"], "properties": {
            "id": { "type": "integer", "description": "The id." },
            "times": { "type": ["integer", "null"] },
        } } });
        let found = fields(&json!({ "$ref": "#/components/schemas/Fault" }), &schemas);
        let found: Vec<(&str, bool, &str)> = found
            .iter()
            .map(|field| (&*field.name, field.is_required, &*field.description))
            .collect();
        assert_eq!(found, [("id", true, "The id."), ("times", false, "")]);
    }
}
