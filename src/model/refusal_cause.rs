//! The causes of refusals, with the facts that decided: what the response of Civitai does not say and the journal shows.

use serde::Serialize;

use crate::model::client::AccessMode;
use crate::protocol::redirect_mistake;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;

/// The most values of a list that a cause names, such as registered redirect URIs.
const MAX_LISTED: usize = 8;

/// A credential that a request presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialKind {
    AuthorizationCode,
    AccessToken,
    RefreshToken,
    DeviceCode,
    UserCode,
}

impl CredentialKind {
    /// As a sentence names it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization code",
            Self::AccessToken => "access token",
            Self::RefreshToken => "refresh token",
            Self::DeviceCode => "device code",
            Self::UserCode => "user code",
        }
    }
}

/// What denied a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeniedBy {
    User,
    /// The fault `deny_consent`.
    Fault,
    /// The setting `consent`.
    Setting,
}

/// A request of the journal that a cause refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct RequestRef {
    /// Its id in the journal.
    pub(crate) request: u64,
    /// Its arrival, by the sandbox's clock.
    pub(crate) at: Timestamp,
}

/// The cause of a refusal. As JSON: its `code` and its `facts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", content = "facts", rename_all = "kebab-case")]
pub(crate) enum RefusalCause {
    /// No client has the id.
    UnknownClient {
        client_id: String,
        /// The id of the client whose id is most similar.
        closest: Option<String>,
    },
    /// The client has another secret.
    WrongSecret { client: String },
    /// The client has a secret, and the request has none.
    MissingSecret { client: String },
    /// The client is public, and the request has a secret.
    SecretOfPublicClient { client: String },
    /// The client may not use the grant.
    GrantNotAllowed {
        client: String,
        grant: &'static str,
        allowed: Vec<&'static str>,
    },
    /// The redirect URI of an authorize request is not registered.
    RedirectNotRegistered {
        client: String,
        redirect_uri: Option<String>,
        registered: Vec<String>,
        /// The registered URI that is most similar.
        closest: Option<String>,
        /// The part in which the closest one differs.
        differs_in: Option<String>,
        /// Whether a registered loopback URI stands for every port.
        any_loopback_port: bool,
    },
    /// The redirect URI of a token request is not that of the authorize request.
    RedirectChanged {
        redirect_uri: String,
        authorized: String,
        differs_in: Option<String>,
    },
    /// The SHA-256 of the verifier is not the challenge.
    VerifierMismatch {
        /// The known mistake that leads to this challenge.
        mistake: Option<String>,
    },
    /// The credential works once, and an earlier request used it.
    CredentialUsed {
        credential: CredentialKind,
        issued: Option<RequestRef>,
        used: RequestRef,
    },
    CredentialExpired {
        credential: CredentialKind,
        issued: Option<RequestRef>,
        expired_at: Timestamp,
    },
    CredentialRevoked {
        credential: CredentialKind,
        issued: Option<RequestRef>,
        revoked: RequestRef,
    },
    /// The credential was issued and is not stored any more, and no request of the journal has used or revoked it.
    CredentialGone {
        credential: CredentialKind,
        issued: Option<RequestRef>,
    },
    /// The credential belongs to another client.
    CredentialOfOtherClient {
        credential: CredentialKind,
        issued: Option<RequestRef>,
        issued_to: String,
    },
    /// Another sandbox of this server has issued the credential.
    CredentialOfOtherSandbox {
        credential: CredentialKind,
        sandbox: String,
    },
    /// The credential is of another kind, such as an access token where a refresh token is expected.
    CredentialOfOtherKind {
        credential: CredentialKind,
        sent: CredentialKind,
    },
    /// No request of the journal issued the credential, and no sandbox has it.
    CredentialUnknown { credential: CredentialKind },
    /// The user of the credential was deleted or banned.
    UserUnavailable { credential: CredentialKind },
    /// The client is not permitted to introspect tokens.
    IntrospectionNotAllowed { client: String },
    /// A token of the client credentials grant on an endpoint that serves users only.
    ClientCredentialsToken,
    /// The token lacks a scope.
    InsufficientScope {
        /// The part of the required scope that the token lacks.
        required: Vec<String>,
        granted: Vec<String>,
    },
    /// The client may not have a part of the scope.
    ScopeNotAllowed {
        client: String,
        refused: Vec<String>,
        allowed: Vec<String>,
    },
    /// A refresh may narrow the scope, and not widen it.
    ScopeWidened {
        added: Vec<String>,
        granted: Vec<String>,
    },
    /// The limit of requests per minute is exceeded.
    RateLimited {
        /// What is counted together.
        counted: &'static str,
        requests_per_minute: u32,
    },
    /// The client is not open to the user.
    AppClosed {
        client: String,
        access_mode: AccessMode,
        user: String,
    },
    /// The user denied the consent, or the mock did in the user's place.
    ConsentDenied {
        user: String,
        client: String,
        by: DeniedBy,
    },
    /// The page may not call on behalf of the client.
    OriginNotAllowed {
        client: String,
        origin: String,
        allowed: Vec<String>,
    },
    /// The accounts that may pay have too little buzz.
    InsufficientBuzz {
        cost: u64,
        available: u64,
        currencies: Vec<&'static str>,
    },
    /// The cost exceeds what remains of a limit that the user has set for the app.
    SpendLimitExceeded {
        cost: u64,
        limit: u64,
        spent: u64,
        remaining: u64,
    },
}

