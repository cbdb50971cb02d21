//! Secrets, curl commands and "Send again" of `/_mock/requests/{id}`.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, TestResponse, TestServer};

const REQUESTS: &str = "/_mock";

fn ids(answer: &TestResponse) -> Vec<String> {
    answer.page().attributes("#requests tr[data-id]", "data-id")
}

#[tokio::test]
async fn secrets_are_shown_on_request_only() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    mock.token(&CONF.redeem_params(&code)).await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo(&tokens.access).await;
    mock.revoke(&CONF.revoke_params(&tokens.refresh)).await;
    let fields = CONF.client_credentials();
    let secret = fields.get("client_secret").expect("a secret");
    let newest: u64 = ids(&mock.get(REQUESTS).await)[0].parse().expect("an id");
    let mut bodies = mock.get("/_mock?show=all").await.body;
    for id in 1..=newest {
        let path = format!("/_mock/requests/{id}");
        bodies += &mock.get(&path).await.body;
        bodies += &mock.get(&path).header("accept", "text/html").await.body;
        bodies += &mock.get(&format!("/_mock?request={id}")).await.body;
    }
    for secret in [
        &*code,
        &tokens.access,
        &tokens.refresh,
        secret,
        crate::support::VERIFIER,
    ] {
        assert!(!bodies.contains(secret), "{secret}");
    }
    assert!(bodies.contains("[redacted]"));
    // The revocation, with what was sent.
    let shown = mock
        .get(&format!("/_mock/requests/{newest}?secrets=show"))
        .header("accept", "text/html")
        .await;
    assert!(shown.body.contains(&tokens.refresh) && shown.body.contains(secret));
    let hide = shown.page().texts("a.button");
    assert!(hide.contains(&"Hide secrets".to_owned()), "{hide:?}");
}

#[tokio::test]
async fn curl_command_repeats_the_request() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.control("DELETE", "/requests", json!({})).await;
    mock.userinfo(&tokens.access).await;
    mock.token(&CONF.client_credentials()).await;
    let newest = mock.get(REQUESTS).await;
    let mut commands = String::new();
    for id in ids(&newest).iter().rev() {
        let page = mock
            .get(&format!("/_mock/requests/{id}"))
            .header("accept", "text/html")
            .await
            .page();
        commands += &page.texts("pre[id^=curl]").join("");
        commands += "\n";
    }
    let commands = commands.replace(&mock.base, "http://mock");
    assert_snapshot!(commands, @r#"
    curl -gi --path-as-is 'http://mock/api/auth/oauth/userinfo' \ -H 'authorization: Bearer [redacted]'
    curl -gi --path-as-is 'http://mock/api/auth/oauth/token' \ --data-urlencode 'grant_type=client_credentials' \ --data-urlencode 'client_id=conf' \ --data-urlencode 'client_secret=[redacted]'
    "#);
}

#[tokio::test]
async fn request_is_sent_again_through_the_same_service() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.control("DELETE", "/requests", json!({})).await;
    let refresh = CONF.refresh_params(&tokens.refresh);
    assert_eq!(mock.token(&refresh).await.status, 200);
    let sent: u64 = ids(&mock.get(REQUESTS).await)[0].parse().expect("an id");
    let again = mock
        .post(&format!("/_mock/requests/{sent}/send"), &Fields::default())
        .await;
    let there = again.location();
    assert_eq!(there.path(), format!("/_mock/requests/{}", sent + 1));
    // It was sent with its secrets: the token was used before.
    let page = mock
        .get(there.path())
        .header("accept", "text/html")
        .cookie(&again.cookie())
        .await;
    assert_eq!(
        page.page().texts("[data-toasts]").concat(),
        format!("Sent again as request {}: 400 invalid_grant", sent + 1)
    );
    // Faults apply to it.
    mock.control("POST", "/faults/presets/token-endpoint-down", json!({}))
        .await;
    mock.post(&format!("/_mock/requests/{sent}/send"), &Fields::default())
        .await;
    let newest = mock
        .get(REQUESTS)
        .await
        .page()
        .texts("#requests .state")
        .remove(0);
    assert!(newest.contains("503"), "{newest}");
}

#[tokio::test]
async fn only_requests_of_apps_are_sent_again() {
    let mock = TestServer::documented().await;
    let signs_in = Fields::new(&[("user", "ada"), ("returnUrl", "/")]);
    mock.post("/login", &signs_in).await;
    mock.post("/nowhere", &signs_in).await;
    mock.request("OPTIONS", crate::support::TOKEN).await;
    let mut table = String::new();
    for id in ["1", "2", "3", "77", "x"] {
        let answer = mock
            .post(&format!("/_mock/requests/{id}/send"), &Fields::default())
            .await;
        let problem = answer.page().texts("[role=alert]").concat();
        table += &format!("{} {problem}\n", answer.status);
    }
    assert_snapshot!(table, @r#"
    400 id: request 1 is not one of an app; only requests to Civitai's endpoints can be sent again
    400 id: request 2 is not one of an app; only requests to Civitai's endpoints can be sent again
    400 id: request 3 is not one of an app; only requests to Civitai's endpoints can be sent again
    400 id: no request "77" in the journal; it may have been deleted, or it is no longer kept because the journal was full
    400 id: no request "x" in the journal; it may have been deleted, or it is no longer kept because the journal was full
    "#);
    assert_eq!(ids(&mock.get("/_mock?show=all").await).len(), 3);
    // No other site may send one.
    mock.token(&CONF.client_credentials()).await;
    let foreign = mock
        .request("POST", "/_mock/requests/4/send")
        .header("origin", "https://evil.example")
        .await;
    assert_eq!(foreign.status, 403);
}
