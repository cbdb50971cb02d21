//! The table of the operations of the control API. A handler passes its input to one operation of `control/`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use tokio_stream::StreamExt as _;

use super::input::{JsonBody, JsonOrQuery, Query};
use super::operation::{
    Operation,
    OperationMethod::{Delete, Get, Patch, Post},
};
use super::response::{Created, JsonResponse, Rendered, done};
use crate::control::clients::ClientList;
use crate::control::faults::PresetOptions;
use crate::control::listing::JsonPieces;
use crate::control::sandboxes::CreatedSandbox;
use crate::control::users::UserList;
use crate::control::{
    AdvanceClock, Advice, AdviceFormat, AdviceQuery, Approval, ClientSpec, ControlError,
    ControlResult, Denial, Expectations, ExpireTokens, Fault, FreezeClock, GrantFilter,
    MismatchView, NewClient, NewCode, NewConsent, NewPresetFault, NewSandbox, NewSession,
    NewTokens, Preset, RequestFormat, RequestList, RequestOptions, RequestQuery, ResetBudgets,
    SessionFilter, SetClock, SettingsPatch, TokenParam, TokenSelector, UserRef, UserSpec,
};
use crate::http::connection::ConnectionInfo;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;

/// One row: method, path, id, summary, and the handler as a closure over the sandbox, or with `in registry` over the
/// registry of sandboxes. The types of its input and of its result are in the `OpenAPI` document.
macro_rules! operation {
    ($method:ident $path:literal $id:ident $summary:literal,
        |$sandbox:ident $(, $input:ident: $extract:ident<$kind:ty>)*| $result:expr) => {
        Operation::new($method, $path, stringify!($id), $summary,
            |context: RequestContext $(, $extract($input): $extract<$kind>)*| async move {
                let $sandbox = &context.sandbox;
                Ok::<_, ControlError>($result)
            })
    };
    ($method:ident $path:literal $id:ident $summary:literal, in registry
        |$registry:ident $(, $input:ident: $extract:ident<$kind:ty>)*| $result:expr) => {
        Operation::new($method, $path, stringify!($id), $summary,
            |State(state): State<Arc<ServerState>> $(, $extract($input): $extract<$kind>)*| async move {
                let $registry = &state.registry;
                Ok::<_, ControlError>($result)
            })
    };
}

