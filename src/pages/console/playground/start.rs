//! The form of a new run, and the registration of its redirect URI.

use std::sync::Arc;

use super::run::{CALLBACK, Flow, PlaygroundRun};
use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::pages::console::demo::demo_client;
use crate::protocol::params::Params;
use crate::protocol::scope::PRESETS;
use crate::protocol::secret::Secret;
use crate::store::StoreError;

/// The form of a new run: each choice with its label, and whether it is selected.
pub(crate) struct StartForm {
    pub(crate) clients: Vec<(String, String, bool)>,
    pub(crate) presets: Vec<(&'static str, bool)>,
    pub(crate) grants: Vec<(&'static str, &'static str, bool)>,
    /// The secret of a client of the demo data, with the name of the client.
    pub(crate) demo_secret: Option<(String, String)>,
}

impl StartForm {
    /// The form as it was sent; by default with an app that needs no secret.
    pub(crate) fn new(context: &RequestContext, sent: &Params) -> Self {
        let clients = context.sandbox.data().list_clients();
        let public = clients.iter().find(|client| !client.confidential);
        let client = sent.text("client_id").map(str::to_owned);
        let client = client.or_else(|| public.map(|client| client.id.to_string()));
        let preset = sent.text("preset").unwrap_or("AI Services");
        let grant = sent.text("grant").unwrap_or("code");
        let option = |one: Client| {
            let kind = if one.confidential {
                "confidential"
            } else {
                "public"
            };
            let label = format!("{} ({}, {kind})", one.name, one.id);
            let chosen = client.as_deref() == Some(one.id.as_str());
            (one.id.to_string(), label, chosen)
        };
        Self {
            demo_secret: demo_secret(context),
            clients: clients.into_iter().map(option).collect(),
            presets: PRESETS
                .iter()
                .map(|(name, _)| (*name, *name == preset))
                .collect(),
            grants: Flow::ALL
                .map(|(_, name, label)| (name, label, name == grant))
                .into(),
        }
    }
}

/// The name and the secret of the first client of the demo data that still has this secret.
fn demo_secret(context: &RequestContext) -> Option<(String, String)> {
    let (client, secret) = demo_client(context)?;
    Some((client.name.clone(), secret.reveal().to_owned()))
}

/// Creates a run from the form. The inner error is a mistake in the form.
pub(crate) async fn new_run(
    context: &RequestContext,
    params: &Params,
) -> Result<Result<PlaygroundRun, String>, StoreError> {
    let sandbox = &context.sandbox;
    let id = params.text("client_id").unwrap_or_default();
    let found = sandbox.data().find_client(id);
    let Some(mut client) = found.map(Arc::unwrap_or_clone) else {
        return Ok(Err(format!(
            "Unknown app {id:?}. Choose one from the list."
        )));
    };
    let Some(flow) = Flow::parse(params.text("grant").unwrap_or_default()) else {
        return Ok(Err("Choose a grant.".to_owned()));
    };
    let preset = params.text("preset").unwrap_or_default();
    let Some((preset, scope)) = PRESETS.iter().find(|(name, _)| *name == preset) else {
        return Ok(Err(format!(
            "Unknown preset {preset:?}. Choose one from the list."
        )));
    };
    let secret = params.non_empty("secret").map(Secret::new);
    if client.confidential && !client.owns_secret(secret.as_ref()) {
        return Ok(Err(match secret {
            None => format!("Enter the client secret for {}.", client.name),
            Some(_) => format!(
                "Wrong client secret for {}. The server stores only its hash: if you lost it, create a new secret on the \
                 account page.",
                client.name
            ),
        }));
    }
    let redirect_uri = format!("{}{CALLBACK}", context.base);
    let registered =
        flow == Flow::AuthorizationCode && register(context, &mut client, &redirect_uri).await?;
    let entropy = &sandbox.entropy;
    Ok(Ok(PlaygroundRun {
        flow,
        client_id: client.id.to_string(),
        client_name: client.name,
        secret: secret.filter(|_| client.confidential),
        redirect_uri,
        registered,
        scope: *scope,
        state: entropy.uuid(),
        verifier: entropy.verifier(),
        code: None,
        device_code: None,
        user_code: None,
        access_token: None,
        refresh_token: None,
        used_refresh_token: None,
        done: Vec::new(),
        is_approved: false,
        preset,
        steps: std::collections::VecDeque::new(),
        seen_until: sandbox.journal.newest(),
        removed_steps: 0,
    }))
}

/// Registers the redirect URI of the playground with the app, since authorize makes no exception for it. Returns whether it
/// was not registered before.
async fn register(
    context: &RequestContext,
    client: &mut Client,
    uri: &str,
) -> Result<bool, StoreError> {
    if client.accepts_redirect(uri, context.rules()) {
        return Ok(false);
    }
    let rules = context.rules();
    let register = |known: &Client| {
        let mut known = known.clone();
        if !known.accepts_redirect(uri, rules) {
            known.redirect_uris.push(uri.to_owned());
        }
        Ok::<_, StoreError>(known)
    };
    let sandbox = &context.sandbox;
    let id = client.id.clone();
    let changed = sandbox.data().change_client(id.as_str(), register).await?;
    if let Some(changed) = changed {
        *client = changed;
    }
    Ok(true)
}
