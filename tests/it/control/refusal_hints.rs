//! Reasons of rejections in the journal, for responses that alone would mislead.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    CONF, DEVICE_GRANT, Fields, OTHER, REVOKE, SPA, SandboxClient, SignIn, SpendingApp, TOKEN,
    TestResponse, TestServer, Tokens, WORKFLOWS,
};

/// The journal's explanation of the newest exchange.
async fn explanation(sandbox: &SandboxClient) -> String {
    let found = sandbox.control("GET", "/requests?limit=1", json!({})).await;
    let explanation = &found["requests"][0]["why"];
    match explanation["rule"].as_str() {
        Some(rule) => format!(
            "{rule}\n  {}\n",
            explanation["mend"].as_str().unwrap_or_default()
        ),
        None => "nothing to say\n".to_owned(),
    }
}

async fn refused(sandbox: &SandboxClient, answer: TestResponse) -> String {
    assert!((400..500).contains(&answer.status), "{answer}");
    explanation(sandbox).await
}

#[tokio::test]
async fn a_revocation_without_effect_is_explained() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let spa = mock.signs_in(&SPA, "1").await;
    let refresh = &tokens.refresh;
    let bare = Fields::new(&[("token", refresh)]);
    let mut explanations = String::new();
    for sent in [
        CONF.revokes(refresh).with("client_secret", "wrong"),
        bare.clone().and("client_id", CONF.id),
        bare.clone(),
        OTHER.revokes(refresh),
        SPA.revokes(&spa.refresh),
        CONF.revokes("civitai_00"),
    ] {
        let answer = mock.post(REVOKE, &sent).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (200, "{}"),
            "as Civitai answers"
        );
        explanations += &explanation(&mock).await;
    }
    assert_snapshot!(explanations, @"
    nothing was revoked, whatever the answer says: that is not the app's secret
      check client_secret
    nothing was revoked, whatever the answer says: a confidential app shows its secret
      send client_secret beside client_id, in the body
    nothing was revoked, whatever the answer says: the body names no app that is registered, and HTTP Basic is not read here
      send client_id, and the client_secret of an app that has one, in the body
    nothing was revoked, whatever the answer says: it is not this app's to revoke: as documented a confidential app ends the tokens issued to it, on the deployed server those of its owner; a public app at most those issued to it
      have the person revoke it, on the account page or signed in at this browser
    nothing was revoked, whatever the answer says: a public app has no say, as documented and at the server of 2026-08; today's deployed server ends the tokens that were issued to it
      have the person revoke it, on the account page or signed in at this browser; or register the app as confidential
    nothing to say
    ");
    assert!(mock.is_live(&tokens.access).await && mock.is_live(&spa.access).await);
    assert_eq!(mock.revoke(&CONF.revokes(refresh)).await.status, 200);
    assert_eq!(explanation(&mock).await, "nothing to say\n");
    assert!(!mock.is_live(&tokens.access).await);
    let found = mock.findings().await;
    for (id, client) in [
        ("revoke-without-effect", "conf"),
        ("revoke-by-public-client", "spa"),
    ] {
        let of_rule: Vec<_> = found.iter().filter(|one| one["id"] == id).collect();
        assert_eq!(of_rule.len(), 1, "{found:?}");
        assert_eq!(of_rule[0]["client_id"], client);
    }
}

