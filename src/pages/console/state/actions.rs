//! The actions of the pages of the state, each of which calls one operation.

use std::sync::Arc;

use axum::response::Response;

use super::choices::user_of_id;
use super::{client_actions, fault_actions, sandboxes, settings, snapshots, tokens, user_actions};
use crate::control::{ControlError, UserSpec};
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::protocol::params::Params;

/// Performs an action whose form is shown again if it fails. None: it is not one of them.
pub(crate) async fn submit(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Option<Response> {
    Some(match params.text("act")? {
        "add-fault" => fault_actions::add(state, context, params),
        "issue-tokens" => tokens::issue(state, context, params).await,
        "add-user" => user_actions::add(state, context, params).await,
        "edit-user" => user_actions::save(state, context, params).await,
        "add-client" => client_actions::add(state, context, params).await,
        "edit-client" => client_actions::save(state, context, params).await,
        "rotate-secret" => client_actions::rotate(context, params).await,
        "take-snapshot" => snapshots::take(state, context, params).await,
        "make-sandbox" => sandboxes::create(state, context, params).await,
        "settings" => settings::save(state, context, params),
        _ => return None,
    })
}

/// Performs another action of these pages. Returns what it has done.
#[expect(clippy::too_many_lines, reason = "one short arm for each action")]
pub(crate) async fn perform(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Result<String, ControlError> {
    let sandbox = &context.sandbox;
    let text = |name| params.text(name).unwrap_or_default().trim();
    Ok(match text("act") {
        "preset" => fault_actions::switch(context, params).await?,
        "delete-fault" => {
            sandbox.delete_fault(text("id"))?;
            format!("Fault {} deleted", text("id"))
        }
        "delete-faults" => {
            sandbox.delete_faults();
            "All faults deleted".to_owned()
        }
        "expire" => {
            let count = sandbox.expire_stored_tokens(None).await?.expired;
            match count {
                1 => "1 access token has expired".to_owned(),
                count => format!("{count} access tokens have expired"),
            }
        }
        "expire-token" => {
            let hash = tokens::hash(text("sha256"))?;
            sandbox.expire_stored_tokens(Some(&hash)).await?;
            "Token expired".to_owned()
        }
        "revoke-token" => {
            sandbox
                .revoke_stored_token(&tokens::hash(text("sha256"))?)
                .await?;
            "Token revoked".to_owned()
        }
        "ban" | "unban" => {
            let is_ban = text("act") == "ban";
            let change = UserSpec::new().banned(is_ban);
            let user = sandbox.update_user(&user_of_id(text("id")), change).await?;
            let done = if is_ban { "banned" } else { "no longer banned" };
            format!("User {} is {done}", user.display_name())
        }
        "delete-user" => {
            let named = user_of_id(text("id"));
            let name = sandbox.read_user(&named)?.display_name();
            sandbox.delete_user(&named).await?;
            format!("User {name} deleted")
        }
        "delete-client" => {
            let name = sandbox.read_client(text("id"))?.name;
            sandbox.delete_client(text("id")).await?;
            format!("Client {name} deleted")
        }
        "restore-snapshot" => {
            sandbox.restore_snapshot(text("name")).await?;
            format!("Snapshot {} restored", text("name"))
        }
        "delete-snapshot" => {
            sandbox.delete_snapshot(text("name")).await?;
            format!("Snapshot {} deleted", text("name"))
        }
        "reset-sandbox" => sandboxes::reset(state, text("name")).await?,
        "delete-sandbox" => {
            state.registry.delete_sandbox(text("name")).await?;
            format!("Sandbox {} deleted", text("name"))
        }
        "difference" => settings::choose_difference(sandbox, text("choice"))?,
        "reset-setting" => settings::reset(sandbox, text("key"))?,
        other => {
            let error = Invalid::new("act", format!("unknown action {other:?}"));
            return Err(error.with_hint("use the buttons of the page").into());
        }
    })
}
