//! Changes of the deployed server since the recording of 2026-08, and scope bits that do not exist yet.

use std::path::Path;

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{
    CLI, CONF, CONSENT_PAGE, DEVICE, DEVICE_APPROVE, DEVICE_INFO, DEVICE_TOKEN, Device, Fields, ME,
    OTHER, REVOKE, SPA, TestServer, USERINFO, WORKFLOWS, config,
};

const INTROSPECT: &str = "/api/auth/oauth/introspect";
const DEVICE_DENY: &str = "/api/auth/oauth/device-deny";

#[tokio::test]
async fn devices_are_limited_by_address_and_by_device_code() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    mock.set(json!({ "rate_limits": true })).await;
    let device = mock.device("1").await;
    for _ in 0..20 {
        assert_eq!(
            mock.poll(&device).await.text("error"),
            "authorization_pending"
        );
    }
    assert_snapshot!(mock.poll(&device).await.summary(), @"429 rate_limited");
    let other = mock.device("1").await;
    assert_eq!(
        mock.poll(&other).await.text("error"),
        "authorization_pending"
    );
    // By address, whatever the code; what lacks a parameter is not counted.
    let poll = async |fields: Fields| {
        let asked = mock.post(DEVICE_TOKEN, &fields);
        asked.header("x-forwarded-for", "203.0.113.1").await.status
    };
    for number in 0..240 {
        let unknown = Device {
            device_code: number.to_string(),
            user_code: String::new(),
        };
        assert_eq!(poll(unknown.polls(CLI)).await, 400, "{number}");
        assert_eq!(poll(unknown.polls(CLI).without("client_id")).await, 400);
    }
    assert_eq!(poll(other.polls(CLI)).await, 429);
    assert_eq!(
        mock.poll(&other).await.status,
        400,
        "no address, no limit by it"
    );
}

#[tokio::test]
async fn denied_device_gets_access_denied_and_its_code_is_used_up() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let cookie = mock.session("ada").await;
    let code = Fields::new(&[("user_code", &device.user_code)]);
    let deny = async || mock.post(DEVICE_DENY, &code).cookie(&cookie).await;
    assert_eq!(deny().await.body, r#"{"success":true}"#);
    for path in [DEVICE_DENY, DEVICE_APPROVE, DEVICE_INFO] {
        let again = mock.post(path, &code).cookie(&cookie).await;
        let used_up = "400 invalid_code: Invalid or expired code";
        assert_eq!(again.summary(), used_up, "{path}");
    }
    assert_eq!(mock.poll(&device).await.text("error"), "access_denied");
}

#[tokio::test]
async fn a_refresh_may_name_every_bit_of_its_token() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let link = json!({ "allowed_scopes": "Full Access,LinkConnect" });
    mock.control("PATCH", "/clients/cli", link).await;
    let device = mock.device("134217729").await;
    mock.approve_device(&device).await;
    let tokens = mock.poll(&device).await;
    let refresh = Fields::new(&[
        ("grant_type", "refresh_token"),
        ("client_id", CLI),
        ("refresh_token", &tokens.text("refresh_token")),
        ("scope", &tokens.text("scope")),
    ]);
    let refreshed = mock.token(&refresh).await;
    assert_eq!(refreshed.json()["scope"], "134217729", "{refreshed}");
}