/// Every operation but the `OpenAPI` document.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table, with a row for each operation")]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        operation!(Post "/_mock/reset" reset "Reset the sandbox to its seed and start-up settings",
            |sandbox| { sandbox.reset().await?; done() }),
        operation!(Get "/_mock/settings" read_settings "Read the settings",
            |sandbox| JsonResponse((*sandbox.settings()).clone())),
        operation!(Patch "/_mock/settings" update_settings "Update some settings",
            |sandbox, input: JsonBody<SettingsPatch>| JsonResponse(sandbox.update_settings(input)?)),
        operation!(Get "/_mock/contract" read_contract "Read the contract in force, with each difference",
            |sandbox| JsonResponse(sandbox.show_contract())),

        operation!(Get "/_mock/clock" read_clock "Read the clock",
            |sandbox| JsonResponse(sandbox.show_clock())),
        operation!(Post "/_mock/clock/advance" advance_clock "Advance the clock, or move it back",
            |sandbox, input: JsonBody<AdvanceClock>| JsonResponse(sandbox.advance_clock(input).await?)),
        operation!(Post "/_mock/clock/freeze" freeze_clock "Freeze the clock",
            |sandbox, input: JsonBody<FreezeClock>| JsonResponse(sandbox.freeze_clock(input).await?)),
        operation!(Post "/_mock/clock/resume" resume_clock "Resume a frozen clock",
            |sandbox| JsonResponse(sandbox.resume_clock().await?)),
        operation!(Post "/_mock/clock/set" set_clock "Set the clock",
            |sandbox, input: JsonBody<SetClock>| JsonResponse(sandbox.set_clock(input).await?)),

        operation!(Get "/_mock/snapshots" list_snapshots "List the snapshots",
            |sandbox| JsonResponse(sandbox.list_snapshots())).list(),
        operation!(Get "/_mock/snapshots/{name}" read_snapshot "Read a snapshot",
            |sandbox, name: Path<String>| JsonResponse(sandbox.read_snapshot(&name)?)),
        operation!(Post "/_mock/snapshots/{name}" take_snapshot "Take a snapshot",
            |sandbox, name: Path<String>| Created(sandbox.take_snapshot(&name).await?)),
        operation!(Delete "/_mock/snapshots/{name}" delete_snapshot "Delete a snapshot",
            |sandbox, name: Path<String>| { sandbox.delete_snapshot(&name).await?; done() }),
        operation!(Post "/_mock/snapshots/{name}/restore" restore_snapshot "Restore a snapshot",
            |sandbox, name: Path<String>| { sandbox.restore_snapshot(&name).await?; done() }),

        operation!(Get "/_mock/users" list_users "List the users",
            |sandbox| JsonResponse(UserList { users: sandbox.list_users() })).list(),
        operation!(Post "/_mock/users" create_user "Create a user",
            |sandbox, input: JsonBody<UserSpec>| Created(sandbox.create_user(input).await?)),
        operation!(Get "/_mock/users/{id}" read_user "Read a user, by id or username",
            |sandbox, id: Path<String>| JsonResponse(sandbox.read_user(&UserRef::from(id))?)),
        operation!(Patch "/_mock/users/{id}" update_user "Update a user",
            |sandbox, id: Path<String>, input: JsonBody<UserSpec>| JsonResponse(sandbox.update_user(&UserRef::from(id), input).await?)),
        operation!(Delete "/_mock/users/{id}" delete_user "Delete a user with their tokens, codes, consents, spends and sessions",
            |sandbox, id: Path<String>| { sandbox.delete_user(&UserRef::from(id)).await?; done() }),

        operation!(Get "/_mock/clients" list_clients "List the clients",
            |sandbox| JsonResponse(ClientList { clients: sandbox.list_clients() })).list(),
        operation!(Post "/_mock/clients" create_client "Create a client",
            |sandbox, input: JsonBody<NewClient>| Created(sandbox.create_client(input.0).await?)),
        operation!(Get "/_mock/clients/{id}" read_client "Read a client",
            |sandbox, id: Path<String>| JsonResponse(sandbox.read_client(&id)?)),
        operation!(Patch "/_mock/clients/{id}" update_client "Update a client",
            |sandbox, id: Path<String>, input: JsonBody<ClientSpec>| JsonResponse(sandbox.update_client(&id, input).await?)),
        operation!(Delete "/_mock/clients/{id}" delete_client "Delete a client with its tokens, codes, consents and spends",
            |sandbox, id: Path<String>| { sandbox.delete_client(&id).await?; done() }),
        operation!(Post "/_mock/clients/{id}/rotate-secret" rotate_secret "Replace a client's secret; the new one is shown once",
            |sandbox, id: Path<String>| JsonResponse(sandbox.rotate_secret(&id).await?)),

        operation!(Get "/_mock/sessions" list_sessions "List the sessions",
            |sandbox, filter: Query<SessionFilter>| JsonResponse(sandbox.list_sessions(&filter)?)).list(),
        operation!(Delete "/_mock/sessions" delete_sessions "Delete the sessions of a user, or all sessions",
            |sandbox, filter: JsonOrQuery<SessionFilter>| JsonResponse(sandbox.delete_sessions(filter).await?)),
        operation!(Post "/_mock/sessions" create_session "Create a session for a user; returns its cookie",
            |sandbox, input: JsonBody<NewSession>| Created(sandbox.create_session(input).await?)),

        operation!(Post "/_mock/codes" issue_code "Issue an authorization code without a browser; the client's redirect URIs and scope ceiling are not checked",
            |sandbox, input: JsonBody<NewCode>| Created(sandbox.issue_code(input).await?)),
        operation!(Get "/_mock/codes" list_codes "List the authorization codes that are not exchanged yet, newest first",
            |sandbox, filter: Query<GrantFilter>| JsonResponse(sandbox.list_codes(filter)?)).list(),
        operation!(Get "/_mock/tokens" list_tokens "List the tokens, newest first",
            |sandbox, filter: Query<GrantFilter>| JsonResponse(sandbox.list_tokens(filter)?)).list(),
        operation!(Post "/_mock/tokens" issue_tokens "Issue tokens; responds like /token; the client's scope ceiling is not checked",
            |sandbox, input: JsonBody<NewTokens>| JsonResponse(sandbox.issue_tokens(input).await?)),
        operation!(Delete "/_mock/tokens" revoke_tokens "Revoke a token, or delete the tokens of a user and a client, or all tokens",
            |sandbox, input: JsonOrQuery<TokenSelector>| JsonResponse(sandbox.revoke_tokens(input).await?)),
        operation!(Post "/_mock/tokens/introspect" introspect_token "Introspect a token",
            |sandbox, input: JsonBody<TokenParam>| JsonResponse(sandbox.introspect_token(&input))),
        operation!(Post "/_mock/tokens/expire" expire_tokens "Expire a token, or every access token",
            |sandbox, input: JsonBody<ExpireTokens>| JsonResponse(sandbox.expire_tokens(input).await?)),

        operation!(Post "/_mock/device/approve" approve_device "Approve a device as a user",
            |sandbox, input: JsonBody<Approval>| JsonResponse(sandbox.approve_device(input).await?)),
        operation!(Post "/_mock/device/deny" deny_device "Deny a device",
            |sandbox, input: JsonBody<Denial>| JsonResponse(sandbox.deny_device(input).await?)),

        operation!(Get "/_mock/consents" list_consents "List the consents",
            |sandbox, filter: Query<GrantFilter>| JsonResponse(sandbox.list_consents(filter)?)).list(),
        operation!(Post "/_mock/consents" set_consent "Set the consent of a user to a client",
            |sandbox, input: JsonBody<NewConsent>| JsonResponse(sandbox.set_consent(input).await?)),
        operation!(Delete "/_mock/consents" delete_consents "Delete consents",
            |sandbox, filter: JsonOrQuery<GrantFilter>| JsonResponse(sandbox.delete_consents(filter).await?)),
        operation!(Get "/_mock/spends" list_spends "List what apps have spent of users' buzz, and the state of their budgets",
            |sandbox, filter: Query<GrantFilter>| JsonResponse(sandbox.list_spends(filter).await?)).list(),
        operation!(Delete "/_mock/spends" delete_spends "Delete spends: budgets are free again, balances do not change",
            |sandbox, filter: JsonOrQuery<GrantFilter>| JsonResponse(sandbox.delete_spends(filter).await?)),
        operation!(Post "/_mock/spends/reset" reset_budgets "Reset a client's absolute budgets, as its user can",
            |sandbox, input: JsonBody<ResetBudgets>| JsonResponse(sandbox.reset_budgets(input).await?)),

        operation!(Get "/_mock/faults" list_faults "List the faults",
            |sandbox| JsonResponse(sandbox.list_faults())).list(),
        operation!(Post "/_mock/faults" add_fault "Add a fault",
            |sandbox, input: JsonBody<Fault>| Created(sandbox.add_fault(input)?)),
        operation!(Delete "/_mock/faults" delete_faults "Delete all faults",
            |sandbox| { sandbox.delete_faults(); done() }),
        operation!(Get "/_mock/faults/{id}" read_fault "Read a fault",
            |sandbox, id: Path<String>| JsonResponse(sandbox.read_fault(&id)?)),
        operation!(Delete "/_mock/faults/{id}" delete_fault "Delete a fault",
            |sandbox, id: Path<String>| { sandbox.delete_fault(&id)?; done() }),
        operation!(Post "/_mock/faults/presets/{name}" add_fault_preset "Add a fault by the name of a preset",
            |sandbox, name: Path<String>, options: JsonBody<PresetOptions>| {
                let preset = Preset::named(&name)?;
                Created(sandbox.add_fault_preset(NewPresetFault { preset, options }).await?)
            }),

        Operation::new(Get, "/_mock/requests", "list_requests", "Search the journal: requests of apps and the responses to them", list_requests),
        operation!(Delete "/_mock/requests" delete_requests "Delete all requests from the journal",
            |sandbox| { sandbox.delete_requests(); done() }),
        // The request of a browser gets a page: see `router.rs`.
        operation!(Get "/_mock/requests/{id}" read_request "Read a request, with the requests that issued, used or revoked its codes and tokens",
            |sandbox, id: Path<String>, options: Query<RequestOptions>| JsonResponse(sandbox.read_request(&id, options)?)),
        operation!(Get "/_mock/changes" list_changes "List the changes of clock, faults and settings, each with the request after which it was made",
            |sandbox| JsonResponse(sandbox.list_changes())),
        operation!(Post "/_mock/verify" verify "Check the journal against expectations; 409 lists the differences",
            |sandbox, input: JsonBody<Expectations>| JsonResponse(sandbox.verify(input).await?)).conflict::<MismatchView>(),
        operation!(Get "/_mock/advice" list_advice "List mistakes of apps that fail in production",
            |sandbox, query: Query<AdviceQuery>| {
                let kind = [(CONTENT_TYPE, query.format.media_type())];
                Rendered::<Advice>::new((kind, query.answer(sandbox).await?))
            }).alternative_media_types(const { &[AdviceFormat::Sarif.media_type(), AdviceFormat::Text.media_type()] }),

        operation!(Get "/_mock/sandboxes" list_sandboxes "List the sandboxes", in registry
            |registry| JsonResponse(registry.list_sandboxes())).list(),
        Operation::new(Post, "/_mock/sandboxes", "create_sandbox", "Create a sandbox with its own seed and settings", create_sandbox),
        operation!(Get "/_mock/sandboxes/{name}" read_sandbox "Read a sandbox", in registry
            |registry, name: Path<String>| JsonResponse(registry.read_sandbox(&name)?)),
        operation!(Delete "/_mock/sandboxes/{name}" delete_sandbox "Delete a sandbox with its data", in registry
            |registry, name: Path<String>| { registry.delete_sandbox(&name).await?; done() }),
    ]
}

