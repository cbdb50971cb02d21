//! OpenID Connect: the discovery document, the published key, and the id tokens of the code grant. Keys are in
//! `openid_keys.rs`, third-party clients in `third_party_openid.rs`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{
    AUTHORIZE, CLI, CONF, CONFIGURATION, DEVICE_TOKEN, JWKS, ODD_SECRET, SPA, SandboxClient, TOKEN,
    TestServer,
};

#[tokio::test]
async fn the_discovery_document_names_every_endpoint() {
    let mock = TestServer::documented().await;
    let answer = mock.get(CONFIGURATION).await;
    assert_snapshot!(answer, @r#"
    200
    cache-control: public, max-age=86400
    content-type: application/json

    {"issuer":"http://mock","authorization_endpoint":"http://mock/api/auth/oauth/authorize","token_endpoint":"http://mock/api/auth/oauth/token","userinfo_endpoint":"http://mock/api/auth/oauth/userinfo","revocation_endpoint":"http://mock/api/auth/oauth/revoke","device_authorization_endpoint":"http://mock/api/auth/oauth/device","jwks_uri":"http://mock/.well-known/jwks.json","id_token_signing_alg_values_supported":["ES256"],"response_types_supported":["code"],"grant_types_supported":["authorization_code","refresh_token","client_credentials","urn:ietf:params:oauth:grant-type:device_code"],"code_challenge_methods_supported":["S256"],"token_endpoint_auth_methods_supported":["client_secret_post","none"],"scopes_supported":["1","2","4","8","16","32","64","128","256","512","1024","2048","4096","8192","16384","32768","65536","131072","262144","524288","1048576","2097152","4194304","8388608","16777216","33554432","67108864","134217728","268435456"],"subject_types_supported":["public"],"claims_supported":["sub","name","preferred_username","picture","email","email_verified"],"introspection_endpoint":"http://mock/api/auth/oauth/introspect","introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}
    "#);
    assert_eq!(answer.json()["issuer"], mock.base);
}

#[tokio::test]
async fn sandbox_is_its_own_issuer() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let document = sandbox.get(CONFIGURATION).await.json();
    assert_eq!(document["issuer"], sandbox.base);
    let document = document.as_object().expect("an object");
    let urls = document
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?)));
    for (name, url) in urls {
        assert!(url.starts_with(&sandbox.base), "{name}: {url}");
    }
    assert_ne!(sandbox.jwk().await["x"], mock.jwk().await["x"]);
    assert_eq!(sandbox.jwk().await, sandbox.jwk().await);
}

#[tokio::test]
async fn document_depends_on_neither_contract_nor_forwarded_headers() {
    let (documented, live) = (TestServer::documented().await, TestServer::live().await);
    let plain = documented.get(CONFIGURATION).await.json().to_string();
    let forwarded = documented
        .get(CONFIGURATION)
        .header("x-forwarded-host", "elsewhere.example")
        .await;
    assert_eq!(forwarded.json().to_string(), plain);
    let other = live.get(CONFIGURATION).await.json().to_string();
    assert_eq!(other.replace(&live.base, &documented.base), plain);
}

