//! `GET /_mock/api`: the reference of the control API, from its `OpenAPI` document.

mod schema;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::layout::{ConsoleLayout, console_page};
use super::navigation::ConsolePage;
use crate::control_api;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use schema::{Field, TypePart, fields, type_of, values};

/// The beginning of every path of the control API.
const ROOT: &str = "/_mock/";

#[derive(Template)]
#[template(path = "api_reference.html")]
struct ApiReference {
    layout: ConsoleLayout,
    description: String,
    document: String,
    groups: Vec<Group>,
    types: Vec<TypeView>,
}

/// The operations whose paths begin with the same segment.
struct Group {
    name: String,
    operations: Vec<OperationView>,
}

struct OperationView {
    id: String,
    method: String,
    path: String,
    summary: String,
    parameters: Vec<Field>,
    body: Vec<TypePart>,
    body_fields: Vec<Field>,
    response: Vec<TypePart>,
    response_fields: Vec<Field>,
    curl: String,
}

/// A named type.
struct TypeView {
    name: String,
    description: String,
    fields: Vec<Field>,
    /// What it may be, if it has no fields.
    values: Vec<String>,
    parts: Vec<TypePart>,
}

/// `GET /_mock/api`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
) -> Response {
    let base = context.base.to_string();
    let document = control_api::document(&base);
    let schemas = &document["components"]["schemas"];
    let shown = ApiReference {
        layout: ConsoleLayout::new(&state, &context, ConsolePage::ApiReference),
        description: text(&document["info"]["description"]),
        document: context.base.path("/_mock/openapi.json"),
        groups: groups(&document, &base),
        types: types(schemas),
    };
    console_page(StatusCode::OK, &shown.layout, &shown)
}

fn groups(document: &Value, base: &str) -> Vec<Group> {
    let schemas = &document["components"]["schemas"];
    let mut groups: BTreeMap<String, Vec<OperationView>> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        let name = path.trim_start_matches(ROOT).split('/').next();
        let of_path = groups
            .entry(name.unwrap_or_default().to_owned())
            .or_default();
        for (method, operation) in methods.as_object().into_iter().flatten() {
            of_path.push(operation_view(method, path, operation, schemas, base));
        }
    }
    let group = |(name, operations)| Group { name, operations };
    groups.into_iter().map(group).collect()
}

fn operation_view(
    method: &str,
    path: &str,
    operation: &Value,
    schemas: &Value,
    base: &str,
) -> OperationView {
    let method = method.to_uppercase();
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let responses = operation["responses"].as_object().into_iter().flatten();
    let success = responses
        .clone()
        .find(|(status, _)| status.starts_with('2'));
    let response = success.map_or(&Value::Null, |(_, response)| {
        &response["content"]["application/json"]["schema"]
    });
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameter = |one: &Value| Field {
        name: text(&one["name"]),
        parts: type_of(&one["schema"]),
        is_required: one["required"] == true,
        description: text(&one["description"]),
    };
    let body_fields = fields(body, schemas);
    OperationView {
        id: text(&operation["operationId"]),
        curl: curl(&method, path, base, &body_fields),
        summary: text(&operation["summary"]),
        parameters: parameters.map(parameter).collect(),
        body: type_of(body),
        body_fields,
        response: type_of(response),
        response_fields: optional(fields(response, schemas)),
        method,
        path: path.to_owned(),
    }
}

/// Removes the marks of required fields: the server always sends what it has.
fn optional(mut fields: Vec<Field>) -> Vec<Field> {
    for field in &mut fields {
        field.is_required = false;
    }
    fields
}

/// A command that calls the operation. Values to replace are in capitals.
fn curl(method: &str, path: &str, base: &str, body: &[Field]) -> String {
    let segments = path.split('/').map(|segment| {
        let placeholder = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(placeholder.to_uppercase())
    });
    let filled = segments.zip(path.split('/'));
    let filled: Vec<String> = filled
        .map(|(placeholder, segment)| placeholder.unwrap_or_else(|| segment.to_owned()))
        .collect();
    let mut command = format!("curl -sS -X {method} {base}{}", filled.join("/"));
    let required = body.iter().filter(|field| field.is_required);
    let pairs: Vec<String> = required
        .map(|field| format!("\"{}\": …", field.name))
        .collect();
    if !pairs.is_empty() {
        command = format!("{command} \\\n  -d '{{ {} }}'", pairs.join(", "));
    }
    command
}

fn types(schemas: &Value) -> Vec<TypeView> {
    let all = schemas.as_object().into_iter().flatten();
    let view = |(name, schema): (&String, &Value)| TypeView {
        name: name.clone(),
        description: text(&schema["description"]),
        fields: fields(schema, schemas),
        values: values(schema),
        parts: type_of(schema),
    };
    all.map(view).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