#[tokio::test]
async fn endpoints_newer_than_the_recording_get_404() {
    let mock = TestServer::recorded().await;
    for path in [INTROSPECT, DEVICE_DENY] {
        for method in ["POST", "GET", "PUT", "OPTIONS"] {
            let answer = mock.request(method, path).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    let output = mock.get("/_mock/contract").await.json();
    assert_eq!(output["scopes"].as_array().map(Vec::len), Some(27));
}

#[tokio::test]
async fn revoke_by_public_client_ends_its_tokens_regardless_of_session() {
    for (contract, ended) in [
        (Contract::Live, true),
        (Contract::Documented, false),
        (Contract::Live2026_08, false),
    ] {
        let mock = TestServer::start(config(contract)).await;
        let tokens = mock.signs_in(&SPA, "1").await;
        let cookie = mock.session("tess").await;
        let sent = Fields::new(&[("client_id", SPA.id), ("token", &tokens.access)]);
        mock.post(REVOKE, &sent).cookie(&cookie).await;
        assert_eq!(mock.is_active(&tokens.access).await, !ended, "{contract}");
        let other = mock.tokens(&CONF, "1").await.access;
        mock.post(REVOKE, &sent.with("token", &other)).await;
        assert!(mock.is_active(&other).await, "{contract}");
    }
}

#[tokio::test]
async fn catalog_token_is_rejected_elsewhere() {
    let mock = TestServer::live().await;
    let wide = json!({ "allowed_scopes": "Full Access,AppStoreCatalogWrite" });
    mock.control("PATCH", "/clients/other", wide).await;
    let answer = mock
        .token(&OTHER.client_credentials().and("scope", "268435456"))
        .await;
    let token = answer.text("access_token");
    let mut output = answer.json()["scope"].to_string() + "\n";
    for path in [
        USERINFO,
        ME,
        "/api/trpc/buzz.getBuzzAccount",
        &format!("{WORKFLOWS}/wf_1"),
    ] {
        let status = mock
            .get(path)
            .header("authorization", &format!("Bearer {token}"))
            .await
            .status;
        output += &format!("{path} {status}\n");
    }
    let asks = OTHER.authorize_params("268435457");
    output += &mock.approve(&asks).await.summary();
    assert_snapshot!(output, @r#"
    ["268435457"]
    /api/auth/oauth/userinfo 401
    /api/v1/me 401
    /api/trpc/buzz.getBuzzAccount 401
    /v2/consumer/workflows/wf_1 401
    400 invalid_scope: Invalid scope value
    "#);
}

#[tokio::test]
async fn me_has_is_moderator_for_a_session_or_a_token_with_user_read() {
    for (contract, has_it) in [
        (Contract::Live, true),
        (Contract::Documented, false),
        (Contract::Live2026_08, false),
    ] {
        let mock = TestServer::start(config(contract)).await;
        let cookie = mock.session("modo").await;
        let by_session = mock.get(ME).cookie(&cookie).await.json();
        let expected = has_it.then(|| json!(true));
        assert_eq!(by_session.get("isModerator"), expected.as_ref());
        for (scope, expected) in [(32769, expected.as_ref()), (32768, None)] {
            let asked = json!({ "client_id": "conf", "user": "modo", "scope": scope,
                "exact_scope": true });
            let issued = mock.control("POST", "/tokens", asked).await;
            let token = issued["access_token"].as_str().expect("a token");
            let me = mock.get(&format!("{ME}?token={token}")).await.json();
            assert_eq!(me.get("isModerator"), expected, "{contract} {scope}");
        }
    }
}

#[tokio::test]
async fn consent_page_rejects_the_catalog_scope() {
    for (contract, forms) in [
        (Contract::Live, 0),
        (Contract::Documented, 0),
        (Contract::Live2026_08, 2),
    ] {
        let mock = TestServer::start(config(contract)).await;
        let cookie = mock.session("ada").await;
        let path = format!(
            "{CONSENT_PAGE}?{}",
            CONF.authorize_params("268435457").encoded()
        );
        let answer = mock.get(&path).cookie(&cookie).await;
        assert_eq!(answer.status, 200, "{contract}");
        assert_eq!(answer.page().forms().len(), forms, "{contract}");
        let is_invalid = answer.body.contains("Invalid application");
        assert_eq!(is_invalid, forms == 0, "{contract}");
    }
}

/// A bit that Civitai does not have yet, 2^30.
const COMING: u32 = 1 << 30;

fn declared() -> Value {
    json!([{ "value": COMING, "name": "Coming", "label": "Do what comes" }])
}

#[tokio::test]
async fn declared_scope_is_accepted_everywhere() {
    for contract in Contract::ALL {
        let mock = TestServer::start(config(contract)).await;
        let sandbox = mock.sandbox("x");
        sandbox.set(json!({ "scopes": declared() })).await;
        let names = json!({ "allowed_scopes": ["UserRead", "Coming"] });
        let client = sandbox.control("PATCH", "/clients/conf", names).await;
        assert_eq!(client["allowed_scopes"], COMING + 1);
        let asked = (COMING + 1).to_string();
        let tokens = sandbox.tokens(&CONF, &asked).await;
        let token = json!({ "token": tokens.access });
        let shown = sandbox.control("POST", "/tokens/introspect", token).await;
        assert_eq!(shown["scopes"], json!(["UserRead", "Coming"]), "{contract}");
        let cookie = sandbox.session("ada").await;
        let page = format!(
            "/login/oauth/authorize?{}",
            CONF.authorize_params(&asked).encoded()
        );
        let page = sandbox.get(&page).cookie(&cookie).await;
        assert!(page.body.contains("Do what comes"), "{contract}");
        let discovery = sandbox
            .get("/.well-known/openid-configuration")
            .await
            .json();
        let listed = discovery["scopes_supported"].as_array().expect("a list");
        assert_eq!(listed.last(), Some(&json!(COMING.to_string())));
        let asked_for = json!({ "client_id": "conf", "user": "ada", "scope": ["Coming"] });
        let issued = sandbox.control("POST", "/tokens", asked_for).await;
        assert!(issued["scope"].to_string().contains(&asked), "{issued}");
        // Another sandbox does not know it.
        let refused = mock.approve(&CONF.authorize_params(&asked)).await;
        assert_eq!(
            refused.summary(),
            "400 invalid_scope: Invalid scope value",
            "{contract}"
        );
    }
}

#[tokio::test]
async fn a_seed_declares_scopes_that_a_reset_keeps() {
    let seed = "[[scopes]]\nvalue = 1073741824\nname = \"Coming\"\n[[users]]\nid = 1\n[[clients]]\nid = \"a\"\n\
                name = \"A\"\nallowed_scopes = \"Coming\"\n";
    let mut from_file = config(Contract::Documented);
    from_file
        .set_seed(seed, Path::new("seed.toml"))
        .expect("a seed");
    let mock = TestServer::start(from_file).await;
    let own = json!({ "name": "own", "seed": seed });
    mock.control("POST", "/sandboxes", own).await;
    for sandbox in [mock.sandbox("own"), mock.sandbox("servers")] {
        sandbox.set(json!({ "scopes": [] })).await;
        sandbox.control("POST", "/reset", json!({})).await;
        let settings = sandbox.get("/_mock/settings").await.json();
        assert_eq!(settings["scopes"][0]["label"], "Coming");
        let client = sandbox.get("/_mock/clients/a").await.json();
        assert_eq!(client["allowed_scopes"], COMING);
    }
}

#[tokio::test]
async fn invalid_scope_declaration_is_rejected() {
    let mock = TestServer::documented().await;
    let mut output = String::new();
    for scopes in [
        json!([{ "value": 3, "name": "Three" }]),
        json!([{ "value": 4, "name": "Four" }]),
        json!([{ "value": COMING, "name": "UserRead" }]),
        json!([{ "value": COMING, "name": "a b" }]),
        json!([{ "value": COMING, "name": "A" }, { "value": COMING, "name": "B" }]),
        json!([{ "value": COMING, "name": "A", "label": "x".repeat(1024) }]),
    ] {
        let patch = json!({ "scopes": scopes });
        let answer = mock
            .request("PATCH", "/_mock/settings")
            .json(&patch)
            .await
            .json();
        output += &format!("{}: {}\n", answer["path"], answer["message"]);
    }
    assert_snapshot!(output, @r#"
    "scopes[0]": "3 is no single bit: write a power of two"
    "scopes[0]": "bit 4 is known: it is ModelsRead"
    "scopes[0]": "the name \"UserRead\" is taken"
    "scopes[0]": "\"a b\" is no scope name: write letters and digits, such as ModelsRead"
    "scopes": "B (1073741824) is declared twice"
    "scopes": "name and label of bit 1073741824 have 1025 bytes; at most 1024 are stored"
    "#);
}

#[tokio::test]
async fn unknown_client_may_request_every_scope() {
    for contract in Contract::ALL {
        let mock = TestServer::start(config(contract)).await;
        mock.set(json!({ "unknown_clients": "register" })).await;
        let scope = (COMING | 1).to_string();
        let asked = Fields::new(&[("client_id", "new-app"), ("scope", &scope)]);
        assert_eq!(mock.post(DEVICE, &asked).await.status, 200, "{contract}");
        let asks = CONF.authorize_params(&scope).with("client_id", "new-app");
        let location = mock.approve(&asks).await;
        assert!(
            location.location_param("code").is_some(),
            "{contract}: {location}"
        );
        let narrow = json!({ "allowed_scopes": 1 });
        mock.control("PATCH", "/clients/new-app", narrow).await;
        assert_eq!(mock.post(DEVICE, &asked).await.status, 400, "{contract}");
    }
}
