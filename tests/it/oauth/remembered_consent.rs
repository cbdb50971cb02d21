//! Remembered consent: what is stored, and when the consent page is skipped.

use insta::assert_snapshot;

use crate::support::{AUTHORIZE, CONF, OTHER, SandboxClient, TestServer};

/// Whether ada is asked for this scope, or gets a code at once.
async fn is_asked(mock: &SandboxClient, scope: &str) -> bool {
    let answer = mock.authorize(&CONF.authorize_params(scope)).await;
    answer.location().path() == "/login/oauth/authorize"
}

async fn remember(mock: &SandboxClient, scope: &str) {
    let answer = mock
        .approve(&CONF.authorize_params(scope).and("remember", "true"))
        .await;
    assert_eq!(answer.status, 302, "{answer}");
}

#[tokio::test]
async fn a_remembered_consent_covers_every_narrower_request() {
    let mock = TestServer::documented().await;
    remember(&mock, "7").await;
    assert_snapshot!(mock.authorize(&CONF.authorize_params("7")).await, @"
    302
    location: https://app.example/callback?code=<secret>&state=xyz
    ");
    assert!(!is_asked(&mock, "5").await);
    assert!(!is_asked(&mock, "0").await);
    assert!(is_asked(&mock, "15").await);
    assert!(is_asked(&mock, "8").await);
}

#[tokio::test]
async fn an_approval_that_is_not_remembered_is_asked_for_again() {
    let mock = TestServer::documented().await;
    for remember in ["", "false", "1", "TRUE"] {
        mock.approve(&CONF.authorize_params("7").and("remember", remember))
            .await;
        assert!(is_asked(&mock, "7").await, "remember={remember}");
    }
}

#[tokio::test]
async fn a_narrower_consent_that_is_remembered_later_overwrites_the_wider() {
    let mock = TestServer::documented().await;
    remember(&mock, "7").await;
    remember(&mock, "1").await;
    assert!(is_asked(&mock, "7").await);
    assert!(!is_asked(&mock, "1").await);
}

#[tokio::test]
async fn unremembered_approval_keeps_the_earlier_consent() {
    let mock = TestServer::documented().await;
    remember(&mock, "7").await;
    mock.approve(&CONF.authorize_params("1")).await;
    assert!(!is_asked(&mock, "7").await);
}

#[tokio::test]
async fn user_read_is_a_part_of_every_consent() {
    let mock = TestServer::documented().await;
    remember(&mock, "4").await;
    assert!(!is_asked(&mock, "5").await);
}

#[tokio::test]
async fn consent_belongs_to_one_user_and_one_client() {
    let mock = TestServer::documented().await;
    remember(&mock, "7").await;
    let other_app = mock.authorize(&OTHER.authorize_params("7")).await;
    assert_eq!(other_app.location().path(), "/login/oauth/authorize");
    let cookie = mock.session("tess").await;
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("7").encoded());
    let other_user = mock.get(&path).cookie(&cookie).await;
    assert_eq!(other_user.location().path(), "/login/oauth/authorize");
}

#[tokio::test]
async fn a_consent_is_remembered_before_the_last_checks() {
    let mock = TestServer::documented().await;
    let request = CONF
        .authorize_params("7")
        .and("remember", "true")
        .and("allowed", "false");
    assert_eq!(mock.approve(&request).await.status, 400);
    assert!(!is_asked(&mock, "7").await);
}

#[tokio::test]
async fn all_consents_can_be_deleted() {
    let mock = TestServer::documented().await;
    remember(&mock, "7").await;
    assert_snapshot!(mock.request("DELETE", "/_mock/consents").await, @r#"
    200
    content-type: application/json

    {"deleted":1}
    "#);
    assert!(is_asked(&mock, "7").await);
}
