//! How does this sandbox behave? Its settings, and the partial update of them. They start from the
//! configuration (`config.rs`) and go back to it on reset.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::contract::{Contract, Difference, Rules};
use crate::model::user::UserRef;
use crate::store::StoreError;

/// The settings of one sandbox, as `GET /_mock/settings` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    #[serde(flatten)]
    pub(crate) rules: Rules,
    pub(crate) rate_limits: bool,
    /// Whoever comes without a session is this user.
    pub(crate) login: Option<UserRef>,
    pub(crate) consent: ConsentMode,
    pub(crate) access_token_seconds: u32,
    pub(crate) refresh_token_seconds: u32,
    /// `null`: what the contract says.
    pub(crate) code_seconds: Option<u32>,
    pub(crate) unknown_clients: UnknownClients,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            rate_limits: false,
            login: None,
            consent: ConsentMode::Ask,
            access_token_seconds: 3600,
            refresh_token_seconds: 30 * 24 * 60 * 60,
            code_seconds: None,
            unknown_clients: UnknownClients::Refuse,
        }
    }
}

/// What happens where the consent page would be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ConsentMode {
    /// The page is shown.
    #[default]
    Ask,
    /// As if the user had pressed Authorize, once.
    Approve,
    /// As if the user had pressed Deny.
    Deny,
}

/// What happens to a client id that nobody registered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum UnknownClients {
    /// It is refused, as in production.
    #[default]
    Refuse,
    /// It is registered by its first request: any redirect URI, any grant, its first secret.
    Register,
}

/// Some settings, to be put in place of what they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SettingsPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<Contract>,
    /// `null` puts a difference back to the contract's side.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<BTreeMap<Difference, Option<Contract>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limits: Option<bool>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    login: Option<Option<UserRef>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<ConsentMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_seconds: Option<u32>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    code_seconds: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_clients: Option<UnknownClients>,
}

/// Tells a `null` that was sent from a key that was not.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl SettingsPatch {
    /// What a row keeps of it; nothing where it changes nothing.
    pub(super) fn to_text(&self) -> Option<String> {
        let text = || serde_json::to_string(self).expect("settings are JSON");
        (*self != Self::default()).then(text)
    }

    pub(super) fn from_text(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|why| StoreError::Damaged {
            what: "settings of a sandbox",
            why: why.to_string(),
        })
    }

    /// The user whom it signs in.
    pub(crate) fn login(&self) -> Option<&UserRef> {
        self.login.as_ref()?.as_ref()
    }
}

impl Settings {
    /// These settings with the patch applied.
    #[must_use]
    pub(crate) fn patched(mut self, patch: SettingsPatch) -> Self {
        if let Some(contract) = patch.contract {
            self.rules.contract = contract;
        }
        for (difference, side) in patch.differences.into_iter().flatten() {
            match side {
                Some(side) => self.rules.differences.insert(difference, side),
                None => self.rules.differences.remove(&difference),
            };
        }
        self.rate_limits = patch.rate_limits.unwrap_or(self.rate_limits);
        self.login = patch.login.unwrap_or(self.login);
        self.consent = patch.consent.unwrap_or(self.consent);
        self.access_token_seconds = patch
            .access_token_seconds
            .unwrap_or(self.access_token_seconds);
        self.refresh_token_seconds = patch
            .refresh_token_seconds
            .unwrap_or(self.refresh_token_seconds);
        self.code_seconds = patch.code_seconds.unwrap_or(self.code_seconds);
        self.unknown_clients = patch.unknown_clients.unwrap_or(self.unknown_clients);
        self
    }
}
