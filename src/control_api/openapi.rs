//! The `OpenAPI` document of the control API, from the table in `operations.rs` and the schemas of its types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::operation::{Operation, OperationMethod};
use super::operations::operations;
use super::response::JsonResponse;
use super::signature::SchemaOf;
use crate::control::ControlResult;
use crate::http::context::RequestContext;
use crate::invalid::ErrorView;

const DESCRIPTION: &str = "Sets the mock to any state, and lists the requests of apps. A user is a username or \
    an id: text is first a username, then an id; a number is an id. A scope is a number, a preset or names. \
    Numbers and booleans can be written as text.";

/// `GET /_mock/openapi.json`.
pub(crate) fn operation() -> Operation {
    Operation::new(
        OperationMethod::Get,
        "/_mock/openapi.json",
        "read_openapi",
        "Read this document",
        read_openapi,
    )
}

/// An `OpenAPI` 3.1 document.
#[derive(Serialize)]
pub(crate) struct Document(Value);

impl JsonSchema for Document {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "object", "additionalProperties": true })
    }
}

async fn read_openapi(context: RequestContext) -> ControlResult<JsonResponse<Document>> {
    Ok(JsonResponse(Document(document(&context.base.to_string()))))
}

/// The document, for a server at this base URL.
pub(crate) fn document(base: &str) -> Value {
    let mut operations = operations();
    operations.push(operation());
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in &operations {
        let described = describe(operation, &mut schemas);
        let methods = paths.entry(operation.path).or_default();
        methods.insert(operation.method.name().to_owned(), described);
    }
    schemas.finish(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "civitai-oauth-mock control API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
        },
        "servers": [{ "url": base }],
        "paths": paths,
        "components": {},
    }))
}

fn describe(operation: &Operation, schemas: &mut Schemas) -> Value {
    let signature = &operation.signature;
    let returns = signature.returns.map(|returns| schemas.response(returns));
    let mut success = json_content(operation.summary, returns.as_ref());
    for media_type in operation.alternative_media_types {
        let is_text = media_type.starts_with("text/");
        let kind = if is_text { "string" } else { "object" };
        success["content"][*media_type] = json!({ "schema": { "type": kind } });
    }
    let status = if signature.is_created { "201" } else { "200" };
    let error = schemas.response(SchemaGenerator::subschema_for::<ErrorView>);
    let mut responses = json!({
        status: success,
        "4XX": json_content("The location of the mistake, the rule and the fix", Some(&error)),
    });
    if let Some(conflict) = operation.conflict {
        let conflict = schemas.response(conflict);
        responses["409"] = json_content("The differences", Some(&conflict));
    }
    let in_path = operation.path.split(['{', '}']).skip(1).step_by(2);
    let in_path = in_path.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let query = signature.query.map(|query| schemas.request(query));
    let parameters: Vec<Value> = in_path
        .chain(query.iter().flat_map(query_parameters))
        .collect();
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = signature.body {
        let schema = schemas.request(body);
        described["requestBody"] = json!({
            "content": { "application/json": { "schema": schema } },
            "required": !schemas.accepts_empty_object(&schema),
        });
    }
    described
}

fn json_content(description: &str, schema: Option<&Value>) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

/// The properties of a query's schema as parameters.
fn query_parameters(query: &Value) -> Vec<Value> {
    let required = query["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|key| key == name));
    let properties = query["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let description = schema
                .as_object_mut()
                .and_then(|keys| keys.shift_remove("description"));
            let mut parameter =
                json!({ "name": name, "in": "query", "required": is_required(name) });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameter["schema"] = schema;
            parameter
        })
        .collect()
}

/// Where the schemas of responses are, until it is known which of their names requests use too.
const RESPONSES: &str = "#/responses/";

const COMPONENTS: &str = "#/components/schemas/";

/// The schemas of requests and of responses. A type that is in both may have two schemas: a response has every key, and a
/// request may leave some out. The response's is then named `…View`.
struct Schemas {
    requests: SchemaGenerator,
    responses: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let generator = |settings: SchemaSettings, path: &str| {
            settings
                .with(|settings| settings.definitions_path = path[1..].to_owned().into())
                .into_generator()
        };
        let settings = SchemaSettings::draft2020_12();
        Self {
            requests: generator(settings.clone().for_deserialize(), COMPONENTS),
            responses: generator(settings.for_serialize(), RESPONSES),
        }
    }

    fn request(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.requests).to_value()
    }

    fn response(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.responses).to_value()
    }

    /// Whether `{}`, as which an empty body counts, fits the schema of a request.
    fn accepts_empty_object(&self, schema: &Value) -> bool {
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|to| to.strip_prefix(COMPONENTS))
        {
            return self.accepts_empty_object(&self.requests.definitions()[name]);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            return choices.iter().any(|one| self.accepts_empty_object(one));
        }
        schema["type"] == "object" && schema.get("required").is_none()
    }

    /// Adds the components to the document, and points its references to them.
    fn finish(mut self, mut document: Value) -> Value {
        let requests = self.requests.take_definitions(false);
        let responses = self.responses.take_definitions(false);
        let mut renamed: BTreeSet<String> = BTreeSet::new();
        // A schema that refers to a renamed one differs, too.
        loop {
            let differs = |(name, schema): &(&String, &Value)| {
                let both = requests.get(*name);
                !renamed.contains(*name)
                    && both.is_some_and(|one| {
                        with_references(one.clone(), &renamed)
                            != with_references((*schema).clone(), &renamed)
                    })
            };
            let found: Vec<String> = responses
                .iter()
                .filter(differs)
                .map(|(name, _)| name.clone())
                .collect();
            if found.is_empty() {
                break;
            }
            renamed.extend(found);
        }
        let mut components: BTreeMap<String, Value> = requests.into_iter().collect();
        for (name, schema) in responses {
            components.insert(response_name(&name, &renamed), schema);
        }
        document["components"]["schemas"] = json!(components);
        with_references(document, &renamed)
    }
}

fn response_name(name: &str, renamed: &BTreeSet<String>) -> String {
    if renamed.contains(name) {
        format!("{name}View")
    } else {
        name.to_owned()
    }
}

/// A doc comment as a description: without examples in Rust, links to Rust's types and line breaks within a paragraph.
fn plain(comment: &str) -> String {
    let text = comment.split("\n```").next().unwrap_or_default();
    let mut text = text.replace("[`", "`").replace("`]", "`");
    while let Some((before, rest)) = text.split_once("`(crate::")
        && let Some((_, after)) = rest.split_once(')')
    {
        text = format!("{before}`{after}");
    }
    let paragraphs = text.trim().split("\n\n");
    let paragraphs: Vec<String> = paragraphs.map(|text| text.replace('\n', " ")).collect();
    paragraphs.join("\n\n")
}

/// Points references of responses to their components, tidies descriptions and removes defaults.
fn with_references(mut schema: Value, renamed: &BTreeSet<String>) -> Value {
    match &mut schema {
        Value::Object(keys) => {
            // Generators of types take a key with a default for one that is always there.
            keys.shift_remove("default");
            if let Some(Value::String(comment)) = keys.get_mut("description") {
                *comment = plain(comment);
            }
            for value in keys.values_mut() {
                *value = with_references(value.take(), renamed);
            }
        }
        Value::Array(items) => {
            for value in items {
                *value = with_references(value.take(), renamed);
            }
        }
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(RESPONSES) {
                *text = format!("{COMPONENTS}{}", response_name(name, renamed));
            }
        }
        _ => {}
    }
    schema
}