async fn list_requests(
    context: RequestContext,
    connection: Option<Extension<Arc<ConnectionInfo>>>,
    Query(query): Query<RequestQuery>,
) -> ControlResult<Rendered<RequestList>> {
    let kind = [(CONTENT_TYPE, "application/json")];
    if query.format == RequestFormat::Har {
        let base = context.base.to_string();
        let archive = context.sandbox.archive_requests(query, &base).await?;
        return Ok(Rendered::new((kind, archive)));
    }
    let caller = connection
        .filter(|_| query.waits())
        .and_then(|connection| connection.socket.clone());
    let found = context.sandbox.stream_requests(query);
    let pieces = match caller {
        // Stops waiting when the client disconnects.
        Some(caller) => tokio::select! {
            biased;
            found = found => found?,
            () = caller.hung_up() => return Ok(Rendered::new(StatusCode::OK)),
        },
        None => found.await?,
    };
    let body = match pieces {
        JsonPieces::Whole(whole) => Body::from(whole),
        JsonPieces::Stream(stream) => {
            Body::from_stream(tokio_stream::iter(stream).map(Ok::<_, Infallible>))
        }
    };
    Ok(Rendered::new((kind, body)))
}

async fn create_sandbox(
    State(state): State<Arc<ServerState>>,
    // The context comes before the body, which is read after the sandbox of the path exists.
    _: RequestContext,
    JsonBody(input): JsonBody<NewSandbox>,
) -> ControlResult<Created<CreatedSandbox>> {
    Ok(Created(state.registry.create_sandbox(input).await?))
}
