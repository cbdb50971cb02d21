//! The handlers of the control API: each passes its input to one operation of `control/`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio_stream::StreamExt as _;

use super::input::{AnyJson, JsonObject, JsonOrQuery, Query};
use super::response::{Answer, created, ok};
use crate::control::devices::Empty;
use crate::control::faults::PresetOptions;
use crate::control::listing::JsonPieces;
use crate::control::{
    AdvanceClock, AdviceQuery, Approval, BudgetOwner, ClientSpec, Denial, Expectations, Fault,
    FreezeClock, Mint, NewCode, NewConsent, NewPresetFault, NewSandbox, NewSession, OwnerFilter,
    Preset, Requests, SessionFilter, SetClock, SettingsPatch, TokenParam, TokenSelector, UserRef,
    UserSpec,
};
use crate::http::connection::ConnectionInfo;
use crate::http::context::Context;
use crate::http::respond;
use crate::http::state::AppState;
use crate::invalid::Invalid;

pub(crate) async fn reset(context: Context) -> Answer {
    context.sandbox.reset().await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn read_settings(context: Context) -> Answer {
    Ok(ok(&*context.sandbox.settings()))
}

pub(crate) async fn patch_settings(
    context: Context,
    JsonObject(input): JsonObject<SettingsPatch>,
) -> Answer {
    Ok(ok(&context.sandbox.patch_settings(input)?))
}

pub(crate) async fn read_clock(context: Context) -> Answer {
    Ok(ok(&context.sandbox.show_clock()))
}

pub(crate) async fn advance_clock(
    context: Context,
    AnyJson(input): AnyJson<AdvanceClock>,
) -> Answer {
    Ok(ok(&context.sandbox.advance_clock(input).await?))
}

pub(crate) async fn freeze_clock(
    context: Context,
    JsonObject(input): JsonObject<FreezeClock>,
) -> Answer {
    Ok(ok(&context.sandbox.freeze_clock(input).await?))
}

pub(crate) async fn resume_clock(context: Context) -> Answer {
    Ok(ok(&context.sandbox.resume_clock().await?))
}

pub(crate) async fn set_clock(context: Context, JsonObject(input): JsonObject<SetClock>) -> Answer {
    Ok(ok(&context.sandbox.set_clock(input).await?))
}

pub(crate) async fn list_snapshots(context: Context) -> Answer {
    Ok(ok(&context.sandbox.list_snapshots()))
}

pub(crate) async fn read_snapshot(context: Context, Path(name): Path<String>) -> Answer {
    Ok(ok(&context.sandbox.read_snapshot(&name)?))
}

pub(crate) async fn take_snapshot(context: Context, Path(name): Path<String>) -> Answer {
    Ok(created(&context.sandbox.take_snapshot(&name).await?))
}

pub(crate) async fn delete_snapshot(context: Context, Path(name): Path<String>) -> Answer {
    context.sandbox.delete_snapshot(&name).await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn restore_snapshot(context: Context, Path(name): Path<String>) -> Answer {
    context.sandbox.restore_snapshot(&name).await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn list_users(context: Context) -> Answer {
    Ok(ok(&context.sandbox.list_users()))
}

pub(crate) async fn create_user(
    context: Context,
    JsonObject(input): JsonObject<UserSpec>,
) -> Answer {
    Ok(created(&context.sandbox.create_user(input).await?))
}

pub(crate) async fn read_user(context: Context, Path(id): Path<String>) -> Answer {
    Ok(ok(&context.sandbox.read_user(&UserRef::from(id))?))
}

pub(crate) async fn patch_user(
    context: Context,
    Path(id): Path<String>,
    JsonObject(input): JsonObject<UserSpec>,
) -> Answer {
    let user = UserRef::from(id);
    Ok(ok(&context.sandbox.patch_user(&user, input).await?))
}

pub(crate) async fn delete_user(context: Context, Path(id): Path<String>) -> Answer {
    context.sandbox.delete_user(&UserRef::from(id)).await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn list_clients(context: Context) -> Answer {
    Ok(ok(&context.sandbox.list_clients()))
}

pub(crate) async fn create_client(
    context: Context,
    JsonObject(input): JsonObject<ClientSpec>,
) -> Answer {
    Ok(created(&context.sandbox.create_client(input).await?))
}

pub(crate) async fn read_client(context: Context, Path(id): Path<String>) -> Answer {
    Ok(ok(&context.sandbox.read_client(&id)?))
}

pub(crate) async fn patch_client(
    context: Context,
    Path(id): Path<String>,
    JsonObject(input): JsonObject<ClientSpec>,
) -> Answer {
    Ok(ok(&context.sandbox.patch_client(&id, input).await?))
}

pub(crate) async fn delete_client(context: Context, Path(id): Path<String>) -> Answer {
    context.sandbox.delete_client(&id).await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn rotate_secret(context: Context, Path(id): Path<String>) -> Answer {
    Ok(ok(&context.sandbox.rotate_secret(&id).await?))
}

pub(crate) async fn list_sessions(context: Context, Query(whose): Query<SessionFilter>) -> Answer {
    Ok(ok(&context.sandbox.list_sessions(&whose)?))
}

pub(crate) async fn delete_sessions(
    context: Context,
    JsonOrQuery(whose): JsonOrQuery<SessionFilter>,
) -> Answer {
    Ok(ok(&context.sandbox.delete_sessions(whose).await?))
}

pub(crate) async fn create_session(
    context: Context,
    JsonObject(input): JsonObject<NewSession>,
) -> Answer {
    Ok(created(&context.sandbox.create_session(input).await?))
}

pub(crate) async fn issue_code(context: Context, JsonObject(input): JsonObject<NewCode>) -> Answer {
    Ok(created(&context.sandbox.issue_code(input).await?))
}

pub(crate) async fn list_codes(context: Context, Query(whose): Query<OwnerFilter>) -> Answer {
    Ok(ok(&context.sandbox.list_codes(whose)?))
}

pub(crate) async fn list_tokens(context: Context, Query(whose): Query<OwnerFilter>) -> Answer {
    Ok(ok(&context.sandbox.list_tokens(whose)?))
}

pub(crate) async fn mint_tokens(context: Context, JsonObject(input): JsonObject<Mint>) -> Answer {
    Ok(ok(&context.sandbox.mint_tokens(input).await?))
}

pub(crate) async fn revoke_tokens(
    context: Context,
    JsonOrQuery(input): JsonOrQuery<TokenSelector>,
) -> Answer {
    Ok(ok(&context.sandbox.revoke_tokens(input).await?))
}

pub(crate) async fn introspect(
    context: Context,
    JsonObject(input): JsonObject<TokenParam>,
) -> Answer {
    Ok(ok(&context.sandbox.introspect(&input)))
}

pub(crate) async fn expire_tokens(
    context: Context,
    JsonObject(input): JsonObject<TokenSelector>,
) -> Answer {
    Ok(ok(&context.sandbox.expire_tokens(input).await?))
}

pub(crate) async fn approve_device(
    context: Context,
    JsonObject(input): JsonObject<Approval>,
) -> Answer {
    Ok(ok(&context.sandbox.approve_device(input).await?))
}

pub(crate) async fn deny_device(context: Context, JsonObject(input): JsonObject<Denial>) -> Answer {
    Ok(ok(&context.sandbox.deny_device(input).await?))
}

pub(crate) async fn put_consent(
    context: Context,
    JsonObject(input): JsonObject<NewConsent>,
) -> Answer {
    Ok(ok(&context.sandbox.put_consent(input).await?))
}

pub(crate) async fn verify(context: Context, AnyJson(input): AnyJson<Expectations>) -> Answer {
    Ok(ok(&context.sandbox.verify(input).await?))
}

pub(crate) async fn list_consents(context: Context, Query(whose): Query<OwnerFilter>) -> Answer {
    Ok(ok(&context.sandbox.list_consents(whose)?))
}

pub(crate) async fn delete_consents(
    context: Context,
    JsonOrQuery(whose): JsonOrQuery<OwnerFilter>,
) -> Answer {
    Ok(ok(&context.sandbox.delete_consents(whose).await?))
}

pub(crate) async fn list_spends(context: Context, Query(whose): Query<OwnerFilter>) -> Answer {
    Ok(ok(&context.sandbox.list_spends(whose).await?))
}

pub(crate) async fn delete_spends(
    context: Context,
    JsonOrQuery(whose): JsonOrQuery<OwnerFilter>,
) -> Answer {
    Ok(ok(&context.sandbox.delete_spends(whose).await?))
}

pub(crate) async fn reset_budgets(
    context: Context,
    JsonObject(input): JsonObject<BudgetOwner>,
) -> Answer {
    Ok(ok(&context.sandbox.reset_budgets(input).await?))
}

pub(crate) async fn list_faults(context: Context) -> Answer {
    Ok(ok(&context.sandbox.list_faults()))
}

pub(crate) async fn create_fault(context: Context, JsonObject(input): JsonObject<Fault>) -> Answer {
    Ok(created(&context.sandbox.create_fault(input)?))
}

pub(crate) async fn clear_faults(context: Context) -> Answer {
    context.sandbox.clear_faults();
    Ok(ok(&json!({})))
}

pub(crate) async fn read_fault(context: Context, Path(id): Path<String>) -> Answer {
    Ok(ok(&context.sandbox.read_fault(&id)?))
}

pub(crate) async fn delete_fault(context: Context, Path(id): Path<String>) -> Answer {
    context.sandbox.delete_fault(&id)?;
    Ok(ok(&json!({})))
}

pub(crate) async fn create_preset(
    context: Context,
    Path(name): Path<String>,
    JsonObject(options): JsonObject<PresetOptions>,
) -> Answer {
    let preset = Preset::named(&name)?;
    let asked = NewPresetFault { preset, options };
    Ok(created(&context.sandbox.create_preset(asked).await?))
}

pub(crate) async fn list_requests(
    context: Context,
    connection: Option<Extension<Arc<ConnectionInfo>>>,
    Query(asked): Query<Requests>,
) -> Answer {
    let caller = connection
        .filter(|_| asked.waits())
        .and_then(|connection| connection.socket.clone());
    let found = context.sandbox.stream_requests(asked);
    let pieces = match caller {
        // Stops waiting when the client disconnects.
        Some(caller) => tokio::select! {
            biased;
            found = found => found?,
            () = caller.hung_up() => return Ok(ok(&Empty {})),
        },
        None => found.await?,
    };
    let body = match pieces {
        JsonPieces::Whole(whole) => Body::from(whole),
        JsonPieces::Stream(stream) => {
            Body::from_stream(tokio_stream::iter(stream).map(Ok::<_, Infallible>))
        }
    };
    let kind = [(CONTENT_TYPE, "application/json")];
    Ok((kind, body).into_response())
}

pub(crate) async fn read_advice(context: Context, Query(asked): Query<AdviceQuery>) -> Answer {
    let answer = asked.answer(&context.sandbox).await?;
    let kind = asked.format.media_type();
    Ok(([(CONTENT_TYPE, kind)], answer).into_response())
}

pub(crate) async fn clear_requests(context: Context) -> Answer {
    context.sandbox.clear_requests();
    Ok(ok(&json!({})))
}

pub(crate) async fn list_sandboxes(State(app): State<Arc<AppState>>) -> Answer {
    Ok(ok(&app.registry.list_sandboxes()))
}

pub(crate) async fn create_sandbox(
    State(app): State<Arc<AppState>>,
    // The context comes first, so that the body is read after the sandbox of the path exists.
    _: Context,
    JsonObject(input): JsonObject<NewSandbox>,
) -> Answer {
    Ok(created(&app.registry.create_sandbox(input).await?))
}

pub(crate) async fn read_sandbox(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
) -> Answer {
    Ok(ok(&app.registry.read_sandbox(&name)?))
}

pub(crate) async fn delete_sandbox(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
) -> Answer {
    app.registry.delete_sandbox(&name).await?;
    Ok(ok(&json!({})))
}

pub(crate) async fn read_contract(context: Context) -> Answer {
    Ok(ok(&context.sandbox.show_contract()))
}

pub(crate) async fn wrong_method(request: Request) -> Response {
    let message = format!(
        "{} does not answer {}",
        request.uri().path(),
        request.method()
    );
    let error = Invalid::new("", message).with_hint("/_mock/openapi.json lists the control calls");
    respond::invalid(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &error)
}
