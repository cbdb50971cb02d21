//! The settings of a sandbox, and the partial update of them. They start from the configuration (`config.rs`) and go
//! back to it on reset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contract::{Contract, Difference};
use crate::invalid::Invalid;
use crate::model::builder::builder;
use crate::model::user::UserRef;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::declared_scopes::DeclaredScopes;
use crate::protocol::duration::Seconds;
use crate::protocol::json::given;
use crate::store::{StoreError, from_json};

/// The settings of one sandbox, as `GET /_mock/settings` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Settings {
    /// The contract, and the differences that are set apart from it.
    #[serde(flatten)]
    pub rules: ContractRules,
    /// Whether Civitai's rate limits are enforced.
    pub rate_limits: bool,
    /// Requests without a session are signed in as this user.
    pub login: Option<UserRef>,
    /// Whether the consent page is shown or answered automatically.
    pub consent: ConsentMode,
    /// Lifetime of access tokens, in seconds.
    pub access_token_seconds: u32,
    /// Lifetime of refresh tokens, in seconds.
    pub refresh_token_seconds: u32,
    /// The lifetime of authorization codes in seconds; by default the contract's.
    pub code_seconds: Option<u32>,
    /// How requests with an unregistered client id are handled.
    pub unknown_clients: UnknownClients,
    /// Default cost of a workflow, in buzz.
    #[serde(default = "default_cost")]
    pub workflow_cost: u32,
    /// Duration of workflows, in seconds.
    #[serde(default)]
    pub workflow_seconds: u32,
    /// Whether refused responses have the headers `X-Mock-Reason` and `X-Mock-Request`.
    #[serde(default = "default_reason_headers")]
    pub reason_headers: bool,
}

fn default_reason_headers() -> bool {
    true
}

/// As much as a small picture.
fn default_cost() -> u32 {
    10
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: ContractRules::default(),
            rate_limits: false,
            login: None,
            consent: ConsentMode::Ask,
            access_token_seconds: 3600,
            refresh_token_seconds: 30 * 24 * 60 * 60,
            code_seconds: None,
            unknown_clients: UnknownClients::Refuse,
            workflow_cost: default_cost(),
            workflow_seconds: 0,
            reason_headers: default_reason_headers(),
        }
    }
}

/// Whether the consent page is shown or answered automatically.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ConsentMode {
    /// Shows the page.
    #[default]
    Ask,
    /// Approves as if the user pressed Authorize, once.
    Approve,
    /// Denies as if the user pressed Deny.
    Deny,
}

/// How requests with an unregistered client id are handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum UnknownClients {
    /// Rejects it, as in production.
    #[default]
    Refuse,
    /// Registers it on its first request, with any redirect URI, any grant and its first secret.
    Register,
}

/// The settings to change; all others stay as they are.
///
/// ```
/// use civitai_oauth_mock::control::SettingsPatch;
/// use civitai_oauth_mock::{ConsentMode, Contract, Difference};
///
/// let changes = SettingsPatch::new()
///     .contract(Contract::Live)
///     .difference(Difference::ScopeShape, Contract::Documented)
///     .login("ada")
///     .consent(ConsentMode::Approve)
///     .access_token_seconds(60);
/// # let _ = changes;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SettingsPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<Contract>,
    /// `null` removes the override of a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<BTreeMap<Difference, Option<Contract>>>,
    /// Replaces the scopes declared before.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<DeclaredScopes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limits: Option<bool>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    login: Option<Option<UserRef>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<ConsentMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_seconds: Option<Seconds>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    code_seconds: Option<Option<Seconds>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_clients: Option<UnknownClients>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_cost: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_headers: Option<bool>,
}

impl SettingsPatch {
    /// The text that its row stores; None if it changes nothing.
    pub(super) fn to_text(&self) -> Option<String> {
        let text = || serde_json::to_string(self).expect("settings are JSON");
        (*self != Self::default()).then(text)
    }

    pub(super) fn from_text(text: &str) -> Result<Self, StoreError> {
        from_json("settings of a sandbox", text)
    }

    /// Nothing is changed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the contract of one difference.
    #[must_use]
    pub fn difference(mut self, difference: Difference, contract: Contract) -> Self {
        self.differences
            .get_or_insert_default()
            .insert(difference, Some(contract));
        self
    }

    /// Removes the override of a difference.
    #[must_use]
    pub fn no_difference(mut self, difference: Difference) -> Self {
        self.differences
            .get_or_insert_default()
            .insert(difference, None);
        self
    }

