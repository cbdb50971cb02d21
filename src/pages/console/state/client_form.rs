//! The form of a client: every key of the control API. The form of the account page (`site/account/form.rs`) is another one:
//! it has the rules of Civitai's registration, and only the keys that an owner may set.

use serde_json::Value;

use super::choices::user_text;
use super::form::{Form, FormInput, is_changed};
use super::token_row::scope_name;
use crate::model::client::{AccessMode, Client};
use crate::protocol::params::Params;
use crate::sandbox::Sandbox;

/// The grants, and what the page calls them.
pub(super) const GRANTS: [(&str, &str); 4] = [
    ("authorization_code", "code"),
    ("refresh_token", "refresh"),
    ("client_credentials", "client credentials"),
    ("urn:ietf:params:oauth:grant-type:device_code", "device"),
];

/// The fields of a new client. Those of the changes of one have no id, which is the first.
pub(super) const FIELDS: &[&str] = &[
    "id",
    "name",
    "description",
    "owner",
    "logo_url",
    "redirect_uris",
    "allowed_origins",
    "allowed_scopes",
    "access_mode",
    "confidential",
    "secret",
    "any_loopback_redirect",
    "verified",
    "may_introspect",
    "grants",
    "grants:authorization_code",
    "grants:refresh_token",
    "grants:client_credentials",
    "grants:urn:ietf:params:oauth:grant-type:device_code",
];

/// The name of the checkbox of a grant.
fn grant_field(grant: &str) -> String {
    format!("grants:{grant}")
}

/// The form for a new client.
pub(super) fn empty() -> Form {
    Form::new(FIELDS)
        .with("allowed_scopes", "Full Access")
        .with("access_mode", "open")
        .with_flag("confidential", true)
        .with_flag("grants:authorization_code", true)
        .with_flag("grants:refresh_token", true)
}

/// The form with the values of a client.
pub(super) fn for_client(client: &Client, sandbox: &Sandbox) -> Form {
    let mode = match client.access_mode {
        AccessMode::Open => "open",
        AccessMode::Testers => "testers",
        AccessMode::Disabled => "disabled",
    };
    let form = Form::new(FIELDS)
        .with("id", client.id.as_str())
        .with("name", &*client.name)
        .with("description", &*client.description)
        .with("owner", user_text(sandbox, client.owner))
        .with("logo_url", client.logo_url.clone().unwrap_or_default())
        .with("redirect_uris", client.redirect_uris.join("\n"))
        .with("allowed_origins", client.allowed_origins.join("\n"))
        .with("allowed_scopes", scope_name(client.allowed_scopes))
        .with("access_mode", mode)
        .with_flag("confidential", client.confidential)
        .with_flag("any_loopback_redirect", client.any_loopback_redirect)
        .with_flag("verified", client.verified)
        .with_flag("may_introspect", client.may_introspect);
    let grants = client.grants.iter();
    let form = grants.fold(form, |form, grant| {
        form.with_flag(&grant_field(grant.name()), true)
    });
    form.opened()
}

/// The input of a sent form, without the id.
pub(super) fn read(params: &Params) -> FormInput<'_> {
    let is_granted = |grant: &&(&str, &str)| params.text(&grant_field(grant.0)).is_some();
    let grants = GRANTS.iter().filter(is_granted);
    let grants: Vec<Value> = grants.map(|(grant, _)| (*grant).into()).collect();
    let input = FormInput::new(params)
        .text("name")
        .text("description")
        .text_or_null("owner")
        .text_or_null("logo_url")
        .list("redirect_uris")
        .text_or("allowed_scopes", 0)
        .text_if_any("access_mode")
        .text_if_any("secret");
    let mut fields = GRANTS.iter().map(|(grant, _)| grant_field(grant));
    let input = if fields.any(|field| is_changed(params, &field)) {
        input.set("grants", grants)
    } else {
        input
    };
    // No origins are those of the redirect URIs.
    let has_changed = ["allowed_origins", "redirect_uris"];
    let has_changed = has_changed.iter().any(|name| is_changed(params, name));
    let input = match params.text("allowed_origins").unwrap_or_default().trim() {
        "" if has_changed => input.set("allowed_origins", Value::Null),
        _ => input.list("allowed_origins"),
    };
    let flags = [
        "confidential",
        "any_loopback_redirect",
        "verified",
        "may_introspect",
    ];
    flags.into_iter().fold(input, FormInput::flag)
}
