//! Facts about a request that its handler and the journal use: its sandbox, base URL, contract, headers and body.

use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::body::RequestBody;
use crate::contract::DecisionLog;
use crate::http::base_url::{BaseUrl, SandboxPrefix};
use crate::http::state::AppState;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::rules::Rules;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::RevokeNoop;

/// One request's way through the server. What was sent holds secrets, so there is no `Debug`.
pub(crate) struct RequestInfo {
    pub(crate) sandbox: Sandbox,
    pub(crate) base: BaseUrl,
    pub(crate) rules: Rules,
    pub(crate) notes: Notes,
    pub(crate) headers: HeaderMap,
    /// Nothing, where the request is no exchange with an app.
    pub(crate) received: RequestBody,
}

/// What the handlers find out about a request, for the journal.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Noted>);

#[derive(Debug, Default, Clone)]
pub(crate) struct Noted {
    pub(crate) user: Option<UserId>,
    /// Whose access token it was.
    pub(crate) client: Option<ClientId>,
    pub(crate) extensions: Vec<&'static str>,
    /// A fault says no in the user's name.
    pub(crate) deny: bool,
    /// Why a revocation left everything as it was, which its answer does not say.
    pub(crate) idle: Option<RevokeNoop>,
}

impl Notes {
    pub(crate) fn read(&self) -> Noted {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whom the request acts for.
    pub(crate) fn user(&self, user: UserId) {
        self.write(|noted| noted.user = Some(user));
    }

    /// Whose access token the request came with.
    pub(crate) fn client(&self, client: ClientId) {
        self.write(|noted| noted.client = Some(client));
    }

    /// An extension of ours that the answer relies on.
    pub(crate) fn extension(&self, name: &'static str) {
        self.write(|noted| noted.extensions.push(name));
    }

    /// Nothing was revoked.
    pub(crate) fn idle(&self, why: RevokeNoop) {
        self.write(|noted| noted.idle = Some(why));
    }

    /// The user is to be taken to have pressed Deny.
    pub(crate) fn deny(&self) {
        self.write(|noted| noted.deny = true);
    }
}

impl RequestInfo {
    /// What is known by the head alone; headers and body are still the request's.
    pub(crate) fn begin(parts: &Parts, app: &AppState, sandbox: Sandbox) -> Self {
        let path = SandboxPrefix::from_extensions(&parts.extensions);
        let mut rules = sandbox.settings().rules.clone();
        rules.log = DecisionLog::new();
        Self {
            base: BaseUrl::new(parts, app, path),
            sandbox,
            rules,
            notes: Notes::default(),
            headers: HeaderMap::new(),
            received: RequestBody::default(),
        }
    }
}
