//! An app that spends a user's buzz after sign-in.

use serde_json::{Value, json};

use super::{App, SandboxClient, TestRequest, TestResponse};

pub(crate) const ME: &str = "/api/v1/me";
pub(crate) const WORKFLOWS: &str = "/v2/consumer/workflows";

/// The scope of the preset "AI Services".
const SCOPE: &str = "114689";

/// An app with ada's token.
pub(crate) struct SpendingApp {
    sandbox: SandboxClient,
    pub(crate) token: String,
}

impl SpendingApp {
    /// An app that ada has signed in to.
    pub(crate) async fn for_ada(sandbox: &SandboxClient, app: &App) -> Self {
        Self::with(sandbox, &sandbox.tokens(app, SCOPE).await.access)
    }

    /// As [`SpendingApp::for_ada`], with this much yellow buzz, so that only a budget limits it.
    pub(crate) async fn funded(sandbox: &SandboxClient, app: &App, yellow: u64) -> Self {
        let buzz = json!({ "buzz": { "yellow": yellow } });
        sandbox.control("PATCH", "/users/ada", buzz).await;
        Self::for_ada(sandbox, app).await
    }

    pub(crate) fn with(sandbox: &SandboxClient, token: &str) -> Self {
        Self {
            sandbox: sandbox.clone(),
            token: token.to_owned(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> TestRequest {
        let header = format!("Bearer {}", self.token);
        self.sandbox
            .request(method, path)
            .header("authorization", &header)
    }

    pub(crate) fn get(&self, path: &str) -> TestRequest {
        self.request("GET", path)
    }

    pub(crate) async fn call(&self, procedure: &str) -> TestResponse {
        self.get(&format!("/api/trpc/{procedure}")).await
    }

    /// The data of a tRPC response.
    pub(crate) async fn data(&self, procedure: &str) -> Value {
        let answer = self.call(procedure).await;
        assert_eq!(answer.status, 200, "{procedure}: {answer}");
        answer.json()["result"]["data"]["json"].clone()
    }

    pub(crate) async fn submit(&self, body: &Value) -> TestResponse {
        self.request("POST", WORKFLOWS).json(body).await
    }

    pub(crate) async fn quote(&self, body: &Value) -> TestResponse {
        let path = format!("{WORKFLOWS}?whatif=true");
        self.request("POST", &path).json(body).await
    }

    /// Whether a workflow of this cost was paid.
    pub(crate) async fn pays(&self, cost: u64) -> bool {
        let answer = self.submit(&json!({ "cost": cost })).await;
        match answer.status {
            200 => true,
            400 => {
                assert!(answer.body.contains("enough funds"), "{answer}");
                false
            }
            _ => panic!("{answer}"),
        }
    }

    /// Yellow, blue and green.
    pub(crate) async fn balance(&self) -> [u64; 3] {
        let balances = self.data("buzz.getBuzzAccount").await;
        ["yellow", "blue", "green"].map(|one| balances[one].as_u64().expect("a balance"))
    }
}

impl SandboxClient {
    /// Stores a consent of ada with a budget for the app.
    pub(crate) async fn cap(&self, app: &App, budgets: Value) {
        let agreed =
            json!({ "user": "ada", "client_id": app.id, "scope": 1, "buzz_limit": budgets });
        self.control("POST", "/consents", agreed).await;
    }

    /// Freezes the clock at a moment.
    pub(crate) async fn freeze(&self, at: &str) {
        self.control("POST", "/clock/freeze", json!({ "at": at }))
            .await;
    }
}
