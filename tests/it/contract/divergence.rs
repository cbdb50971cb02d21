//! Divergence in the journal: an entry has the mark exactly if the other contract answers differently.

use civitai_oauth_mock::{Contract, Difference};
use serde_json::json;

use crate::support::{
    AUTHORIZE, App, CONF, DEVICE_GRANT, Fields, NARROW, OTHER, PUBLIC_CC, SPA, SandboxClient,
    SpendingApp, TestResponse, TestServer, USERINFO, config,
};

/// The differences for which the newest journal entry marks another answer of the other contract.
async fn recorded_divergence(sandbox: &SandboxClient) -> Vec<String> {
    let shown = sandbox.control("GET", "/requests?limit=1", json!({})).await;
    let decided = shown["requests"][0]["differences"].as_array().cloned();
    let matters = decided
        .unwrap_or_default()
        .into_iter()
        .filter(|one| one["other_contract_differs"] == true);
    matters
        .map(|one| one["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Makes the same request under both contracts of a difference, in separate sandboxes. The recorded divergence must be as
/// expected, and the responses must differ exactly if divergence was recorded.
async fn compare(
    mock: &TestServer,
    difference: Difference,
    (documented, live): (bool, bool),
    act: impl AsyncFn(&SandboxClient) -> TestResponse,
) {
    let contracts = [(Contract::Documented, documented), (Contract::Live, live)];
    compare_contracts(mock, difference, contracts, act).await;
}

async fn compare_contracts(
    mock: &TestServer,
    difference: Difference,
    contracts: [(Contract, bool); 2],
    act: impl AsyncFn(&SandboxClient) -> TestResponse,
) {
    let mut answers = Vec::new();
    for (contract, expected) in contracts {
        let sandbox = mock.sandbox("compared");
        sandbox.control("POST", "/reset", json!({})).await;
        sandbox.freeze("2026-01-31T12:00:00Z").await;
        sandbox.set_difference(difference, contract).await;
        let answer = act(&sandbox).await;
        let recorded = recorded_divergence(&sandbox).await;
        let is_recorded = recorded.iter().any(|name| name == difference.name());
        assert_eq!(
            is_recorded, expected,
            "{difference} {contract}: {recorded:?} {answer}"
        );
        answers.push(answer.without_mock_headers());
    }
    let differ = answers[0] != answers[1];
    let recorded = contracts.iter().any(|(_, expected)| *expected);
    assert_eq!(differ, recorded, "{difference}: {answers:#?}");
}

const BOTH: (bool, bool) = (true, true);
const NEITHER: (bool, bool) = (false, false);

#[tokio::test]
async fn authorize_records_divergence() {
    let mock = TestServer::documented().await;
    let asks = CONF.authorize_params("1");
    for (difference, request, recorded) in [
        (
            Difference::ScopeSyntax,
            asks.clone().with("scope", "+1"),
            BOTH,
        ),
        (
            Difference::ScopeSyntax,
            asks.clone().with("scope", "x"),
            NEITHER,
        ),
        (Difference::ScopeSyntax, asks.clone(), NEITHER),
        (
            Difference::ResponseType,
            asks.clone().with("response_type", "token"),
            BOTH,
        ),
        (Difference::ResponseType, asks.clone(), NEITHER),
        (
            Difference::RedirectUriMatch,
            asks.clone().with("redirect_uri", "http://127.0.0.1:9/cb"),
            BOTH,
        ),
        (
            Difference::RedirectUriMatch,
            asks.clone().with("redirect_uri", "http://127.0.0.1:9/no"),
            NEITHER,
        ),
        (
            Difference::BuzzLimit,
            asks.clone().with("buzz_limit", "nonsense"),
            BOTH,
        ),
        (
            Difference::BuzzLimit,
            asks.clone().with("buzz_limit", "null"),
            NEITHER,
        ),
        (Difference::RedirectStatus, asks, BOTH),
        (
            Difference::ScopeCeiling,
            NARROW.authorize_params("4"),
            NEITHER,
        ),
        (
            Difference::ScopeCeiling,
            NARROW.authorize_params("12"),
            BOTH,
        ),
    ] {
        compare(&mock, difference, recorded, async |sandbox| {
            sandbox.approve(&request).await
        })
        .await;
    }
    let preflight = async |sandbox: &SandboxClient| sandbox.request("OPTIONS", AUTHORIZE).await;
    compare(&mock, Difference::AuthorizePreflight, BOTH, preflight).await;
}

#[tokio::test]
async fn changes_since_the_recording_record_divergence() {
    use Difference as D;
    let mock = TestServer::documented().await;
    let device = async |sandbox: &SandboxClient, scope: &str| {
        let client = json!({ "grants": [DEVICE_GRANT], "allowed_scopes": 134_217_729 });
        sandbox.control("PATCH", "/clients/spa", client).await;
        let asked = Fields::new(&[("client_id", SPA.id), ("scope", scope)]);
        sandbox.post("/api/auth/oauth/device", &asked).await
    };
    let contracts = |recorded| {
        [
            (Contract::Documented, recorded),
            (Contract::Live2026_08, recorded),
        ]
    };
    let asks = async |sandbox: &SandboxClient| {
        let mut answer = device(sandbox, "134217729").await;
        answer.body.truncate(2);
        answer
    };
    compare_contracts(&mock, D::LinkConnect, contracts(true), asks).await;
    let asks = async |sandbox: &SandboxClient| device(sandbox, "2").await;
    compare_contracts(&mock, D::LinkConnect, contracts(false), asks).await;
    let asks = async |sandbox: &SandboxClient| {
        sandbox
            .control(
                "PATCH",
                "/clients/conf",
                json!({ "allowed_scopes": 536_870_911 }),
            )
            .await;
        sandbox
            .set(json!({ "differences": { "scope-syntax": "live" } }))
            .await;
        sandbox
            .token(&CONF.client_credentials().and("scope", "268435456"))
            .await
    };
    compare_contracts(&mock, D::AppStoreCatalogWrite, contracts(true), asks).await;
    let asks = async |sandbox: &SandboxClient| {
        sandbox
            .token(&CONF.client_credentials().and("scope", "1"))
            .await
    };
    compare_contracts(&mock, D::ClientCredentialsRefresh, contracts(true), asks).await;
    let post =
        async |sandbox: &SandboxClient, path: &str| sandbox.post(path, &Fields::default()).await;
    let asks = async |sandbox: &SandboxClient| post(sandbox, "/api/auth/oauth/introspect").await;
    compare_contracts(&mock, D::Introspection, contracts(true), asks).await;
    let asks = async |sandbox: &SandboxClient| post(sandbox, "/api/auth/oauth/device-deny").await;
    compare_contracts(&mock, D::DeviceDeny, contracts(true), asks).await;
    let asks =
        async |sandbox: &SandboxClient| sandbox.get("/.well-known/openid-configuration").await;
    compare_contracts(&mock, D::DiscoveryIntrospection, contracts(true), asks).await;
    let asks = async |sandbox: &SandboxClient| {
        let tokens = sandbox.tokens(&CONF, "1").await;
        sandbox
            .get("/api/v1/me")
            .header("authorization", &format!("Bearer {}", tokens.access))
            .await
    };
    compare(&mock, D::MeIsModerator, BOTH, asks).await;
}

#[tokio::test]
async fn token_records_divergence() {
    use Difference as D;
    let mock = TestServer::documented().await;
    let own = CONF.client_credentials();
    let scoped = own.clone().and("scope", "1");
    for (difference, request, recorded) in [
        (D::ScopeShape, scoped.clone(), BOTH),
        (D::ScopeSyntax, own.clone().and("scope", "1x"), BOTH),
        (
            D::MissingParameter,
            scoped.clone().without("client_id"),
            BOTH,
        ),
        (
            D::MissingParameter,
            scoped.clone().with("client_secret", "x"),
            NEITHER,
        ),
        (
            D::ClientCredentialsCeiling,
            own.clone().and("scope", "5"),
            BOTH,
        ),
        (D::ClientCredentialsCeiling, scoped.clone(), NEITHER),
        (D::ClientCredentialsScope, own.clone(), BOTH),
        (D::ClientCredentialsScope, own.and("scope", "x"), BOTH),
        (D::ClientCredentialsScope, scoped.clone(), NEITHER),
        (
            D::ClientCredentialsPublic,
            PUBLIC_CC.client_credentials().and("client_secret", "x"),
            BOTH,
        ),
        (D::ClientCredentialsPublic, scoped, NEITHER),
    ] {
        compare(&mock, difference, recorded, async |sandbox| {
            sandbox.token(&request).await
        })
        .await;
    }
    for (refreshed, recorded) in [("5", NEITHER), ("1", BOTH), ("7", BOTH), ("x", BOTH)] {
        let narrows = async |sandbox: &SandboxClient| {
            let tokens = sandbox.tokens(&CONF, "5").await;
            sandbox
                .token(&CONF.refresh_params(&tokens.refresh).and("scope", refreshed))
                .await
        };
        compare(&mock, D::RefreshScope, recorded, narrows).await;
    }
    for (secret, recorded) in [(true, BOTH), (false, NEITHER)] {
        let redeems = async |sandbox: &SandboxClient| {
            let exchange = SPA.redeem_params(&sandbox.code(&SPA, "1").await);
            let shown = exchange.clone().and("client_secret", "shipped");
            sandbox.token(if secret { &shown } else { &exchange }).await
        };
        compare(&mock, D::PublicClientSecret, recorded, redeems).await;
    }
    for (wait, recorded) in [(299, NEITHER), (301, BOTH), (601, NEITHER)] {
        let redeems = async |sandbox: &SandboxClient| {
            let exchange = CONF.redeem_params(&sandbox.code(&CONF, "1").await);
            sandbox.advance(wait).await;
            sandbox.token(&exchange).await
        };
        compare(&mock, D::CodeLifetime, recorded, redeems).await;
    }
}

#[tokio::test]
async fn other_endpoints_record_divergence() {
    let mock = TestServer::documented().await;
    let userinfo = async |sandbox: &SandboxClient| {
        sandbox
            .userinfo(&sandbox.tokens(&CONF, "1").await.access)
            .await
    };
    compare(&mock, Difference::UserinfoClaims, BOTH, userinfo).await;
    let buzz = async |sandbox: &SandboxClient| {
        let tokens = sandbox.tokens(&CONF, "1").await;
        SpendingApp::with(sandbox, &tokens.access)
            .call("buzz.getBuzzAccount")
            .await
    };
    compare(&mock, Difference::InsufficientScope, BOTH, buzz).await;
    for scope in ["1", "114689"] {
        let orders = async |sandbox: &SandboxClient| {
            let tokens = sandbox.tokens(&CONF, scope).await;
            SpendingApp::with(sandbox, &tokens.access)
                .submit(&json!({ "cost": 5 }))
                .await
        };
        let lacks = if scope == "1" {
            Difference::InsufficientScope
        } else {
            Difference::InsufficientFunds
        };
        compare(&mock, lacks, BOTH, orders).await;
    }
    // Whether the window of the other contract would be full is known where that contract has none.
    let limited = async |sandbox: &SandboxClient| {
        sandbox.set(json!({ "rate_limits": true })).await;
        for _ in 0..20 {
            sandbox.token(&CONF.client_credentials()).await;
        }
        sandbox.token(&CONF.client_credentials()).await
    };
    compare(&mock, Difference::RateLimitKey, (true, false), limited).await;
    // What is revoked differs, and the answer does not say so.
    let recorded = async |app: &App| {
        let tokens = mock.tokens(app, "1").await;
        mock.revoke(&app.revoke_params(&tokens.refresh)).await;
        recorded_divergence(&mock).await
    };
    assert_eq!(recorded(&CONF).await, ["revoke-by-client"]);
    assert_eq!(recorded(&OTHER).await, [""; 0], "ada's own app");
}

#[tokio::test]
async fn legacy_host_records_divergence() {
    let mut config = config(Contract::Documented);
    config.legacy_listen = Some("127.0.0.1:0".parse().expect("an address"));
    let mock = TestServer::start(config).await;
    let address = mock.server().legacy_address().expect("it listens");
    let old = SandboxClient::at(format!("http://{address}"));
    for (path, differs) in [(USERINFO, true), (AUTHORIZE, false)] {
        let mut statuses = Vec::new();
        for contract in [Contract::Documented, Contract::Live] {
            mock.set_difference(Difference::LegacyHost, contract).await;
            statuses.push(old.get(path).await.status);
            let recorded = recorded_divergence(&mock).await;
            let is_recorded = recorded.iter().any(|name| name == "legacy-host");
            assert_eq!(is_recorded, differs, "{path} {contract}: {recorded:?}");
        }
        assert_eq!(statuses[0] != statuses[1], differs, "{path}: {statuses:?}");
    }
}

#[tokio::test]
async fn automatic_registration_records_divergence() {
    let mock = TestServer::documented().await;
    for (kind, redirect_uri, differs) in [
        ("public", "http://app.example/callback", true),
        ("public", "https://app.example/callback", false),
        // A confidential app gets one grant more, which the answer does not say.
        ("confidential", "https://app.example/callback", true),
    ] {
        for contract in [Contract::Documented, Contract::Live] {
            mock.set_difference(Difference::RegistrationRules, contract)
                .await;
            let app = Fields::new(&[
                ("name", "My App"),
                ("description", "Does things"),
                ("redirect_uris", redirect_uri),
                ("origins", ""),
                ("kind", kind),
                ("preset", "AI Services"),
            ]);
            let cookie = mock.session("ada").await;
            mock.post("/user/account/new-app", &app)
                .cookie(&cookie)
                .await;
            let recorded = recorded_divergence(&mock).await;
            let is_recorded = recorded == ["registration-rules"];
            assert_eq!(
                is_recorded, differs,
                "{kind} {redirect_uri} {contract}: {recorded:?}"
            );
        }
    }
}
