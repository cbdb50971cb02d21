//! `/userinfo`: the claims, and invalid bearer tokens.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, SandboxClient, TestServer, USERINFO};

/// The claims about every user of the seed.
async fn claims(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for user in ["ada", "tess", "blank", "modo", "7"] {
        // The session call takes numbers for ids.
        let named = user.parse::<i64>().map_or(json!(user), |id| json!(id));
        let session = mock
            .control("POST", "/sessions", json!({ "user": named }))
            .await;
        let request = CONF.authorize_params("1").and("approved", "true");
        let cookie = session["cookie"].as_str().expect("a cookie");
        let code = mock
            .post(crate::support::AUTHORIZE, &request)
            .cookie(cookie)
            .await
            .code();
        let token = mock
            .token(&CONF.redeem_params(&code))
            .await
            .text("access_token");
        let answer = mock.userinfo(&token).await;
        table += &format!("{} {}\n", answer.status, answer.body);
    }
    table
}

#[tokio::test]
async fn the_documentation_names_nine_claims_and_the_deployed_server_gives_more() {
    let mock = TestServer::documented().await;
    let documented = claims(&mock).await;
    assert_snapshot!(documented, @r#"
    200 {"sub":"2","id":2,"username":"ada","preferred_username":"ada","name":"ada","picture":"https://image.example.com/ada.png","image":"https://image.example.com/ada.png","email":"ada@example.com","email_verified":false}
    200 {"sub":"3","id":3,"username":"tess","preferred_username":"tess","name":"tess","email":"tess@example.com","email_verified":true}
    200 {"sub":"4","id":4,"username":"blank","preferred_username":"blank","name":"blank"}
    200 {"sub":"5","id":5,"username":"modo","preferred_username":"modo","name":"modo","picture":"bare-cdn-key","image":"bare-cdn-key","email":"mod@example.com","email_verified":true}
    200 {"sub":"7","id":7,"email":"noname@example.com","email_verified":false}
    "#);
    mock.set_difference(Difference::UserinfoClaims, Contract::Live)
        .await;
    let live = claims(&mock).await;
    assert_snapshot!(live, @r#"
    200 {"sub":"2","id":2,"username":"ada","preferred_username":"ada","name":"ada","picture":"https://image.example.com/ada.png","image":"https://image.example.com/ada.png","roles":[],"isModerator":false,"email":"ada@example.com","email_verified":false}
    200 {"sub":"3","id":3,"username":"tess","preferred_username":"tess","name":"tess","roles":["tester","beta"],"isModerator":false,"email":"tess@example.com","email_verified":true}
    200 {"sub":"4","id":4,"username":"blank","preferred_username":"blank","name":"blank","roles":[],"isModerator":false}
    200 {"sub":"5","id":5,"username":"modo","preferred_username":"modo","name":"modo","picture":"bare-cdn-key","image":"bare-cdn-key","roles":[],"isModerator":true,"tier":"gold","email":"mod@example.com","email_verified":true}
    200 {"sub":"7","id":7,"roles":[],"isModerator":false,"email":"noname@example.com","email_verified":false}
    "#);

    let mock = TestServer::live().await;
    assert_eq!(claims(&mock).await, live);
    mock.set_difference(Difference::UserinfoClaims, Contract::Documented)
        .await;
    assert_eq!(claims(&mock).await, documented);
}

#[tokio::test]
async fn any_page_may_read_it() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let bearer = format!("Bearer {}", tokens.access);
    let answer = mock
        .get(USERINFO)
        .header("authorization", &bearer)
        .header("origin", "https://anywhere.example")
        .await;
    assert_snapshot!(answer, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json

    {"sub":"2","id":2,"username":"ada","preferred_username":"ada","name":"ada","picture":"https://image.example.com/ada.png","image":"https://image.example.com/ada.png","email":"ada@example.com","email_verified":false}
    "#);
}

#[tokio::test]
async fn bearer_is_case_sensitive_and_spaces_are_ignored() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let (access, refresh) = (&tokens.access, &tokens.refresh);
    let mut table = String::new();
    for (what, header) in [
        ("a bearer token", format!("Bearer {access}")),
        ("spaces around", format!("  Bearer {access}  ")),
        ("lower case", format!("bearer {access}")),
        ("two spaces", format!("Bearer  {access}")),
        ("a tab", format!("Bearer\t{access}")),
        ("the token alone", access.clone()),
        ("nothing after it", "Bearer ".to_owned()),
        ("a refresh token", format!("Bearer {refresh}")),
        ("an unknown token", "Bearer civitai_x".to_owned()),
        (
            "the token in capitals",
            format!("Bearer {}", access.to_uppercase()),
        ),
    ] {
        let answer = mock.get(USERINFO).header("authorization", &header).await;
        let summary = if answer.status == 200 {
            "200".to_owned()
        } else {
            answer.summary()
        };
        table += &format!("{what}: {summary}\n");
    }
    assert_snapshot!(table, @"
    a bearer token: 200
    spaces around: 200
    lower case: 401 invalid_token: Missing bearer token
    two spaces: 401 invalid_token: Invalid or expired token
    a tab: 401 invalid_token: Missing bearer token
    the token alone: 401 invalid_token: Missing bearer token
    nothing after it: 401 invalid_token: Missing bearer token
    a refresh token: 401 invalid_token: Invalid or expired token
    an unknown token: 401 invalid_token: Invalid or expired token
    the token in capitals: 401 invalid_token: Invalid or expired token
    ");
    assert_snapshot!(mock.get(USERINFO).await, @r#"
    401
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the call requires the header Authorization: Bearer with the access token and a capital B; most clients remove it when a redirect leads to another host
    x-mock-request: http://mock/_mock/requests/13

    {"error":"invalid_token","error_description":"Missing bearer token"}
    "#);
}

#[tokio::test]
async fn the_token_is_read_from_the_header_alone() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let path = format!("{USERINFO}?access_token={}", tokens.access);
    assert_eq!(mock.get(&path).await.status, 401);
}

#[tokio::test]
async fn deleted_user_is_rejected_but_banned_and_muted_users_are_not() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.control(
        "PATCH",
        "/users/ada",
        json!({ "banned": true, "muted": true }),
    )
    .await;
    assert!(mock.is_active(&tokens.access).await);
    mock.control("PATCH", "/users/ada", json!({ "deleted": true }))
        .await;
    assert_snapshot!(mock.userinfo(&tokens.access).await, @r#"
    401
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the user of the access token is deleted or banned
    x-mock-request: http://mock/_mock/requests/4

    {"error":"invalid_token","error_description":"Invalid or expired token"}
    "#);
    mock.control("PATCH", "/users/2", json!({ "deleted": false }))
        .await;
    assert!(mock.is_active(&tokens.access).await);
    mock.control("DELETE", "/users/2", json!({})).await;
    assert!(!mock.is_active(&tokens.access).await);
}

#[tokio::test]
async fn other_methods_get_405_with_allow() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.request("POST", USERINFO).await, @"
    405
    allow: GET, OPTIONS, HEAD
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method POST
    x-mock-request: http://mock/_mock/requests/1

    POST method not allowed
    ");
    let tokens = mock.tokens(&CONF, "1").await;
    let bearer = format!("Bearer {}", tokens.access);
    let head = mock
        .request("HEAD", USERINFO)
        .header("authorization", &bearer)
        .await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