#[tokio::test]
async fn the_key_is_published_under_two_paths() {
    let mock = TestServer::documented().await;
    let answer = mock.get(JWKS).await;
    let jwk = mock.jwk().await;
    let mut shown = answer.to_string();
    for member in ["x", "y", "kid"] {
        let value = jwk[member].as_str().expect("text");
        assert_eq!(value.len(), 43, "32 bytes in base64url");
        shown = shown.replace(value, &format!("<{member}>"));
    }
    assert_snapshot!(shown, @r#"
    200
    cache-control: public, max-age=300, stale-while-revalidate=86400
    content-type: application/json

    {"keys":[{"kty":"EC","x":"<x>","y":"<y>","crv":"P-256","kid":"<kid>","use":"sig","alg":"ES256"}]}
    "#);
    let alias = mock.get("/api/auth/jwks").await;
    assert_eq!(alias.to_string(), answer.to_string());
}

#[tokio::test]
async fn documents_have_no_cors_and_accept_only_get() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for path in [CONFIGURATION, JWKS, "/api/auth/jwks"] {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE"] {
            let ask = mock.request(method, path);
            let answer = ask.header("origin", "https://elsewhere.example").await;
            let allow = answer.header("allow");
            table += &format!("{method} {path}: {}", answer.status);
            for (name, value) in [
                ("allow", allow),
                ("cache-control", answer.header("cache-control")),
            ] {
                table += &value
                    .map(|value| format!(", {name}: {value}"))
                    .unwrap_or_default();
            }
            table += "\n";
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    assert_snapshot!(table, @"
    GET /.well-known/openid-configuration: 200, cache-control: public, max-age=86400
    HEAD /.well-known/openid-configuration: 200, cache-control: public, max-age=86400
    OPTIONS /.well-known/openid-configuration: 405, allow: GET, HEAD
    POST /.well-known/openid-configuration: 405, allow: GET, HEAD
    DELETE /.well-known/openid-configuration: 405, allow: GET, HEAD
    GET /.well-known/jwks.json: 200, cache-control: public, max-age=300, stale-while-revalidate=86400
    HEAD /.well-known/jwks.json: 200, cache-control: public, max-age=300, stale-while-revalidate=86400
    OPTIONS /.well-known/jwks.json: 405, allow: GET, HEAD
    POST /.well-known/jwks.json: 405, allow: GET, HEAD
    DELETE /.well-known/jwks.json: 405, allow: GET, HEAD
    GET /api/auth/jwks: 200, cache-control: public, max-age=300, stale-while-revalidate=86400
    HEAD /api/auth/jwks: 200, cache-control: public, max-age=300, stale-while-revalidate=86400
    OPTIONS /api/auth/jwks: 405, allow: GET, HEAD
    POST /api/auth/jwks: 405, allow: GET, HEAD
    DELETE /api/auth/jwks: 405, allow: GET, HEAD
    ");
    let metadata = "/.well-known/oauth-authorization-server";
    assert_eq!(mock.get(metadata).await.status, 404);
}

#[tokio::test]
async fn id_token_has_subject_issuer_audience_and_times() {
    let mock = TestServer::documented().await;
    for sandbox in [SandboxClient::clone(&mock), mock.sandbox("x")] {
        let id_token = sandbox.id_token(&CONF, "a b é \"q\"").await;
        let header = jsonwebtoken::decode_header(&id_token).expect("a JWS");
        assert_eq!(
            json!(header),
            json!({ "typ": "JWT", "alg": "ES256", "kid": sandbox.jwk().await["kid"] })
        );
        let mut claims = sandbox.verified(&id_token, CONF.id).await.expect("valid");
        let time = |name: &str| claims[name].as_i64().expect("seconds");
        assert_eq!(time("exp") - time("iat"), 3600);
        assert!((0..30).contains(&(time("iat") - time("auth_time"))));
        for name in ["auth_time", "iat", "exp"] {
            claims[name] = "<seconds>".into();
        }
        let shown = Value::Object(claims)
            .to_string()
            .replace(&sandbox.base, "<base>");
        insta::allow_duplicates! { assert_snapshot!(shown, @r#"{"nonce":"a b é \"q\"","auth_time":"<seconds>","sub":"2","aud":"conf","iat":"<seconds>","exp":"<seconds>","iss":"<base>"}"#); }
    }
}

#[tokio::test]
async fn id_token_is_the_only_additional_member() {
    let mock = TestServer::live().await;
    let asked = SPA.authorize_params("5").and("nonce", "n-1");
    let code = mock.approve(&asked).await.code();
    let answer = mock.token(&SPA.redeem_params(&code)).await;
    let id_token = answer.text("id_token");
    mock.verified(&id_token, SPA.id).await.expect("valid");
    assert_snapshot!(answer.to_string().replace(&id_token, "<id token>"), @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":["5"],"id_token":"<id token>"}
    "#);
}

#[tokio::test]
async fn id_token_requires_a_nonce_and_the_code_grant() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let with_nonce = mock
        .approve(&CONF.authorize_params("1").and("nonce", "n-1"))
        .await
        .code();
    let with_nonce = mock.token(&CONF.redeem_params(&with_nonce)).await;
    let mut answers = vec![("a code with a nonce", with_nonce.clone())];

    for (what, asked) in [
        ("a code without a nonce", CONF.authorize_params("1")),
        (
            "a code with an empty nonce",
            CONF.authorize_params("1").and("nonce", ""),
        ),
    ] {
        let code = mock.approve(&asked).await.code();
        answers.push((what, mock.token(&CONF.redeem_params(&code)).await));
    }
    let refresh = CONF
        .refresh_params(&with_nonce.text("refresh_token"))
        .and("nonce", "n-1");
    answers.push(("a refresh", mock.token(&refresh).await));
    let own = CONF.client_credentials().and("nonce", "n-1");
    answers.push(("the client's own", mock.token(&own).await));
    let device = mock.device("1").await;
    mock.approve_device(&device).await;
    let claim = device.polls(CLI).and("nonce", "n-1");
    let claimed = mock.post(DEVICE_TOKEN, &claim).await;
    answers.push(("a device", claimed));

    let mut table = String::new();
    for (what, answer) in answers {
        let has = answer.json().get("id_token").is_some();
        table += &format!("{what}: {}, id token: {has}\n", answer.status);
    }
    assert_snapshot!(table, @"
    a code with a nonce: 200, id token: true
    a code without a nonce: 200, id token: false
    a code with an empty nonce: 200, id token: false
    a refresh: 200, id token: false
    the client's own: 200, id token: false
    a device: 200, id token: false
    ");
}

#[tokio::test]
async fn a_nonce_survives_the_consent_page() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let asked = CONF.authorize_params("1").and("nonce", "n-9").encoded();
    let sent = mock
        .get(&format!("{AUTHORIZE}?{asked}"))
        .cookie(&cookie)
        .await;
    let page = mock
        .get(&sent.location().as_str()[mock.base.len()..])
        .cookie(&cookie)
        .await;
    let form = page.page().forms().remove(0);
    let approved = mock.post(AUTHORIZE, &form.fields).cookie(&cookie).await;
    let answer = mock.token(&CONF.redeem_params(&approved.code())).await;
    let claims = mock.verified(&answer.text("id_token"), CONF.id).await;
    assert_eq!(claims.expect("valid")["nonce"], "n-9");
}

#[tokio::test]
async fn the_audience_is_the_client_id_of_the_body_or_unknown() {
    let mock = TestServer::documented().await;
    let asked = CONF.authorize_params("1").and("nonce", "n-1");
    let code = mock.approve(&asked).await.code();
    let body = CONF
        .redeem_params(&code)
        .without("client_id")
        .without("client_secret");
    let answer = mock
        .post(TOKEN, &body)
        .basic(CONF.id, CONF.secret.unwrap_or_default())
        .await;
    let id_token = answer.text("id_token");
    let claims = mock.verified(&id_token, "unknown").await;
    assert_eq!(claims.expect("valid")["aud"], "unknown");

    let code = mock.approve(&asked).await.code();
    let body = CONF
        .redeem_params(&code)
        .with("client_id", ODD_SECRET.id)
        .without("client_secret");
    let answer = mock
        .post(TOKEN, &body)
        .basic(CONF.id, CONF.secret.unwrap_or_default())
        .await;
    let id_token = answer.text("id_token");
    let claims = mock.verified(&id_token, ODD_SECRET.id).await;
    assert_eq!(claims.expect("valid")["aud"], ODD_SECRET.id);
}

#[tokio::test]
async fn id_token_of_another_sandbox_or_altered_fails_verification() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let id_token = mock.id_token(&CONF, "n-1").await;
    assert_ne!(sandbox.jwk().await["kid"], mock.jwk().await["kid"]);
    let error = sandbox
        .verified(&id_token, CONF.id)
        .await
        .expect_err("another key");
    assert_snapshot!(error, @"InvalidSignature");
    let error = mock
        .verified(&id_token, SPA.id)
        .await
        .expect_err("another audience");
    assert_snapshot!(error, @"InvalidAudience");
    let mut parts: Vec<&str> = id_token.split('.').collect();
    let other = mock.id_token(&CONF, "n-2").await;
    parts[1] = other.split('.').nth(1).expect("claims");
    let error = mock
        .verified(&parts.join("."), CONF.id)
        .await
        .expect_err("other claims");
    assert_snapshot!(error, @"InvalidSignature");
}

#[tokio::test]
async fn id_token_times_follow_the_sandbox_clock() {
    let mock = TestServer::documented().await;
    mock.advance(-7200).await;
    let stale = mock.id_token(&CONF, "n-1").await;
    let error = mock.verified(&stale, CONF.id).await.expect_err("long over");
    assert_snapshot!(error, @"ExpiredSignature");
}
