//! Registered clients and the rules that depend on their registration.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use crate::contract::Difference;
use crate::invalid::Invalid;
use crate::model::user::User;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::OAuthError;
use crate::protocol::grant_type::{self, GrantType};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::redirect_uri::{self, Matching};
use crate::protocol::scope::Scope;
use crate::protocol::secret::{Secret, SecretHash};

/// A registered client. Its secret is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ClientView")
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts of a registration"
)]
#[non_exhaustive]
pub struct Client {
    /// The `client_id` of its requests.
    pub id: ClientId,
    /// The name on the consent page.
    pub name: String,
    /// The description on the consent page.
    pub description: String,
    /// The URL of its logo, which devices get.
    pub logo_url: Option<String>,
    /// Whether it has a secret (RFC 6749 §2.1).
    pub confidential: bool,
    /// The redirect URIs that authorize accepts.
    pub redirect_uris: Vec<String>,
    /// Extension of the mock: every loopback redirect URI is accepted.
    pub any_loopback_redirect: bool,
    /// The origins that may call for it from a browser (CORS).
    pub allowed_origins: Vec<String>,
    /// The grants that it may use.
    #[serde(deserialize_with = "grant_type::deserialize_supported")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "Vec<grant_type::SupportedGrant>")
    )]
    pub grants: Vec<GrantType>,
    /// The largest scope of its tokens.
    #[serde(deserialize_with = "stored_scope")]
    pub allowed_scopes: Scope,
    /// Whether the consent page shows the verified badge.
    pub verified: bool,
    /// The users that may use it.
    pub access_mode: AccessMode,
    /// Whether it may call `/introspect`, if it is confidential.
    #[serde(default)]
    pub may_introspect: bool,
    /// The user that owns it.
    pub owner: UserId,
    /// Extension of the mock: registered by its first request (`unknown_clients = "register"`). It may use every redirect URI,
    /// and its first secret becomes its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_registered: bool,
    /// Stored in a column of its own, and never shown.
    #[serde(skip)]
    pub(crate) secret: Option<SecretHash>,
}

/// A stored scope may have declared bits.
fn stored_scope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
    u32::deserialize(deserializer).map(Scope::from_any_bits)
}

/// The users that may use a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum AccessMode {
    /// All users.
    #[default]
    Open,
    /// Users with the role `tester`.
    Testers,
    /// No user.
    Disabled,
}

/// The most bytes that the texts of one client have.
pub(crate) const MAX_CLIENT_BYTES: usize = 16 * 1024;

impl Client {
    /// Checks how large a client is. Errors: the rule.
    pub(crate) fn check_size(&self) -> Result<(), Invalid> {
        let list = |list: &[String]| list.iter().map(String::len).sum::<usize>();
        let sizes = [
            ("id", self.id.as_str().len()),
            ("name", self.name.len()),
            ("description", self.description.len()),
            ("logo_url", self.logo_url.as_ref().map_or(0, String::len)),
            ("redirect_uris", list(&self.redirect_uris)),
            ("allowed_origins", list(&self.allowed_origins)),
        ];
        Invalid::check_size("client", &sizes, MAX_CLIENT_BYTES)
    }

    /// Whether the client is allowed this grant.
    pub(crate) fn may_use(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// The largest scope of a token of this client: the allowed scopes and `UserRead`. A client that was registered by its
    /// first request may request every bit, until its scopes are narrowed.
    pub(crate) fn scope_ceiling(&self) -> Scope {
        if self.auto_registered && self.allowed_scopes == Scope::ALL {
            return Scope::ALL_BITS;
        }
        self.allowed_scopes.with_user_read()
    }

    /// The bits that this client's requests may name in addition to Civitai's: the declared ones, or all of them.
    pub(crate) fn declared_scope(&self, rules: &ContractRules) -> Scope {
        if self.auto_registered {
            return Scope::ALL_BITS;
        }
        rules.declared_scopes.scope()
    }

    /// Whether the browser may be redirected to `given` with a response for this client.
    pub(crate) fn accepts_redirect(&self, given: &str, rules: &ContractRules) -> bool {
        self.match_registered(given, rules) || self.redirect_extension(given).is_some()
    }

    /// Difference `redirect-uri-match`.
    fn match_registered(&self, given: &str, rules: &ContractRules) -> bool {
        let is_live = rules.follows_deployed_server(Difference::RedirectUriMatch);
        if redirect_uri::matches(&self.redirect_uris, given, Matching::Exact) {
            return true;
        }
        let matches_live_only =
            redirect_uri::matches(&self.redirect_uris, given, Matching::LoopbackAware);
        // What an extension of ours accepts is accepted either way.
        let diverges = matches_live_only && self.redirect_extension(given).is_none();
        rules.record_divergence(Difference::RedirectUriMatch, diverges);
        is_live && matches_live_only
    }

    /// The extension of the mock that accepts `given`, if it is not registered.
    pub(crate) fn redirect_by_extension(
        &self,
        given: &str,
        rules: &ContractRules,
    ) -> Option<&'static str> {
        self.redirect_extension(given)
            .filter(|_| !self.match_registered(given, rules))
    }

    fn redirect_extension(&self, given: &str) -> Option<&'static str> {
        if self.any_loopback_redirect && redirect_uri::is_loopback(given) {
            Some("any_loopback_redirect")
        } else if self.auto_registered && redirect_uri::check(given).is_ok() {
            Some("unknown_clients")
        } else {
            None
        }
    }

    /// Whether this user may use the client at all.
    pub(crate) fn check_access(&self, user: &User) -> Result<(), OAuthError> {
        match self.access_mode {
            AccessMode::Open => Ok(()),
            AccessMode::Testers if user.roles.iter().any(|role| role == "tester") => Ok(()),
            AccessMode::Testers => Err(OAuthError::access_denied(
                "Access to this application is currently limited to testers.",
            )),
            AccessMode::Disabled => Err(OAuthError::access_denied(
                "This application is not currently available.",
            )),
        }
    }

    /// Whether the client has authenticated. A public client has no secret to present.
    pub(crate) fn authenticates_with(&self, presented: Option<&Secret>) -> bool {
        !self.confidential || self.owns_secret(presented)
    }

    /// Whether this is the secret of this confidential client.
    pub(crate) fn owns_secret(&self, presented: Option<&Secret>) -> bool {
        match (self.confidential, &self.secret, presented) {
            (true, Some(own), Some(presented)) => own.matches(presented.reveal()),
            _ => false,
        }
    }

    /// Whether a page of this origin may call on behalf of the client.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
            // A page that an extension of the mock accepts as redirect target may also call.
            || self.redirect_extension(origin).is_some()
    }
}
