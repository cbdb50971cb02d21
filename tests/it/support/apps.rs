//! The client apps of `seed.toml`, and the requests that each makes.

use super::{Fields, TestResponse};

/// The example of RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A registered client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct App {
    pub(crate) id: &'static str,
    pub(crate) secret: Option<&'static str>,
    pub(crate) redirect_uri: &'static str,
}

const fn confidential(id: &'static str, secret: &'static str) -> App {
    App {
        id,
        secret: Some(secret),
        redirect_uri: "https://app.example/callback",
    }
}

const fn public(id: &'static str) -> App {
    App {
        id,
        secret: None,
        redirect_uri: "http://localhost:3000/callback",
    }
}

pub(crate) const CONF: App = confidential("conf", "secret-conf");
pub(crate) const SPA: App = public("spa");
pub(crate) const PUBLIC_CC: App = public("public-cc");
pub(crate) const NARROW: App = confidential("narrow", "secret-narrow");
pub(crate) const WIDE: App = confidential("wide", "secret-wide");
pub(crate) const DISABLED: App = confidential("disabled", "secret-disabled");
pub(crate) const TESTERS: App = confidential("testers", "secret-testers");
/// Owned by ada; all others are the owner's.
pub(crate) const OTHER: App = confidential("other", "secret-other");
pub(crate) const CODE_ONLY: App = confidential("code-only", "secret-code");
pub(crate) const NO_GRANTS: App = confidential("no-grants", "secret-none");
pub(crate) const ODD_SECRET: App = confidential("odd-secret", "s:e%20c r+t");
pub(crate) const LOST_SECRET: App = confidential("lost-secret", "anything");
pub(crate) const APP_BLOCK: App = confidential("appblk-x", "secret-block");

impl App {
    /// A well-formed authorization request.
    pub(crate) fn authorize_params(&self, scope: &str) -> Fields {
        Fields::new(&[
            ("response_type", "code"),
            ("client_id", self.id),
            ("redirect_uri", self.redirect_uri),
            ("scope", scope),
            ("state", "xyz"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
    }

    fn authenticated(&self, fields: Fields) -> Fields {
        let fields = fields.and("client_id", self.id);
        match self.secret {
            Some(secret) => fields.and("client_secret", secret),
            None => fields,
        }
    }

    /// The exchange of a code.
    pub(crate) fn redeem_params(&self, code: &str) -> Fields {
        self.authenticated(Fields::new(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri),
            ("code_verifier", VERIFIER),
        ]))
    }

    /// The exchange of a refresh token.
    pub(crate) fn refresh_params(&self, token: &str) -> Fields {
        self.authenticated(Fields::new(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
        ]))
    }

    /// A request for tokens of the app's own.
    pub(crate) fn client_credentials(&self) -> Fields {
        self.authenticated(Fields::new(&[("grant_type", "client_credentials")]))
    }

    /// The revocation of a token, in the app's own name.
    pub(crate) fn revoke_params(&self, token: &str) -> Fields {
        self.authenticated(Fields::new(&[("token", token)]))
    }
}

/// The tokens of an app after a sign-in.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    pub(crate) fn from_response(answer: &TestResponse) -> Self {
        Self {
            access: answer.text("access_token"),
            refresh: answer.text("refresh_token"),
        }
    }
}
