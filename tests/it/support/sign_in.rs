//! A correct sign-in, and the advice findings of a sandbox.

use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use serde_json::{Value, json};

use super::{App, Fields, SandboxClient, TestResponse, TestServer, Tokens};

/// One attempt to sign in, with a state and a verifier of its own.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    app: App,
    pub(crate) state: String,
    pub(crate) verifier: String,
    pub(crate) challenge: String,
}

impl SignIn {
    pub(crate) fn new(app: &App) -> Self {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        Self {
            app: *app,
            state: CsrfToken::new_random().secret().clone(),
            verifier: verifier.secret().clone(),
            challenge: challenge.as_str().to_owned(),
        }
    }

    /// The same with this state.
    pub(crate) fn with_state(self, state: &str) -> Self {
        Self {
            state: state.to_owned(),
            ..self
        }
    }

    /// The same with this verifier, and the challenge that goes with it.
    pub(crate) fn with_verifier(self, verifier: &str) -> Self {
        let known = PkceCodeVerifier::new(verifier.to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&known);
        Self {
            verifier: verifier.to_owned(),
            challenge: challenge.as_str().to_owned(),
            ..self
        }
    }

    /// The authorization request.
    pub(crate) fn authorize_params(&self, scope: &str) -> Fields {
        self.app
            .authorize_params(scope)
            .with("state", &self.state)
            .with("code_challenge", &self.challenge)
    }

    /// The exchange of the code.
    pub(crate) fn redeem_params(&self, code: &str) -> Fields {
        self.app
            .redeem_params(code)
            .with("code_verifier", &self.verifier)
    }

    /// Ada signs in: the code, exchanged.
    pub(crate) async fn signs_in(&self, sandbox: &SandboxClient, scope: &str) -> Tokens {
        let code = sandbox.approve(&self.authorize_params(scope)).await.code();
        Tokens::from_response(&sandbox.token(&self.redeem_params(&code)).await)
    }
}

/// Freezes the server's clock, so that only the test moves it.
pub(crate) async fn with_frozen_clock(mock: TestServer) -> TestServer {
    mock.freeze("2026-01-31T12:00:00Z").await;
    mock
}

impl SandboxClient {
    /// Moves the clock: `100ms`, `5s`.
    pub(crate) async fn later(&self, by: &str) {
        self.control("POST", "/clock/advance", json!({ "by": by }))
            .await;
    }

    /// Ada signs in to the app, which makes no mistakes.
    pub(crate) async fn signs_in(&self, app: &App, scope: &str) -> Tokens {
        SignIn::new(app).signs_in(self, scope).await
    }

    /// Refreshes; returns the new tokens.
    pub(crate) async fn refreshed(&self, app: &App, tokens: &Tokens) -> Tokens {
        Tokens::from_response(&self.token(&app.refresh_params(&tokens.refresh)).await)
    }

    pub(crate) async fn findings(&self) -> Vec<Value> {
        let advice = self.control("GET", "/advice", json!({})).await;
        advice["findings"].as_array().cloned().expect("findings")
    }

    /// The errors and warnings of advice.
    pub(crate) async fn errors_and_warnings(&self) -> String {
        self.named(|severity| severity != "hint").await
    }

    /// The hints of advice.
    pub(crate) async fn hints(&self) -> String {
        self.named(|severity| severity == "hint").await
    }

    async fn named(&self, fits: impl Fn(&str) -> bool) -> String {
        let all = self.findings().await.into_iter().filter_map(|one| {
            let severity = one["severity"].as_str()?.to_owned();
            fits(&severity)
                .then(|| format!("{severity} {}", one["rule_id"].as_str().unwrap_or_default()))
        });
        all.collect::<Vec<_>>().join("; ")
    }

    /// A call with the access token; any status.
    pub(crate) async fn calls(&self, path: &str, tokens: &Tokens) -> TestResponse {
        let header = format!("Bearer {}", tokens.access);
        self.get(path).header("authorization", &header).await
    }
}
