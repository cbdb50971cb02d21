//! `MockServer`: errors of failed operations, and what they never reveal.

use civitai_oauth_mock::control::{
    ClientSpec, Endpoint, Expect, Fault, Filter, GrantType, NewCode, NewTokens, Preset, UserSpec,
};
use civitai_oauth_mock::{MockError, MockServer, Scope};
use insta::assert_snapshot;

use crate::support::{CONF, SandboxClient};

async fn seeded() -> (MockServer, SandboxClient) {
    let builder = MockServer::builder().seed(include_str!("../support/seed.toml"));
    let server = builder.expect("well-formed").start().await;
    let server = server.expect("a free port");
    let sandbox = SandboxClient::at(server.base_url());
    (server, sandbox)
}

#[tokio::test]
async fn no_secret_is_printed_for_debugging() {
    let (server, _) = seeded().await;
    let tokens = server
        .issue_tokens(NewTokens::new("conf", "ada", Scope::USER_READ))
        .await
        .unwrap();
    let code = server
        .issue_code(NewCode::new("conf", "ada"))
        .await
        .unwrap();
    let session = server.sign_in("ada").await.unwrap();
    let secret = server.rotate_secret("conf").await.unwrap();
    let client = ClientSpec::named("x").secret("hunter2");
    let printed = format!("{tokens:?}{code:?}{session:?}{secret:?}{client:?}");
    let refresh = tokens.refresh_token.unwrap();
    for value in [
        tokens.access_token.reveal(),
        refresh.reveal(),
        code.code.reveal(),
        code.code_verifier.as_ref().unwrap().reveal(),
        session.cookie.reveal(),
        secret.client_secret.reveal(),
        "hunter2",
    ] {
        assert!(!printed.contains(value), "{value} in {printed}");
    }
}

#[tokio::test]
async fn errors_are_readable() {
    let (server, sandbox) = seeded().await;
    sandbox.token(&CONF.refresh_params("x")).await;
    sandbox.token(&CONF.refresh_params("x")).await;
    let expected = [
        Expect::endpoint(Endpoint::Token).refresh_token().times(1),
        Expect::endpoint(Endpoint::Userinfo),
    ];
    let wrong = server.verify(expected).await.unwrap_err();
    assert!(
        matches!(&wrong, MockError::Mismatch { differences, counters }
        if differences.len() == 2 && counters.grants[&GrantType::RefreshToken] == 2)
    );
    assert_snapshot!(wrong, @"[0] token refresh_token: expected 1, found 2; [1] userinfo: expected at least 1, found 0");
    let user = |name: &str| NewTokens::new("conf", name, Scope::USER_READ);
    let mut table = String::new();
    for wrong in [
        server
            .issue_tokens(NewTokens::new("cnf", "ada", Scope::USER_READ))
            .await
            .map(drop),
        server.issue_tokens(user("adda")).await.map(drop),
        server.restore_snapshot("nothing").await,
        server.add_fault(Fault::any()).await.map(drop),
        server
            .add_fault(
                Fault::endpoint(Endpoint::Token)
                    .client("cnf")
                    .reset_connection(),
            )
            .await
            .map(drop),
        server.create_user(UserSpec::named("ada")).await.map(drop),
        server.create_client(ClientSpec::new()).await.map(drop),
        server.approve_device("AAAA-AAAA", "ada").await,
        server.requests(Filter::any().client("cnf")).await.map(drop),
        server.verify(Expect::any().error("invalid_grnt")).await,
        server.verify(Expect::any().times(1).at_most(2)).await,
        server
            .add_fault_preset(Preset::ClockSkew.times(1))
            .await
            .map(drop),
    ] {
        table += &format!("{}\n", wrong.expect_err("each of these is wrong"));
    }
    assert_snapshot!(table, @r#"
    client_id: no client "cnf"; did you mean "conf"?
    user: no user "adda"; did you mean "ada"?
    name: no snapshot "nothing"; take one with POST snapshots/{name}
    effect: the effect is empty; give error, status, body, headers, delay, reset_connection, truncate_body, malformed_json, slow_body or deny_consent
    client_id: no client "cnf"; did you mean "conf"?
    username: another user has the username "ada"
    missing key "name"
    user_code: "AAAA-AAAA": Invalid or expired code; no device is waiting for this code: start a flow with POST /api/auth/oauth/device
    client_id: no client "cnf"; did you mean "conf"?
    [0].error: no endpoint returns the error "invalid_grnt"; did you mean "invalid_grant"?
    [0].times: times 1 and at_most 2 are both given; omit times or at_most
    a clock preset takes no times or client_id: it moves the sandbox's clock once, for all clients; omit times and client_id
    "#);
}

#[tokio::test]
async fn client_with_an_unsupported_grant_is_rejected() {
    let (server, _) = seeded().await;
    let spec = ClientSpec::named("x").grants([GrantType::RefreshToken, GrantType::Password]);
    let error = server.create_client(spec).await.unwrap_err();
    assert_snapshot!(
        error,
        @r#"grants[1]: no grant "password"; choose among authorization_code, refresh_token, client_credentials, urn:ietf:params:oauth:grant-type:device_code"#
    );
}
