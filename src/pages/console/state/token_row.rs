//! The rows of the list of tokens and codes.

use super::choices::user_name;
use crate::control::{CodeView, ControlResult, GrantFilter, TokenView};
use crate::http::base_url::BaseUrl;
use crate::pages::console::requests::request_path;
use crate::pages::console::time_text::duration;
use crate::protocol::scope::{PRESETS, Scope};
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::redact::shortened_secret;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::CredentialAction;

/// A token or a code.
pub(crate) struct TokenRow {
    /// `access`, `refresh` or `code`.
    pub(crate) kind: &'static str,
    /// The hash, of tokens only.
    pub(crate) sha256: Option<String>,
    /// Its beginning and its end, if the journal has the response that contains it.
    pub(crate) short: Option<String>,
    pub(crate) client: String,
    pub(crate) client_id: String,
    pub(crate) user: String,
    pub(crate) scope: String,
    pub(crate) scopes: String,
    /// The request that issued it: its number and its page.
    pub(crate) request: Option<(u64, String)>,
    /// Seconds until it expires.
    pub(crate) left: Option<i64>,
    /// Seconds since it has expired.
    expired: u64,
}

impl TokenRow {
    /// The remaining time, as text.
    pub(crate) fn left(&self) -> String {
        let seconds = self.left.and_then(|left| u64::try_from(left).ok());
        seconds.map(duration).unwrap_or_default()
    }

    pub(crate) fn expired(&self) -> String {
        duration(self.expired)
    }

    /// What identifies it in a list of ten thousand: the beginning of the hash.
    pub(crate) fn fingerprint(&self) -> &str {
        self.sha256
            .as_deref()
            .and_then(|hash| hash.get(..12))
            .unwrap_or_default()
    }

    /// The row with the request that issued the token.
    fn with_request(self, sandbox: &Sandbox, base: &BaseUrl) -> Self {
        let Some(hash) = self.sha256.as_deref().and_then(SecretHash::from_hex) else {
            return self;
        };
        let life = sandbox.journal.credential_life(&hash);
        let issued = life
            .iter()
            .find(|(_, action)| *action == CredentialAction::Issued);
        let Some((request, _)) = issued else {
            return self;
        };
        let stored = sandbox.journal.find(&[request.request]).pop();
        let answer = stored.and_then(|stored| stored.to_entry().answer);
        let members = ["access_token", "refresh_token"].into_iter();
        let mut values = members.filter_map(|name| answer.as_ref()?.get(name)?.as_str());
        let value = values.find(|value| SecretHash::new(value) == hash);
        Self {
            short: value.map(shortened_secret),
            request: Some((request.request, request_path(base, request.request))),
            ..self
        }
    }
}

/// The name of a preset, or the number.
pub(super) fn scope_name(scope: Scope) -> String {
    let preset = PRESETS.iter().find(|(_, preset)| *preset == scope);
    preset.map_or_else(|| scope.to_string(), |(name, _)| (*name).to_owned())
}

/// A token or a code of the list, before it becomes a row.
pub(super) enum Listed {
    Code(CodeView),
    Token(TokenView),
}

/// The tokens and codes that match, newest first.
pub(super) fn list(sandbox: &Sandbox, filter: GrantFilter) -> ControlResult<Vec<Listed>> {
    let codes = sandbox.list_codes(filter.clone())?.codes.into_iter();
    let tokens = sandbox.list_tokens(filter)?.tokens.into_iter();
    let mut all: Vec<Listed> = codes
        .map(Listed::Code)
        .chain(tokens.map(Listed::Token))
        .collect();
    // Of the same moment, the order stays: codes first.
    all.sort_by_key(|listed| std::cmp::Reverse(listed.issued_at()));
    Ok(all)
}

impl Listed {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::Token(token) => token.kind.name(),
        }
    }

    fn issued_at(&self) -> Timestamp {
        match self {
            Self::Code(code) => code.issued_at,
            Self::Token(token) => token.issued_at,
        }
    }

    /// The row, with the request that issued the token.
    pub(super) fn into_row(self, sandbox: &Sandbox, base: &BaseUrl) -> TokenRow {
        let kind = self.kind();
        let (client_id, user, scope) = match &self {
            Self::Code(code) => (code.client_id.to_string(), code.user, code.scope),
            Self::Token(token) => (token.client_id.to_string(), token.user, token.scope),
        };
        let (is_active, left, sha256) = match self {
            Self::Code(code) => (code.active, code.expires_in, None),
            Self::Token(token) => (token.active, token.expires_in, Some(token.sha256)),
        };
        let client = sandbox.data().find_client(&client_id);
        let settings = sandbox.settings();
        let names = scope.existing_bits(&settings.rules);
        let names: Vec<_> = names.map(|bit| bit.name.clone()).collect();
        let row = TokenRow {
            kind,
            sha256,
            short: None,
            client: client.map_or_else(|| client_id.clone(), |client| client.name.clone()),
            client_id,
            user: user_name(sandbox, user.0),
            scope: scope_name(scope),
            scopes: names.join(", "),
            request: None,
            left: is_active.then_some(left),
            expired: left.unsigned_abs(),
        };
        row.with_request(sandbox, base)
    }
}
