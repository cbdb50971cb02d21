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
    let explanation = &found["requests"][0]["reason"];
    match explanation["message"].as_str() {
        Some(rule) => format!(
            "{rule}\n  {}\n",
            explanation["fix"].as_str().unwrap_or_default()
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
        CONF.revoke_params(refresh).with("client_secret", "wrong"),
        bare.clone().and("client_id", CONF.id),
        bare.clone(),
        OTHER.revoke_params(refresh),
        SPA.revoke_params(&spa.refresh),
        CONF.revoke_params("civitai_00"),
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
    nothing was revoked, although the response is 200: the client_secret is wrong
      check client_secret
    nothing was revoked, although the response is 200: a confidential app must send its secret
      send client_secret with client_id in the body
    nothing was revoked, although the response is 200: the body contains no client_id of a registered app, and this endpoint ignores HTTP Basic
      send client_id, and client_secret if the app has one, in the body
    nothing was revoked, although the response is 200: this app cannot revoke the token: as documented, a confidential app revokes the tokens issued to it, and on the deployed server those of its owner; a public app revokes at most those issued to it
      have the user revoke it, on the account page or signed in to this browser
    nothing was revoked, although the response is 200: a public app cannot revoke tokens, as documented and on the server of 2026-08; today's deployed server revokes the tokens that were issued to it
      have the user revoke it, on the account page or signed in to this browser; or register the app as confidential
    nothing to say
    ");
    assert!(mock.is_active(&tokens.access).await && mock.is_active(&spa.access).await);
    assert_eq!(mock.revoke(&CONF.revoke_params(refresh)).await.status, 200);
    assert_eq!(explanation(&mock).await, "nothing to say\n");
    assert!(!mock.is_active(&tokens.access).await);
    let found = mock.findings().await;
    for (id, client) in [
        ("revoke-without-effect", "conf"),
        ("revoke-by-public-client", "spa"),
    ] {
        let of_rule: Vec<_> = found.iter().filter(|one| one["rule_id"] == id).collect();
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
        .token(&SPA.refresh_params("civitai_00").with("client_secret", "x"))
        .await;
    explanations += &refused(&mock, public).await;
    for app in [SPA, CONF] {
        let device = app
            .client_credentials()
            .with("grant_type", DEVICE_GRANT)
            .and("device_code", "x");
        let device = mock.token(&device).await;
        explanations += &refused(&mock, device).await;
    }
    assert_snapshot!(explanations, @"
    HTTP Basic credentials are not percent-decoded, and they take precedence over the body
      send client_id and client_secret in the body (client_secret_post), or without percent-encoding
    wrong client_secret for Conf App
      check client_secret; get a new one on the account page or with POST /_mock/clients/{id}/rotate-secret
    Public App is public, and the request has a client_secret
      omit client_secret, or register the app as confidential
    the device grant is exchanged only at /device-token, which the discovery document does not list
      poll POST /api/auth/oauth/device-token; if a library polls its token endpoint, configure this URL as its token endpoint
    the device grant is exchanged only at /device-token, which the discovery document does not list
      poll POST /api/auth/oauth/device-token; if a library polls its token endpoint, configure this URL as its token endpoint
    ");
    let found = mock.findings().await;
    for id in ["basic-auth-percent-encoded", "device-grant-at-token"] {
        assert!(
            found
                .iter()
                .any(|one| one["rule_id"] == id && one["severity"] == "error"),
            "{id}"
        );
    }
}

#[tokio::test]
async fn ignored_body_is_named() {
    let explanations = async |contract| {
        let mock = TestServer::start(crate::support::config(contract)).await;
        let form = CONF.client_credentials().encoded();
        let plain = mock.request("POST", TOKEN).body("text/plain", form).await;
        let explanations = refused(&mock, plain).await;
        let json = json!({ "client_id": CONF.id, "scope": "1" });
        let device = mock
            .request("POST", "/api/auth/oauth/device")
            .json(&json)
            .await;
        explanations + &refused(&mock, device).await
    };
    let documented = explanations(Contract::Documented).await;
    assert_snapshot!(documented, @"
    a body that is not a form, JSON or multipart counts as empty
      send the Content-Type of the body, application/x-www-form-urlencoded
    this endpoint reads only forms: a JSON body counts as empty
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
        let sent = CONF.redeem_params(&code).with("redirect_uri", uri);
        explanations += &refused(&mock, mock.token(&sent).await).await;
    }
    assert_snapshot!(explanations, @r#"
    redirect_uri "https://app.example/other" is not that of the authorize request, "https://app.example/callback"; the path differs
      send the same text in both requests, and start a new authorization
    the complete redirect URI of the authorize request must be sent again; this attempt has invalidated the code; redirect_uri was ""
      send redirect_uri, for example http://localhost:3000/callback, and start a new authorization
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
        let answer = mock
            .approve(&CONF.authorize_params("1").with(name, &value))
            .await;
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
      register the app with an id of letters, digits, "-", "." and "_", and send that id
    400 invalid_client: Unknown client_id
    client_id: "a:b" has a colon, at which HTTP Basic ends the client id
      register the app with an id of letters, digits, "-", "." and "_", and send that id
    400 invalid_client: Unknown client_id
    no app has the client_id "unknown"
      use an id from GET /_mock/clients, or register the app in the seed or on the account page
    "#);
}

#[tokio::test]
async fn another_method_and_an_error_of_the_mock_have_a_reason() {
    let mock = TestServer::documented().await;
    let mut explanations = String::new();
    for ask in [
        mock.get(TOKEN),
        mock.request("DELETE", "/api/v1/me"),
        mock.get("/api/auth/oauth/authorize")
            .header("x-mock-user", "adda"),
        mock.get("/api/oauth/nothing"),
    ] {
        explanations += &refused(&mock, ask.await).await;
    }
    assert_snapshot!(explanations, @r#"
    this path does not support the method GET
      use a method from the response's Allow header
    this path does not support the method DELETE
      use a method from the response's Allow header
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
        let anonymous = mock.request("POST", WORKFLOWS).json(&costly);
        explanations += &refused(&mock, ada.submit(&costly).await).await;
        explanations += &refused(&mock, ada.submit(&json!({ "cost": -1 })).await).await;
        explanations += &refused(&mock, found.await).await;
        explanations += &refused(&mock, reader.submit(&costly).await).await;
        explanations += &refused(&mock, unknown.submit(&costly).await).await;
        explanations += &refused(&mock, anonymous.await).await;
    }
    assert_snapshot!(explanations, @"
    the cost of 10 exceeds the balance of 9 (blue, green, yellow)
      add buzz with PATCH /_mock/users/{id}, or tell the user what is missing
    cost: The value '-1' is not valid for cost: a whole number of buzz.
      correct that key
    this user and app have no workflow or picture with this id
      use the id of a workflow that the same app submitted for the same user
    the access token lacks AIServicesWrite; it has UserRead
      request the scope at authorize; the token response lists the granted scope
    access token unknown: no request in the journal has issued it
      check that the app sends the access_token of this server and sandbox; refresh once, and have the user sign in again if that is rejected
    the call requires the header Authorization: Bearer with the access token and a capital B; most clients remove it when a redirect leads to another host
      send the header directly to the host that answers
    the cost of 10 exceeds the balance of 9 (blue, green, yellow)
      add buzz with PATCH /_mock/users/{id}, or tell the user what is missing
    cost: The value '-1' is not valid for cost: a whole number of buzz.
      correct that key
    this user and app have no workflow or picture with this id
      use the id of a workflow that the same app submitted for the same user
    the access token lacks AIServicesWrite; it has UserRead
      request the scope at authorize; the token response lists the granted scope
    access token unknown: no request in the journal has issued it
      check that the app sends the access_token of this server and sandbox; refresh once, and have the user sign in again if that is rejected
    the call requires the header Authorization: Bearer with the access token and a capital B; most clients remove it when a redirect leads to another host
      send the header directly to the host that answers
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
        let answer = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
        assert!(answer.status >= 400, "{answer}");
        explanations += &explanation(&mock).await;
    }
    assert_snapshot!(explanations, @"
    fault 1 replaced the response; in production, this response means: the limit of requests per minute is exceeded
      wait until the minute has passed; send fewer requests, with a backoff
    fault 2 replaced the response; in production, this response means: a refresh token works once: the response contains the next one; it may also have expired or been revoked
      store the new refresh token first, run one refresh at a time, and have the user sign in again after this error
    fault 3 replaced the response
      list the faults with GET /_mock/faults, and DELETE those that you no longer need
    ");
    let _: Tokens = Tokens::from_response(&mock.token(&CONF.refresh_params(&tokens.refresh)).await);
}
