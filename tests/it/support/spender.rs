//! An app that spends a user's buzz after sign-in.

use serde_json::{Value, json};

use super::{Answer, App, Ask, World};

pub(crate) const ME: &str = "/api/v1/me";
pub(crate) const WORKFLOWS: &str = "/v2/consumer/workflows";

/// As much as the preset "AI Services" allows.
const SCOPE: &str = "114689";

/// An app with ada's token.
pub(crate) struct Spender {
    world: World,
    pub(crate) token: String,
}

impl Spender {
    /// An app that ada has signed in to.
    pub(crate) async fn of_ada(world: &World, app: &App) -> Self {
        Self::with(world, &world.tokens(app, SCOPE).await.access)
    }

    /// As [`Spender::of_ada`], with so much yellow buzz, so that nobody but a budget stands in the way.
    pub(crate) async fn funded(world: &World, app: &App, yellow: u64) -> Self {
        let buzz = json!({ "buzz": { "yellow": yellow } });
        world.control("PATCH", "/users/ada", buzz).await;
        Self::of_ada(world, app).await
    }

    pub(crate) fn with(world: &World, token: &str) -> Self {
        Self {
            world: world.clone(),
            token: token.to_owned(),
        }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        let header = format!("Bearer {}", self.token);
        self.world
            .ask(method, path)
            .header("authorization", &header)
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.ask("GET", path)
    }

    pub(crate) async fn call(&self, procedure: &str) -> Answer {
        self.get(&format!("/api/trpc/{procedure}")).await
    }

    /// What a procedure of tRPC gives.
    pub(crate) async fn data(&self, procedure: &str) -> Value {
        let answer = self.call(procedure).await;
        assert_eq!(answer.status, 200, "{procedure}: {answer}");
        answer.json()["result"]["data"]["json"].clone()
    }

    pub(crate) async fn submit(&self, body: &Value) -> Answer {
        self.ask("POST", WORKFLOWS).json(body).await
    }

    pub(crate) async fn quote(&self, body: &Value) -> Answer {
        let path = format!("{WORKFLOWS}?whatif=true");
        self.ask("POST", &path).json(body).await
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

impl World {
    /// Gives an app a budget in ada's name, and nothing else to go by.
    pub(crate) async fn cap(&self, app: &App, budgets: Value) {
        let agreed =
            json!({ "user": "ada", "client_id": app.id, "scope": 1, "buzz_limit": budgets });
        self.control("POST", "/consents", agreed).await;
    }

    /// Stops the clock at a moment.
    pub(crate) async fn freeze(&self, at: &str) {
        self.control("POST", "/clock/freeze", json!({ "at": at }))
            .await;
    }
}