impl RefusalCause {
    /// The redirect URI of an authorize request is not among the registered ones.
    pub(crate) fn redirect_not_registered(
        client: &str,
        redirect_uri: Option<&str>,
        registered: &[String],
        any_loopback_port: bool,
    ) -> Self {
        let closest = redirect_uri.and_then(|sent| redirect_mistake::closest(sent, registered));
        Self::RedirectNotRegistered {
            client: client.to_owned(),
            redirect_uri: redirect_uri.map(str::to_owned),
            registered: listed(registered),
            differs_in: redirect_uri
                .zip(closest)
                .and_then(|(sent, closest)| redirect_mistake::difference(sent, closest))
                .map(str::to_owned),
            closest: closest.map(str::to_owned),
            any_loopback_port,
        }
    }

    /// The redirect URI of a token request is not that of the authorize request.
    pub(crate) fn redirect_changed(redirect_uri: &str, authorized: &str) -> Self {
        Self::RedirectChanged {
            redirect_uri: redirect_uri.to_owned(),
            authorized: authorized.to_owned(),
            differs_in: redirect_mistake::difference(redirect_uri, authorized).map(str::to_owned),
        }
    }

    /// The token lacks a part of the required scope.
    pub(crate) fn insufficient_scope(required: Scope, granted: Scope) -> Self {
        Self::InsufficientScope {
            required: scope_names(required.without(granted)),
            granted: scope_names(granted),
        }
    }

    /// The client may not have a part of the scope.
    pub(crate) fn scope_not_allowed(client: &str, requested: Scope, allowed: Scope) -> Self {
        Self::ScopeNotAllowed {
            client: client.to_owned(),
            refused: scope_names(requested.without(allowed)),
            allowed: scope_names(allowed),
        }
    }

    /// The memory that its texts occupy beside the cause itself, in bytes.
    pub(crate) fn size_in_bytes(&self) -> usize {
        // The facts as JSON are at least as long as the texts.
        serde_json::to_vec(self).map_or(0, |json| json.len())
    }
}

/// The names of the bits; a bit without a name is shown as its number.
pub(crate) fn scope_names(scope: Scope) -> Vec<String> {
    let named = scope
        .set_bits()
        .fold(0, |named, bit| named | bit.scope().bits());
    let names = scope.set_bits().map(|bit| bit.name.clone().into_owned());
    let rest = scope.bits() & !named;
    names.chain((rest != 0).then(|| rest.to_string())).collect()
}

/// The first values of a list.
pub(crate) fn listed(values: &[String]) -> Vec<String> {
    values.iter().take(MAX_LISTED).cloned().collect()
}