    /// Declares these scope bits, unless the patch already declares some.
    pub(crate) fn declare_if_none(&mut self, scopes: DeclaredScopes) {
        if !scopes.is_empty() {
            self.scopes.get_or_insert(scopes);
        }
    }

    /// The user whom it signs in.
    pub(crate) fn user_to_sign_in(&self) -> Option<&UserRef> {
        self.login.as_ref()?.as_ref()
    }
}

builder! { SettingsPatch {
    /// Follows this contract.
    contract(contract: Contract) { contract = Some(contract) }
    /// Declares scope bits that this program does not know yet, which replaces those declared before.
    scopes(scopes: DeclaredScopes) { scopes = Some(scopes) }
    /// Enforces Civitai's rate limits, or does not.
    rate_limits(enforced: bool) { rate_limits = Some(enforced) }
    /// Signs in every request without a session as this user.
    login(user: impl Into<UserRef>) { login = Some(Some(user.into())) }
    /// Signs no user in.
    no_login() { login = Some(None) }
    /// Whether the consent page is shown or answered automatically.
    consent(mode: ConsentMode) { consent = Some(mode) }
    /// The lifetime of access tokens that are issued from now on.
    access_token_seconds(seconds: u32) { access_token_seconds = Some(Seconds(seconds)) }
    /// The lifetime of refresh tokens that are issued from now on.
    refresh_token_seconds(seconds: u32) { refresh_token_seconds = Some(Seconds(seconds)) }
    /// The lifetime of authorization codes that are issued from now on.
    code_seconds(seconds: u32) { code_seconds = Some(Some(Seconds(seconds))) }
    /// Gives authorization codes the contract's lifetime.
    no_code_seconds() { code_seconds = Some(None) }
    /// How requests with an unregistered client id are handled.
    unknown_clients(what: UnknownClients) { unknown_clients = Some(what) }
    /// Default cost of a workflow, in buzz.
    workflow_cost(buzz: u32) { workflow_cost = Some(buzz) }
    /// How long workflows run that are submitted from now on; 0 means that they are finished at once.
    workflow_seconds(seconds: u32) { workflow_seconds = Some(Seconds(seconds)) }
    /// Whether refused responses have the headers `X-Mock-Reason` and `X-Mock-Request`.
    reason_headers(sent: bool) { reason_headers = Some(sent) }
} }

impl Settings {
    /// These settings with the patch applied.
    #[must_use]
    pub(crate) fn patched(mut self, patch: SettingsPatch) -> Self {
        if let Some(contract) = patch.contract {
            self.rules.contract = contract;
        }
        for (difference, contract) in patch.differences.into_iter().flatten() {
            match contract {
                Some(contract) => self.rules.differences.insert(difference, contract),
                None => self.rules.differences.remove(&difference),
            };
        }
        if let Some(scopes) = patch.scopes {
            self.rules.declared_scopes = scopes;
        }
        self.rate_limits = patch.rate_limits.unwrap_or(self.rate_limits);
        self.login = patch.login.unwrap_or(self.login);
        self.consent = patch.consent.unwrap_or(self.consent);
        let or = |patch: Option<Seconds>, before| patch.map_or(before, |seconds| seconds.0);
        self.access_token_seconds = or(patch.access_token_seconds, self.access_token_seconds);
        self.refresh_token_seconds = or(patch.refresh_token_seconds, self.refresh_token_seconds);
        if let Some(seconds) = patch.code_seconds {
            self.code_seconds = seconds.map(|seconds| seconds.0);
        }
        self.unknown_clients = patch.unknown_clients.unwrap_or(self.unknown_clients);
        self.workflow_cost = patch.workflow_cost.unwrap_or(self.workflow_cost);
        self.workflow_seconds = or(patch.workflow_seconds, self.workflow_seconds);
        self.reason_headers = patch.reason_headers.unwrap_or(self.reason_headers);
        self
    }

    /// Errors: a lifetime of 0, at its key.
    pub(crate) fn check_lifetimes(&self) -> Result<(), Invalid> {
        for (key, seconds) in [
            ("access_token_seconds", self.access_token_seconds),
            ("refresh_token_seconds", self.refresh_token_seconds),
            ("code_seconds", self.code_seconds.unwrap_or(1)),
        ] {
            if seconds == 0 {
                let reason = "0 is not a lifetime: a token or code would expire when it is issued";
                return Err(Invalid::new(key, reason).with_hint("give 1 or more"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
