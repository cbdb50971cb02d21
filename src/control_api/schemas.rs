//! Schemas of types that are read or written by hand, where no derive can see the JSON.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::contract::{DIFFERENCES, Difference};
use crate::control::{
    AdvanceClock, ClientSpec, Expect, Expectations, Introspection, NewClient, TokenView, Tokens,
    UserSpec, sandboxes::SeedInput,
};
use crate::model::user::UserRef;
use crate::protocol::declared_scopes::{DeclaredScopes, NewScopeBit};
use crate::protocol::duration::{Seconds, SignedDuration};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::{GrantType, SupportedGrant};
use crate::protocol::method::HttpMethod;
use crate::protocol::scope::{Scope, ScopeBit};
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;
use crate::sandbox::faults::Delay;
use crate::seed::{SeedClient, SeedFile, SeedUser};

/// Implements [`JsonSchema`]: a component of this name, or a schema that is repeated at each place.
macro_rules! schema {
    ($kind:ty, $name:literal, |$generator:pat_param| $schema:expr) => {
        schema!(@impl $kind, $name, false, |$generator| $schema);
    };
    ($kind:ty, inline, |$generator:pat_param| $schema:expr) => {
        schema!(@impl $kind, "", true, |$generator| $schema);
    };
    (@impl $kind:ty, $name:literal, $inline:literal, |$generator:pat_param| $schema:expr) => {
        impl JsonSchema for $kind {
            fn inline_schema() -> bool {
                $inline
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn schema_id() -> Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

/// One of these words.
fn one_of<'a>(description: &str, words: impl IntoIterator<Item = &'a str>) -> Schema {
    let words: Vec<&str> = words.into_iter().collect();
    json_schema!({ "description": description, "type": "string", "enum": words })
}

schema!(Endpoint, "Endpoint", |_| one_of(
    "An endpoint. Most names are the last segment of the path.",
    Endpoint::ALL.iter().map(|one| one.name()),
));

schema!(GrantType, "GrantType", |_| one_of(
    "The `grant_type` of a token request.",
    GrantType::ALL.iter().map(|one| one.name()),
));

schema!(HttpMethod, "Method", |_| one_of(
    "An HTTP method.",
    HttpMethod::ALL.iter().map(|one| one.name()),
));

schema!(SupportedGrant, "Grant", |_| one_of(
    "A grant that a client can be registered for.",
    GrantType::SUPPORTED.map(GrantType::name),
));

schema!(Difference, "Difference", |_| one_of(
    "A named difference between the contracts.",
    DIFFERENCES.iter().map(|row| row.difference.name()),
));

schema!(Secret, inline, |_| json_schema!({ "type": "string" }));

schema!(Timestamp, "Time", |generator| {
    let text = json_schema!({
        "description": "A time in RFC 3339, such as `2026-01-31T12:00:00Z`.",
        "type": "string",
        "format": "date-time",
    });
    if generator.contract().is_serialize() {
        return text;
    }
    json_schema!({
        "description": "A time: RFC 3339, such as `2026-01-31T12:00:00Z`, or Unix seconds.",
        "type": ["string", "integer"],
    })
});

schema!(SignedDuration, "Length", |_| json_schema!({
    "description": "A duration: a number of seconds, or text such as `300ms`, `90s`, `1h30m`, `-7d`.",
    "type": ["number", "string"],
}));

schema!(Seconds, "Lifetime", |_| json_schema!({
    "description": "A lifetime in whole seconds: a number, or text such as `1h`.",
    "type": ["integer", "string"],
}));

schema!(Delay, "Delay", |generator| {
    let length = generator.subschema_for::<SignedDuration>();
    json_schema!({
        "description": "A fixed duration, or a random one between two.",
        "anyOf": [length, {
            "type": "object",
            "properties": { "min": length, "max": length },
            "required": ["min", "max"],
            "additionalProperties": false,
        }],
    })
});

schema!(UserRef, "UserRef", |_| json_schema!({
    "description": "A user. Text is first a username, then an id; a number is an id.",
    "type": ["string", "integer"],
}));

schema!(Scope, "Scope", |generator| scope(generator));

schema!(ScopeSpec, "Scope", |generator| scope(generator));

/// A response has the number. A request may have any form that [`ScopeSpec`] reads.
fn scope(generator: &SchemaGenerator) -> Schema {
    if generator.contract().is_serialize() {
        return json_schema!({
            "description": "A scope: a bitmask.", "type": "integer", "format": "uint32", "minimum": 0,
        });
    }
    json_schema!({
        "description": "A scope: a bitmask, a preset such as \"AI Services\", names with commas between them, or a list of \
            these.",
        "type": ["integer", "string", "array"],
        "items": { "type": ["integer", "string"] },
    })
}

schema!(DeclaredScopes, inline, |generator| {
    if generator.contract().is_serialize() {
        <Vec<ScopeBit>>::json_schema(generator)
    } else {
        <Vec<NewScopeBit>>::json_schema(generator)
    }
});

schema!(AdvanceClock, "AdvanceClock", |generator| {
    let length = generator.subschema_for::<SignedDuration>();
    let keyed = |key: &str| {
        json_schema!({
            "type": "object",
            "properties": { key: length },
            "required": [key],
            "additionalProperties": false,
        })
    };
    json_schema!({
        "description": "A duration by which the clock advances; a negative duration moves it back.",
        "anyOf": [keyed("by"), keyed("seconds"), length],
    })
});

schema!(NewClient, "NewClient", |generator| {
    with_required::<ClientSpec>(generator, "A client to create.", &["name"])
});

schema!(SeedClient, "SeedClient", |generator| {
    with_required::<ClientSpec>(generator, "A client of a seed.", &["id", "name"])
});

schema!(SeedUser, "SeedUser", |generator| {
    with_required::<UserSpec>(generator, "A user of a seed.", &["id"])
});

/// The schema of a type, with required keys.
fn with_required<T: JsonSchema>(
    generator: &mut SchemaGenerator,
    description: &str,
    keys: &[&str],
) -> Schema {
    let mut schema = T::json_schema(generator);
    schema.insert("description".to_owned(), description.into());
    schema.insert("required".to_owned(), keys.into());
    schema
}

schema!(Expectations, "Expectations", |generator| {
    let list = generator.subschema_for::<Vec<Expect>>();
    json_schema!({
        "description": "Expectations of the journal. With `in_order`, their first matches must be in this order.",
        "anyOf": [
            {
                "type": "object",
                "properties": { "expectations": list, "in_order": { "type": "boolean" } },
                "required": ["expectations"],
                "additionalProperties": false,
            },
            list,
        ],
    })
});

schema!(SeedInput, inline, |generator| json_schema!({
    "anyOf": [{ "type": "string" }, generator.subschema_for::<SeedFile>()],
}));

schema!(Tokens, "Tokens", |_| json_schema!({
    "description": "Tokens as `/token` returns them (RFC 6749 §5.1).",
    "type": "object",
    "properties": {
        "access_token": { "type": "string" },
        "token_type": { "type": "string", "const": "Bearer" },
        "expires_in": { "type": "integer", "description": "Lifetime of the access token, in seconds." },
        "refresh_token": { "type": "string" },
        "scope": {
            "description": "The scope as text, or as a list of one text: difference `scope-shape`.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        },
        "id_token": { "type": "string" },
    },
    "required": ["access_token", "token_type", "expires_in", "scope"],
}));

schema!(Introspection, "Introspection", |generator| {
    let token = generator.subschema_for::<TokenView>();
    json_schema!({
        "description": "A token, or only `active` if it is unknown, revoked or replaced.",
        "anyOf": [token, {
            "type": "object",
            "properties": { "active": { "type": "boolean", "const": false } },
            "required": ["active"],
        }],
    })
});
