//! The door for HTTP: `/_mock/…`, JSON in and out. It decides nothing; the verbs are in the files beside it.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Path, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use serde_json::{Value, json};

use super::{ControlError, Outcome};
use crate::invalid::Invalid;
use crate::oauth::extract::{Context, LONGEST_BODY};
use crate::oauth::respond;
use crate::server::Routes;

/// The control paths, below `/_mock`.
pub(crate) fn routes() -> Routes {
    let routes: [(&str, MethodRouter<_>); 13] = [
        ("/_mock/reset", post(reset)),
        ("/_mock/settings", get(read_settings).patch(patch_settings)),
        ("/_mock/clock", get(read_clock)),
        ("/_mock/clock/advance", post(advance_clock)),
        ("/_mock/sessions", post(create_session)),
        ("/_mock/users", get(list_users).post(create_user)),
        (
            "/_mock/users/{id}",
            get(read_user).patch(patch_user).delete(delete_user),
        ),
        ("/_mock/clients", get(list_clients).post(create_client)),
        (
            "/_mock/clients/{id}",
            get(read_client).patch(patch_client).delete(delete_client),
        ),
        ("/_mock/device/approve", post(approve_device)),
        ("/_mock/device/deny", post(deny_device)),
        ("/_mock/consents", delete(delete_consents)),
        ("/_mock/contract", get(read_contract)),
    ];
    routes
        .into_iter()
        .fold(Routes::new(), |all, (path, route)| {
            all.route(path, route.fallback(wrong_method))
        })
}

/// A JSON body. An empty one counts as `{}`.
struct Input(Value);

impl<S: Send + Sync> FromRequest<S> for Input {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let refuse = |why: Invalid| respond::invalid(StatusCode::BAD_REQUEST, "invalid", &why);
        let bytes = to_bytes(request.into_body(), LONGEST_BODY)
            .await
            .map_err(|_| {
                refuse(Invalid::new(
                    "",
                    format!("the body is longer than {LONGEST_BODY} bytes"),
                ))
            })?;
        if bytes.is_empty() {
            return Ok(Self(json!({})));
        }
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|why| refuse(Invalid::new("", format!("the body is not JSON: {why}"))))
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(why) => respond::invalid(StatusCode::BAD_REQUEST, "invalid", &why),
            Self::NotFound(why) => respond::invalid(StatusCode::NOT_FOUND, "not_found", &why),
            Self::Conflict(why) => respond::invalid(StatusCode::CONFLICT, "conflict", &why),
            Self::Store(why) => respond::failure(&why),
        }
    }
}

type Answer = Outcome<Response>;

fn json_answer(status: StatusCode, body: &impl serde::Serialize) -> Response {
    (status, Json(body)).into_response()
}

fn ok(body: &impl serde::Serialize) -> Response {
    json_answer(StatusCode::OK, body)
}

async fn reset(context: Context) -> Answer {
    context.sandbox.reset().await?;
    Ok(ok(&json!({})))
}

async fn read_settings(context: Context) -> Response {
    ok(&*context.sandbox.settings())
}

async fn patch_settings(context: Context, Input(input): Input) -> Answer {
    Ok(ok(&context.sandbox.patch_settings(input).await?))
}

async fn read_clock(context: Context) -> Response {
    ok(&context.sandbox.show_clock())
}

async fn advance_clock(context: Context, Input(input): Input) -> Answer {
    context.sandbox.advance_clock(input).await?;
    Ok(ok(&context.sandbox.show_clock()))
}

async fn create_session(context: Context, Input(input): Input) -> Answer {
    Ok(json_answer(
        StatusCode::CREATED,
        &context.sandbox.create_session(input).await?,
    ))
}

async fn list_users(context: Context) -> Answer {
    Ok(ok(&context
        .sandbox
        .store
        .list_users(context.sandbox.name())
        .await?))
}

async fn create_user(context: Context, Input(input): Input) -> Answer {
    Ok(json_answer(
        StatusCode::CREATED,
        &context.sandbox.create_user(input).await?,
    ))
}

async fn read_user(context: Context, Path(id): Path<String>) -> Answer {
    Ok(ok(&context.sandbox.read_user(&id).await?))
}

async fn patch_user(context: Context, Path(id): Path<String>, Input(input): Input) -> Answer {
    Ok(ok(&context.sandbox.patch_user(&id, input).await?))
}

async fn delete_user(context: Context, Path(id): Path<String>) -> Answer {
    context.sandbox.delete_user(&id).await?;
    Ok(ok(&json!({})))
}

async fn list_clients(context: Context) -> Answer {
    Ok(ok(&context
        .sandbox
        .store
        .list_clients(context.sandbox.name())
        .await?))
}

async fn create_client(context: Context, Input(input): Input) -> Answer {
    Ok(json_answer(
        StatusCode::CREATED,
        &context.sandbox.create_client(input).await?,
    ))
}

async fn read_client(context: Context, Path(id): Path<String>) -> Answer {
    Ok(ok(&context.sandbox.read_client(&id).await?))
}

async fn patch_client(context: Context, Path(id): Path<String>, Input(input): Input) -> Answer {
    Ok(ok(&context.sandbox.patch_client(&id, input).await?))
}

async fn delete_client(context: Context, Path(id): Path<String>) -> Answer {
    context.sandbox.delete_client(&id).await?;
    Ok(ok(&json!({})))
}

async fn delete_consents(context: Context) -> Answer {
    let deleted = context
        .sandbox
        .store
        .delete_consents(context.sandbox.name())
        .await?;
    Ok(ok(&json!({ "deleted": deleted })))
}

async fn approve_device(context: Context, Input(input): Input) -> Answer {
    Ok(ok(&context.sandbox.approve_device(input).await?))
}

async fn deny_device(context: Context, Input(input): Input) -> Answer {
    Ok(ok(&context.sandbox.deny_device(input).await?))
}

async fn read_contract(context: Context) -> Response {
    ok(&context.sandbox.show_contract())
}

async fn wrong_method(request: Request) -> Response {
    let why = format!(
        "{} does not answer {}",
        request.uri().path(),
        request.method()
    );
    let why = Invalid::new("", why).with_hint("the README lists the control calls");
    respond::invalid(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &why)
}
