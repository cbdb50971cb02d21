//! What is known of a request before it is answered? The sandbox, the address it was seen at, the rules that
//! hold, what it sent – and a note pad for what is found out on the way.

use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::contract::{Rules, Trace};
use crate::http::base_url::{Base, SandboxPath};
use crate::http::session;
use crate::model::user::UserRef;
use crate::protocol::call::{Endpoint, GrantType};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::params::Params;
use crate::protocol::secret::SecretHash;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::Target;
use crate::sandbox::journal::Idle;
use crate::server::App;

/// What a body says: read as a form, and read as whatever it is.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) params: Params,
    pub(crate) is_json: bool,
    pub(crate) is_multipart: bool,
    /// As it came: whatever secrets it has stand here in the clear, so there is no `Debug`.
    pub(crate) bytes: Bytes,
}

/// One request's way through the server. What was sent holds secrets, so there is no `Debug`.
pub(crate) struct Visit {
    pub(crate) sandbox: Sandbox,
    pub(crate) base: Base,
    pub(crate) rules: Rules,
    pub(crate) notes: Notes,
    pub(crate) headers: HeaderMap,
    /// Nothing, where the request is no exchange with an app.
    pub(crate) received: Received,
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
    pub(crate) idle: Option<Idle>,
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
    pub(crate) fn idle(&self, why: Idle) {
        self.write(|noted| noted.idle = Some(why));
    }

    /// The user is to be taken to have pressed Deny.
    pub(crate) fn deny(&self) {
        self.write(|noted| noted.deny = true);
    }
}

impl Visit {
    /// What is known by the head alone; headers and body are still the request's.
    pub(crate) fn begin(parts: &Parts, app: &App, sandbox: Sandbox) -> Self {
        let path = SandboxPath::of(&parts.extensions);
        let mut rules = sandbox.settings().rules.clone();
        rules.trace = Trace::new();
        Self {
            base: Base::of(parts, app, path),
            sandbox,
            rules,
            notes: Notes::default(),
            headers: HeaderMap::new(),
            received: Received::default(),
        }
    }

    /// The request, as far as faults are concerned. `claimed` is the client that it says it comes from.
    pub(crate) fn target(&self, parts: &Parts, claimed: Option<String>) -> Target {
        let sent = &self.received.params;
        let user = if self.sandbox.faults.ask_for_user() {
            self.user(parts, sent)
        } else {
            None
        };
        let mut client_id = claimed;
        if client_id.is_none()
            && let Some(hash) = self.presented(parts)
        {
            let world = self.sandbox.world();
            let found = world.find_token(&hash);
            client_id = found.map(|token| token.client_id.as_str().to_owned());
        }
        Target {
            endpoint: Endpoint::of(parts.uri.path()),
            client_id,
            grant_type: sent.filled("grant_type").as_deref().map(GrantType::of),
            user,
        }
    }

    /// Who asks, as the endpoint itself takes them.
    fn user(&self, parts: &Parts, sent: &Params) -> Option<UserId> {
        let world = self.sandbox.world();
        let named = |named: &UserRef| Some(world.find_user(named)?.id);
        if let Some(mock) = self.headers.get(session::MOCK_USER) {
            let mock = String::from_utf8_lossy(mock.as_bytes()).into_owned();
            return named(&UserRef::from(mock));
        }
        let browser = || session::by_cookie(&self.sandbox, &self.headers);
        let of_token = |hash: SecretHash| Some(world.find_token(&hash)?.user_id);
        let sent_hash = |name: &str| sent.filled(name).as_deref().map(SecretHash::of);
        let path = parts.uri.path();
        let id = match Endpoint::of(path) {
            Endpoint::Me
            | Endpoint::ApiKeyGetSpend
            | Endpoint::BuzzGetBuzzAccount
            | Endpoint::BuzzGetUserAccount => match self.presented(parts) {
                Some(hash) => of_token(hash)?,
                None => browser()?.id,
            },
            Endpoint::Userinfo | Endpoint::Workflows | Endpoint::Blobs => {
                of_token(self.presented(parts)?)?
            }
            Endpoint::Token | Endpoint::DeviceToken => match sent_hash("refresh_token") {
                Some(hash) => of_token(hash)?,
                None => world.code_user(&sent_hash("code")?)?,
            },
            Endpoint::Revoke => match browser() {
                Some(user) => user.id,
                None => of_token(sent_hash("token")?)?,
            },
            // A device has no user yet; the page for one has.
            Endpoint::Device if path.starts_with("/api/") => return None,
            _ => browser().or_else(|| session::by_setting(&self.sandbox))?.id,
        };
        named(&UserRef::Id(id.0))
    }

    /// The access token that the request came with, where it may be.
    fn presented(&self, parts: &Parts) -> Option<SecretHash> {
        match Endpoint::of(parts.uri.path()) {
            Endpoint::Me
            | Endpoint::ApiKeyGetSpend
            | Endpoint::BuzzGetBuzzAccount
            | Endpoint::BuzzGetUserAccount => session::site_hash(&self.headers, parts.uri.query()),
            _ => session::bearer_hash(&self.headers),
        }
    }
}
