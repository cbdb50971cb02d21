//! Facts about a request that its handler and the journal use: its sandbox, base URL, contract, headers and body.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use super::body::RequestBody;
use crate::contract::DecisionLog;
use crate::http::base_url::{BaseUrl, SandboxPrefix};
use crate::http::connection::ConnectionInfo;
use crate::http::state::ServerState;
use crate::model::refusal_cause::RefusalCause;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::endpoint::{CorsPolicy, Endpoint, EndpointSpec};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::secret::SecretHash;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{CredentialAction, CredentialEvent, RevokeNoop};

/// The facts. Headers and body hold secrets, so there is no `Debug`.
pub(crate) struct RequestInfo {
    /// None for a path that is no endpoint.
    pub(crate) spec: Option<&'static EndpointSpec>,
    pub(crate) sandbox: Sandbox,
    pub(crate) method: Method,
    pub(crate) base: BaseUrl,
    pub(crate) rules: ContractRules,
    pub(crate) notes: Notes,
    pub(crate) headers: HeaderMap,
    /// The address that the connection comes from.
    pub(crate) peer: Option<IpAddr>,
    /// Empty if the request is not observed, such as a control call.
    pub(crate) received: RequestBody,
}

/// Facts about a request that its handler records for the journal.
#[derive(Default)]
pub(crate) struct Notes(Mutex<NoteValues>);

#[derive(Debug, Default, Clone)]
pub(crate) struct NoteValues {
    pub(crate) user: Option<UserId>,
    /// The client of the access token.
    pub(crate) client: Option<ClientId>,
    pub(crate) extensions: Vec<&'static str>,
    /// A fault denies the consent on behalf of the user.
    pub(crate) deny: bool,
    /// The reason that a revocation had no effect, which its response does not show.
    pub(crate) revoke_noop: Option<RevokeNoop>,
    /// The cause of a refusal, with what its response does not show.
    pub(crate) cause: Option<Box<RefusalCause>>,
    pub(crate) credential_events: Vec<CredentialEvent>,
}

impl Notes {
    pub(crate) fn read(&self) -> NoteValues {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write(&self, change: impl FnOnce(&mut NoteValues)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Records the user that the request acts for.
    pub(crate) fn user(&self, user: UserId) {
        self.write(|noted| noted.user = Some(user));
    }

    /// Records the client whose access token authorized the request.
    pub(crate) fn client(&self, client: ClientId) {
        self.write(|noted| noted.client = Some(client));
    }

    /// Records an extension of this server that the response relies on.
    pub(crate) fn extension(&self, name: &'static str) {
        self.write(|noted| noted.extensions.push(name));
    }

    /// Records that a revocation had no effect.
    pub(crate) fn revoke_noop(&self, reason: RevokeNoop) {
        self.write(|noted| noted.revoke_noop = Some(reason));
    }

    /// Records the cause of a refusal. The last one counts.
    pub(crate) fn cause(&self, cause: RefusalCause) {
        self.write(|noted| noted.cause = Some(Box::new(cause)));
    }

    /// Records the cause of a refusal unless the response says all that is known of it.
    pub(crate) fn cause_if_known(&self, cause: Option<RefusalCause>) {
        if let Some(cause) = cause {
            self.cause(cause);
        }
    }

    /// Records what the request did with a credential.
    pub(crate) fn credential(&self, action: CredentialAction, hash: &SecretHash) {
        let event = CredentialEvent::new(action, hash);
        self.write(|noted| noted.credential_events.push(event));
    }

    /// Records that the user is to be treated as having pressed Deny.
    pub(crate) fn deny(&self) {
        self.write(|noted| noted.deny = true);
    }
}

impl RequestInfo {
    /// The endpoint that the path leads to.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.spec.map_or(Endpoint::Other, |spec| spec.endpoint)
    }

    /// The CORS policy of the endpoint.
    pub(crate) fn cors_policy(&self) -> CorsPolicy {
        EndpointSpec::cors_policy(self.spec)
    }

    /// Facts from the head of the request. The headers and the body stay in the request.
    pub(crate) fn new(parts: &Parts, app: &ServerState, sandbox: Sandbox) -> Self {
        let path = SandboxPrefix::from_extensions(&parts.extensions);
        let mut rules = sandbox.settings().rules.clone();
        rules.log = DecisionLog::new();
        let connection = ConnectionInfo::from_extensions(&parts.extensions);
        Self {
            spec: EndpointSpec::find(parts.uri.path()),
            method: parts.method.clone(),
            base: BaseUrl::new(parts, app, path),
            sandbox,
            rules,
            notes: Notes::default(),
            headers: HeaderMap::new(),
            peer: connection.and_then(|connection| Some(connection.peer?.ip())),
            received: RequestBody::default(),
        }
    }
}