#[tokio::test]
async fn percent_encoded_basic_is_distinguished_from_a_wrong_secret() {
    let mock = TestServer::documented().await;
    let own = Fields::new(&[("grant_type", "client_credentials")]);
    let encoded = mock.post(TOKEN, &own).basic("odd%2Dsecret", "x").await;
    let mut explanations = refused(&mock, encoded).await;
    let wrong = mock.post(TOKEN, &own).basic(CONF.id, "x").await;
    explanations += &refused(&mock, wrong).await;
    let public = mock
        .token(&SPA.refreshes("civitai_00").with("client_secret", "x"))
        .await;
    explanations += &refused(&mock, public).await;
    for app in [SPA, CONF] {
        let device = app
            .for_itself()
            .with("grant_type", DEVICE_GRANT)
            .and("device_code", "x");
        let device = mock.token(&device).await;
        explanations += &refused(&mock, device).await;
    }
    assert_snapshot!(explanations, @"
    what HTTP Basic says is not percent-decoded here, and it counts before what the body says
      send client_id and client_secret in the body (client_secret_post), or the two as they are
    the app must be who it says: known, and with its secret where it is confidential
      check client_id and client_secret; a new secret comes from the account page or POST /_mock/clients/{id}/rotate-secret
    the app is registered as public: it has no secret, and may not send one
      leave client_secret out, or register the app as confidential
    the device grant is exchanged at /device-token and nowhere else; the discovery document does not name it
      poll POST /api/auth/oauth/device-token; a library that asks the token endpoint needs that one told as its own
    the device grant is exchanged at /device-token and nowhere else; the discovery document does not name it
      poll POST /api/auth/oauth/device-token; a library that asks the token endpoint needs that one told as its own
    ");
    let found = mock.findings().await;
    for id in ["basic-encoded", "device-grant-at-token"] {
        assert!(
            found
                .iter()
                .any(|one| one["id"] == id && one["severity"] == "error"),
            "{id}"
        );
    }
}

#[tokio::test]
async fn ignored_body_is_named() {
    let explanations = async |contract| {
        let mock = TestServer::start(crate::support::config(contract)).await;
        let form = CONF.for_itself().encoded();
        let plain = mock.ask("POST", TOKEN).body("text/plain", form).await;
        let explanations = refused(&mock, plain).await;
        let json = json!({ "client_id": CONF.id, "scope": "1" });
        let device = mock.ask("POST", "/api/auth/oauth/device").json(&json).await;
        explanations + &refused(&mock, device).await
    };
    let documented = explanations(Contract::Documented).await;
    assert_snapshot!(documented, @"
    a body that is no form, JSON or multipart counts as empty
      send the Content-Type that the body has, application/x-www-form-urlencoded
    this endpoint reads forms only: a body of JSON counts as empty
      send application/x-www-form-urlencoded
    ");
    assert_eq!(explanations(Contract::Live).await, documented);
}

#[tokio::test]
async fn different_redirect_uri_is_not_called_malformed() {
    let mock = TestServer::documented().await;
    let mut explanations = String::new();
    for uri in ["https://app.example/other", ""] {
        let code = mock.code(&CONF, "1").await;
        let sent = CONF.redeems(&code).with("redirect_uri", uri);
        explanations += &refused(&mock, mock.token(&sent).await).await;
    }
    assert_snapshot!(explanations, @r#"
    the redirect URI must be the one of the authorize request, character for character; this try has used the code up; redirect_uri was "https://app.example/other"
      send the very same text both times, and begin a new authorization
    the redirect URI of the authorize request must be sent again, whole; this try has used the code up; redirect_uri was ""
      send redirect_uri, for example http://localhost:3000/callback, and begin a new authorization
    "#);
}

#[tokio::test]
async fn a_parameter_beyond_a_bound_is_named_with_its_length() {
    let mock = TestServer::documented().await;
    let long = "x".repeat(2049);
    let mut explanations = String::new();
    for (name, value) in [
        ("redirect_uri", format!("http://localhost:3000/{long}")),
        (
            "redirect_uri",
            format!("http://localhost:3000/{}", "x".repeat(9000)),
        ),
        ("nonce", long.clone()),
        ("code_challenge", long),
        ("client_id", "x".repeat(256)),
        ("client_id", "a:b".to_owned()),
        ("client_id", "unknown".to_owned()),
    ] {
        let answer = mock.approve(&CONF.asks("1").with(name, &value)).await;
        let summary = answer.summary();
        explanations += &format!("{summary}\n{}", refused(&mock, answer).await);
    }
    assert_snapshot!(explanations, @r#"
    400 invalid_request: redirect_uri does not match any registered URI
    redirect_uri has 2071 bytes; at most 2048 are stored
      send a shorter redirect_uri
    400 invalid_request: redirect_uri does not match any registered URI
    redirect_uri has 9022 bytes; at most 2048 are stored
      send a shorter redirect_uri
    400 invalid_request: Invalid parameter: `nonce`
    nonce has 2049 bytes; at most 2048 are stored
      send a shorter nonce
    400 invalid_request: Invalid parameter: `code_challenge`
    code_challenge has 2049 bytes; at most 2048 are stored
      send a shorter code_challenge
    400 invalid_client: Unknown client_id
    client_id: 256 bytes; a client id has at most 255
      register the app with an id of letters, digits, "-", "." and "_", and send that
    400 invalid_client: Unknown client_id
    client_id: "a:b" has a colon, at which HTTP Basic ends the client id
      register the app with an id of letters, digits, "-", "." and "_", and send that
    400 invalid_client: Unknown client_id
    the app must be registered; client_id was "unknown"
      use an id that GET /_mock/clients lists, or register the app
    "#);
}

#[tokio::test]
async fn another_method_and_an_error_of_the_mock_have_a_reason() {
    let mock = TestServer::documented().await;
    let mut explanations = String::new();
    for ask in [
        mock.get(TOKEN),
        mock.ask("DELETE", "/api/v1/me"),
        mock.get("/api/auth/oauth/authorize")
            .header("x-mock-user", "adda"),
        mock.get("/api/oauth/nothing"),
    ] {
        explanations += &refused(&mock, ask.await).await;
    }
    assert_snapshot!(explanations, @r#"
    this path does not take the method GET
      use a method of the answer's Allow header
    this path does not take the method DELETE
      use a method of the answer's Allow header
    X-Mock-User: no user "adda"
      did you mean "ada"?
    nothing answers at /api/oauth/nothing
      the OAuth endpoints are below /api/auth/oauth, sandboxes below /_sandbox/{name} (letters, digits, - _ . and at most 64 of them), control calls below /_mock, MCP is at /mcp
    "#);
}

#[tokio::test]
async fn a_refused_workflow_has_a_reason() {
    let mut explanations = String::new();
    for contract in [Contract::Documented, Contract::Live] {
        let mock = TestServer::start(crate::support::config(contract)).await;
        let ada = SpendingApp::funded(&mock, &CONF, 9).await;
        let reader = SpendingApp::with(&mock, &mock.tokens(&CONF, "1").await.access);
        let costly = json!({ "cost": 10, "steps": [{}] });
        let unknown = SpendingApp::with(&mock, "x");
        let found = ada.get(&format!("{WORKFLOWS}/wf_1"));
        let anonymous = mock.ask("POST", WORKFLOWS).json(&costly);
        explanations += &refused(&mock, ada.submit(&costly).await).await;
        explanations += &refused(&mock, ada.submit(&json!({ "cost": -1 })).await).await;
        explanations += &refused(&mock, found.await).await;
        explanations += &refused(&mock, reader.submit(&costly).await).await;
        explanations += &refused(&mock, unknown.submit(&costly).await).await;
        explanations += &refused(&mock, anonymous.await).await;
    }
    assert_snapshot!(explanations, @"
    the cost is more than the user's buzz of an accepted kind, or than the app's budget
      ask the user to raise the limit, or give buzz by PATCH /_mock/users/{id}; GET /_mock/spends shows the budgets
    cost: The value '-1' is not valid for cost: a whole number of buzz.
      correct that key
    no workflow or picture of this user and app has the id
      use the id of a workflow that the same app has submitted for the same user
    the token does not carry the scope that this call needs
      ask for the scope at authorize; the token's own scope says what it has
    the access token is unknown, has run out after an hour, or was revoked, or its user is gone
      refresh once and try again; when that is refused, sign in again
    the call needs Authorization: Bearer with the access token, with a capital B; a redirect to another host loses the header
      send the header, to the host that answers
    the cost is more than the user's buzz of an accepted kind, or than the app's budget
      ask the user to raise the limit, or give buzz by PATCH /_mock/users/{id}; GET /_mock/spends shows the budgets
    cost: The value '-1' is not valid for cost: a whole number of buzz.
      correct that key
    no workflow or picture of this user and app has the id
      use the id of a workflow that the same app has submitted for the same user
    the token does not carry the scope that this call needs
      ask for the scope at authorize; the token's own scope says what it has
    the access token is unknown, has run out after an hour, or was revoked, or its user is gone
      refresh once and try again; when that is refused, sign in again
    the call needs Authorization: Bearer with the access token, with a capital B; a redirect to another host loses the header
      send the header, to the host that answers
    ");
}

#[tokio::test]
async fn fault_responses_have_no_hint() {
    let mock = TestServer::documented().await;
    let tokens = SignIn::new(&CONF).signs_in(&mock, "1").await;
    let mut explanations = String::new();
    for preset in ["rate-limited", "refresh-revoked", "token-endpoint-down"] {
        let path = format!("/faults/presets/{preset}");
        mock.control("POST", &path, json!({ "times": 1 })).await;
        let answer = mock.token(&CONF.refreshes(&tokens.refresh)).await;
        assert!(answer.status >= 400, "{answer}");
        explanations += &explanation(&mock).await;
    }
    assert_snapshot!(explanations, @"
    fault 1 answered this, whatever the request was; in production it would mean that so many calls within a minute are too many
      wait for the minute to pass; ask less often, with a backoff
    fault 2 answered this, whatever the request was; in production it would mean that a refresh token works once: with its answer comes the next; it may also have expired or been revoked
      store the new refresh token before anything else, let one refresh be under way at a time, and sign in again when this comes
    nothing to say
    ");
    let _: Tokens = Tokens::from_response(&mock.token(&CONF.refreshes(&tokens.refresh)).await);
}
