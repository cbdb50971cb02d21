//! Collects the secrets that a server issues, and finds them in responses and files.

use super::{AUTHORIZE, App, Fields, SandboxClient, TestResponse, Tokens};

/// The issued secrets, and the texts that must not contain them.
pub(crate) struct SecretTracker {
    pub(crate) sandbox: SandboxClient,
    issued: Vec<(&'static str, String)>,
    shown: Vec<(String, String)>,
}

impl SecretTracker {
    /// Starts with no secrets.
    pub(crate) fn new(sandbox: SandboxClient) -> Self {
        Self {
            sandbox,
            issued: Vec::new(),
            shown: Vec::new(),
        }
    }

    pub(crate) fn track(&mut self, what: &'static str, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(
            secret.len() >= 8,
            "{what} {secret:?} could be found by chance"
        );
        self.issued.push((what, secret));
    }

    pub(crate) fn tokens(&mut self, answer: &TestResponse) -> Tokens {
        let tokens = Tokens::from_response(answer);
        self.track("access token", &tokens.access);
        self.track("refresh token", &tokens.refresh);
        if let Some(id_token) = answer.json()["id_token"].as_str() {
            self.track("id token", id_token);
        }
        tokens
    }

    pub(crate) async fn session(&mut self, user: &str) -> String {
        let cookie = self.sandbox.session(user).await;
        let value = cookie.split_once('=').expect("a cookie has a value").1;
        self.track("session", value);
        cookie
    }

    pub(crate) async fn code(&mut self, app: &App, cookie: &str) -> String {
        let request = app
            .authorize_params("1")
            .and("nonce", "n-1")
            .and("approved", "true");
        let answer = self.sandbox.post(AUTHORIZE, &request).cookie(cookie).await;
        let code = answer.code();
        self.track("code", &code);
        code
    }

    /// Records a response that must not contain any secret, issued before or after it.
    pub(crate) fn record(&mut self, what: &str, answer: &TestResponse) {
        let mut text = format!("{}\n{}", answer.status, answer.body);
        for (name, value) in &answer.headers {
            text += &format!("\n{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        self.shown.push((what.to_owned(), text));
    }

    pub(crate) async fn visit(&mut self, path: &str, cookie: &str) {
        let answer = self.sandbox.get(path).cookie(cookie).await;
        assert_eq!(answer.status, 200, "{path}: {answer}");
        self.record(path, &answer);
    }

    /// Records an error response, which must not repeat a secret.
    pub(crate) async fn record_error(&mut self, path: &str, fields: &Fields) {
        let answer = self.sandbox.post(path, fields).await;
        assert!((400..500).contains(&answer.status), "{path}: {answer}");
        self.record(&format!("{path} {}", answer.text("error")), &answer);
    }

    /// The secrets that occur in these bytes.
    pub(crate) fn found(&self, bytes: &[u8]) -> Vec<String> {
        let holds = |secret: &str| {
            let secret = secret.as_bytes();
            bytes.windows(secret.len()).any(|window| window == secret)
        };
        let leaked = self.issued.iter().filter(|(_, secret)| holds(secret));
        leaked
            .map(|(what, secret)| format!("{what} {secret}"))
            .collect()
    }

    /// The secrets that were shown, and where.
    pub(crate) fn leaks(&self) -> Vec<String> {
        let shown = self.shown.iter();
        let leaks = shown.flat_map(|(place, text)| {
            let found = self.found(text.as_bytes()).into_iter();
            found.map(move |leak| format!("{place}: {leak}"))
        });
        leaks.collect()
    }
}
