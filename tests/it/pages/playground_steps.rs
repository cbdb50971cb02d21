//! The page of a playground run: the current step, the steps so far, and the mistakes to try.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CLI, CONF, PLAYGROUND, PlaygroundUser, SPA, TestServer, start_form, summary};

#[tokio::test]
async fn demo_secret_is_filled_in() {
    let mock = TestServer::start(civitai_oauth_mock::Config::default()).await;
    let page = mock.get(PLAYGROUND).await.page();
    let secret = page.attributes("#secret", "value").concat();
    assert_snapshot!(page.texts("#secret-help").concat(), @"Only for confidential apps. The secret of Demo App is filled in. It is stored in memory, for this run only.");
    let demo_app = "dec0de00-0000-4000-8000-000000000001";
    let player = PlaygroundUser::begin(&mock, &start_form(demo_app, "itself", &secret)).await;
    assert_snapshot!(summary(&player.act("for-itself").await), @"
    Request a token
    Request a token · 200 OK
    -> Request userinfo: Send the request
    mistakes:
    ");
    // Once the app has another secret, the page offers none.
    mock.control(
        "PATCH",
        &format!("/clients/{demo_app}"),
        json!({ "secret": "another-secret" }),
    )
    .await;
    let page = mock.get(PLAYGROUND).await.page();
    assert_eq!(page.attributes("#secret", "value").concat(), "");
}

#[tokio::test]
async fn mistakes_are_refused_and_explained() {
    let mock = TestServer::documented().await;
    let secret = CONF.client_credentials();
    let secret = secret.get("client_secret").expect("it has a secret");
    let mut player = PlaygroundUser::begin(&mock, &start_form(CONF.id, "code", secret)).await;
    player.cookie = format!("{}; {}", player.cookie, mock.session("ada").await);
    player.consent().await;
    player.act("no-pkce").await;
    player.act("other-redirect-uri").await;
    player.act("exchange").await;
    player.act("wrong-secret").await;
    // The refresh token is still valid after a wrong secret.
    let page = player.act("refresh").await;
    assert_snapshot!(summary(&page), @"
    Sign in and consent, Exchange the code, Refresh the tokens
    The user authorizes · 302 Found
    The browser returns to the app · 303 See Other
    Leave out PKCE · 400 Bad Request
    Change the redirect URI · 400 Bad Request
    Exchange the code · 200 OK
    Send a wrong client secret · 400 Bad Request
    Refresh the tokens · 200 OK
    -> Request userinfo: Send the request
    mistakes: Leave out PKCE / Change the redirect URI / Exchange the code again / Use the old refresh token again / Send a wrong client secret
    ");
    assert_eq!(
        page.page().texts(".checks .is-failed"),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_step_is_chosen_in_the_list_and_has_one_primary_button() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    player.consent().await;
    let page = player.act("exchange").await.page();
    assert_snapshot!(page.texts("#progress").concat(), @"Step 3 of 5");
    assert_eq!(page.texts("#next h2"), ["Request userinfo"]);
    assert_eq!(page.texts(".button--primary").len(), 1);
    // Steps that cannot be done now are no links.
    let links = page.attributes("a.step", "href");
    assert_snapshot!(links.join("\n"), @"
    /_mock/playground?step=userinfo#next
    /_mock/playground?step=refresh#next
    /_mock/playground?step=revoke#next
    ");
    let shown = mock
        .get(&format!("{PLAYGROUND}?step=revoke"))
        .cookie(&player.cookie)
        .await;
    let shown = shown.page();
    assert_eq!(shown.texts("#next h2"), ["Revoke the refresh token"]);
    assert_snapshot!(shown.attributes("a.step[aria-current]", "href").concat(), @"/_mock/playground?step=revoke#next");
    for unknown in ["exchange", "authorize", "nothing"] {
        let path = format!("{PLAYGROUND}?step={unknown}");
        let shown = mock.get(&path).cookie(&player.cookie).await.page();
        assert_eq!(shown.texts("#next h2"), ["Request userinfo"], "{unknown}");
    }
}

#[tokio::test]
async fn a_fault_is_named_where_it_applied() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    player.consent().await;
    let delay = json!({ "endpoint": "token", "times": 1, "effect": { "delay": "60ms" } });
    mock.control("POST", "/faults", delay).await;
    let page = player.act("exchange").await;
    assert_snapshot!(page.page().texts(".steps .note--warn p").concat(), @r#"Fault 1 applied to this request. {"endpoint":"token","times":1,"effect":{"delay":"60ms"}}"#);
    let took = page.page().texts(".steps .ms").remove(0);
    let took: u32 = took.trim_end_matches(" ms").parse().expect("a duration");
    assert!(took >= 60, "{took}");
    mock.control("DELETE", "/faults/1", json!({})).await;
    let page = player.look().await;
    assert_snapshot!(page.page().texts(".steps .note--warn p").concat(), @"Fault 1, which was deleted, applied to this request.");
}

#[tokio::test]
async fn a_denied_device_starts_again() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let player = PlaygroundUser::begin(&mock, &start_form(CLI, "device", "")).await;
    let page = player.act("start-device").await.page();
    let way = page.attributes("#next a.button", "href").remove(0);
    let code = way.split_once("code=").expect("it has the code").1;
    mock.control("POST", "/device/deny", json!({ "user_code": code }))
        .await;
    assert_snapshot!(summary(&player.act("poll-device").await), @"
    nothing done
    Start the device flow · 200 OK
    Poll for the tokens · 400 Bad Request
    -> Start the device flow: Send the request
    mistakes:
    ");
}

/// Two requests of one run are sent one after another, so that the second one has the tokens of the first.
#[tokio::test(flavor = "multi_thread")]
async fn two_actions_at_once_lose_no_token() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    player.consent().await;
    player.act("exchange").await;
    let delay = json!({ "endpoint": "token", "times": 2, "effect": { "delay": "100ms" } });
    mock.control("POST", "/faults", delay).await;
    tokio::join!(player.act("refresh"), player.act("refresh"));
    let page = player.act("refresh").await;
    let refreshes = summary(&page)
        .matches("Refresh the tokens · 200 OK")
        .count();
    assert_eq!(refreshes, 3, "{}", summary(&page));
}

#[tokio::test]
async fn long_responses_are_cut() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    player.consent().await;
    player.act("exchange").await;
    let body = "x".repeat(300_000);
    let long = json!({ "endpoint": "userinfo", "effect": { "status": 503, "body": body } });
    mock.control("POST", "/faults", long).await;
    let page = player.act("userinfo").await;
    assert!(page.body.contains("… (300000 bytes in all)"));
    // The page has no fault's definition in full, either.
    assert!(page.body.len() < 100_000, "{}", page.body.len());
}
