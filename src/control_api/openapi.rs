//! The `OpenAPI` document of the control API, made from the table in `operations.rs`.

use serde::Serialize;
use serde_json::json;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{
    Components, ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths,
    Ref, RefOr, Required, ResponseBuilder, ServerBuilder,
};

use super::operation::Operation;
use super::schemas::{COMPONENTS, Component};
use crate::control::{AdviceFormat, Severity};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::protocol::method::Method;

/// The document, for a server at this base URL.
pub(crate) fn document(operations: &[Operation], base: &str) -> OpenApi {
    let mut paths = Paths::new();
    for operation in operations {
        paths.add_path_operation(
            operation.path,
            vec![operation.method.clone()],
            described(operation),
        );
    }
    let info = InfoBuilder::new()
        .title("civitai-oauth-mock control API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Brings the mock into any state, and tells what the app has done. Users are named by username or id: \
             text is first a username, then an id; a number is an id. Scopes are named by number, preset or names. Numbers and \
             booleans may be written as text.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url(base).build()]))
        .paths(paths)
        .components(Some(components()))
        .build()
}

fn components() -> Components {
    let all = ComponentsBuilder::new();
    let all = COMPONENTS.iter().fold(all, |all, one| {
        let keys = one.keys.iter().chain(one.more);
        all.schema(one.name, object(keys.map(|key| Key::read(key)), one.nulls))
    });
    all.build()
}

/// An object schema of these keys. With `nulls`, optional keys may be null.
fn object(keys: impl Iterator<Item = Key>, nulls: bool) -> ObjectBuilder {
    keys.fold(ObjectBuilder::new(), |object, key| {
        if key.required {
            object.property(key.name, key.schema()).required(key.name)
        } else if nulls {
            object.property(key.name, or_null(key.schema()))
        } else {
            object.property(key.name, key.schema())
        }
    })
}

fn or_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    AnyOfBuilder::new()
        .item(schema)
        .item(of_type(Type::Null))
        .into()
}

/// The name of the component with the keys of the body, if there is one.
fn named(operation: &Operation) -> Option<&'static str> {
    let is_it = |one: &&Component| !one.nulls && one.more.is_empty() && one.keys == operation.body;
    COMPONENTS.iter().find(is_it).map(|one| one.name)
}

fn json_of(description: &str, schema: RefOr<Schema>) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
}

fn described(operation: &Operation) -> OperationBuilder {
    let mut success = json_of(operation.summary, schema_of(operation.returns));
    if let Some(form) = operation.also_as {
        let content = ContentBuilder::new().schema(Some(of_type(Type::Object)));
        success = success.content(form, content.build());
    }
    let error = json_of(
        "What is wrong, where, and how to mend it",
        schema_of("Error"),
    );
    let mut described = OperationBuilder::new()
        .summary(Some(operation.summary))
        .operation_id(Some(operation_id(operation)))
        .response(operation.status, success)
        .response("4XX", error);
    if let Some(conflict) = operation.conflict {
        described = described.response("409", json_of("What differs", schema_of(conflict)));
    }
    for name in operation.path.split(['{', '}']).skip(1).step_by(2) {
        described = described.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text())),
        );
    }
    for key in operation.query.iter().map(|key| Key::read(key)) {
        described = described.parameter(
            ParameterBuilder::new()
                .name(key.name)
                .parameter_in(ParameterIn::Query)
                .required(if key.required {
                    Required::True
                } else {
                    Required::False
                })
                .schema(Some(key.schema())),
        );
    }
    if operation.body.is_empty() {
        return described;
    }
    described.request_body(Some(body(operation)))
}

/// The request body, which is optional if all its keys are.
fn body(operation: &Operation) -> RequestBody {
    let mut object = ObjectBuilder::new();
    let mut is_needed = Required::False;
    for key in operation.body.iter().map(|key| Key::read(key)) {
        if key.required || operation.required.contains(&key.name) {
            object = object.required(key.name);
            is_needed = Required::True;
        }
        object = object.property(key.name, key.schema());
    }
    let schema: RefOr<Schema> = match operation.bare_body {
        Some(bare) => AnyOfBuilder::new()
            .item(object)
            .item(schema_of(bare))
            .into(),
        None => named(operation)
            .map_or_else(|| object.into(), |name| Ref::from_schema_name(name).into()),
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    RequestBodyBuilder::new()
        .content("application/json", content)
        .required(Some(is_needed))
        .build()
}

/// The operation id, from method and path: `post_tokens_expire`.
fn operation_id(operation: &Operation) -> String {
    let method = json!(operation.method)
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let path = operation
        .path
        .trim_start_matches("/_mock/")
        .replace(['{', '}'], "");
    format!("{method}_{}", path.replace(['/', '-', '.'], "_"))
}

/// One key of a table row: `name: kind`, or `name?: kind`.
struct Key {
    name: &'static str,
    required: bool,
    kind: &'static str,
}

impl Key {
    fn read(row: &'static str) -> Self {
        let (name, kind) = row.split_once(": ").unwrap_or((row, "any"));
        let (name, required) = match name.strip_suffix('?') {
            Some(name) => (name, false),
            None => (name, true),
        };
        Self {
            name,
            required,
            kind,
        }
    }

    fn schema(&self) -> RefOr<Schema> {
        schema_of(self.kind)
    }
}

fn schema_of(kind: &str) -> RefOr<Schema> {
    match kind {
        "text" => text(),
        "endpoint" => one_of(Endpoint::ALL),
        "grant_type" => one_of(GrantType::ALL),
        "method" => one_of(Method::ALL),
        "severity" => one_of(Severity::ALL),
        "advice_format" => one_of(AdviceFormat::ALL),
        "integer" => of_type(Type::Integer),
        "number" => of_type(Type::Number),
        "boolean" => of_type(Type::Boolean),
        "object" => of_type(Type::Object),
        "integers" => ArrayBuilder::new().items(of_type(Type::Integer)).into(),
        "texts" => ArrayBuilder::new().items(text()).into(),
        "objects" => ArrayBuilder::new().items(of_type(Type::Object)).into(),
        // A number, or its name.
        "scope" => AnyOfBuilder::new()
            .item(of_type(Type::Integer))
            .item(text())
            .item(ArrayBuilder::new().items(text()))
            .into(),
        "user" | "length" | "moment" => AnyOfBuilder::new()
            .item(of_type(Type::Integer))
            .item(text())
            .into(),
        "text_or_null" => or_null(text()),
        "delay" => AnyOfBuilder::new()
            .item(of_type(Type::Number))
            .item(text())
            .item(of_type(Type::Object))
            .into(),
        // The text of a seed file, or its content as JSON.
        "seed" => AnyOfBuilder::new()
            .item(text())
            .item(Ref::from_schema_name("Seed"))
            .into(),
        name if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
            match name.strip_suffix("[]") {
                Some(name) => ArrayBuilder::new()
                    .items(Ref::from_schema_name(name))
                    .into(),
                None => Ref::from_schema_name(name).into(),
            }
        }
        _ => any(),
    }
}

fn of_type(kind: Type) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(kind))
        .into()
}

fn one_of(words: &[impl Serialize]) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(words.iter().map(|word| json!(word))))
        .into()
}

fn text() -> RefOr<Schema> {
    of_type(Type::String)
}

fn any() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .into()
}
