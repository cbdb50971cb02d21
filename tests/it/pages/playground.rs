//! `/_mock/playground`: the server plays the app step by step, with real requests.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    CONF, Fields, PLAYGROUND, PlaygroundUser, SPA, TestResponse, TestServer, start_form, summary,
    wire,
};

#[tokio::test]
async fn playground_walks_the_flow_and_its_errors() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    assert_snapshot!(summary(&player.look().await), @"
    nothing done

    -> Sign in and consent: Go to sign-in and consent
    mistakes:
    ");
    assert_snapshot!(summary(&player.consent().await), @"
    Sign in and consent
    The user authorizes · 302 Found
    The browser returns to the app · 303 See Other
    -> Exchange the code: Send the request
    mistakes: Leave out PKCE / Change the redirect URI / Exchange the code with a wrong verifier
    ");
    player.act("exchange").await;
    for act in [
        "userinfo",
        "refresh",
        "refresh-with-old",
        "exchange-again",
        "revoke",
        "userinfo",
    ] {
        player.act(act).await;
    }
    assert_snapshot!(summary(&player.look().await), @"
    Sign in and consent, Exchange the code, Request userinfo, Refresh the tokens, Revoke the refresh token
    The user authorizes · 302 Found
    The browser returns to the app · 303 See Other
    Exchange the code · 200 OK
    Request userinfo · 200 OK
    Refresh the tokens · 200 OK
    Use the old refresh token again · 400 Bad Request
    Exchange the code again · 400 Bad Request
    Revoke the refresh token · 200 OK
    Request userinfo · 200 OK
    -> All steps done
    mistakes: Leave out PKCE / Change the redirect URI / Exchange the code again / Use the old refresh token again
    ");
    // The journal records the calls, like those of any app.
    let counters = &mock.control("GET", "/requests", json!({})).await["counters"];
    assert_snapshot!(counters["grants"], @r#"{"authorization_code":2,"refresh_token":2}"#);
    player.act("forget").await;
    assert!(player.look().await.page().texts(".steps").is_empty());
}

#[tokio::test]
async fn a_wrong_verifier_uses_the_code_up() {
    let mock = TestServer::live().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    player.consent().await;
    let page = player.act("wrong-verifier").await;
    assert_snapshot!(summary(&page), @"
    nothing done
    The user authorizes · 303 See Other
    The browser returns to the app · 303 See Other
    Exchange the code with a wrong verifier · 400 Bad Request
    -> Sign in and consent: Go to sign-in and consent
    mistakes:
    ");
    // Another attempt has a state and a verifier of its own.
    player.consent().await;
    let page = player.act("exchange").await;
    assert!(
        summary(&page).contains("Exchange the code · 200 OK"),
        "{}",
        summary(&page)
    );
}

#[tokio::test]
async fn foreign_state_ends_the_run() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    let callback = format!("{PLAYGROUND}/callback?code=stolen&state=forged");
    mock.get(&callback).cookie(&player.cookie).await;
    let page = player.look().await;
    assert_snapshot!(summary(&page), @"
    nothing done
    The browser returns to the app · 303 See Other
    -> Sign in and consent: Go to sign-in and consent
    mistakes:
    ");
    let failed = page.page().texts(".checks .is-failed");
    assert_snapshot!(failed.join(""), @"Failed: state matches the one that this browser started with. If not, stop: another party started this sign-in. RFC 6749 §10.12");
}

#[tokio::test]
async fn forged_state_prevents_the_exchange() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    let next = player.consent().await.page().texts("#next h2");
    assert_eq!(next, ["Exchange the code"]);
    let callback = format!("{PLAYGROUND}/callback?code=stolen&state=forged");
    mock.get(&callback).cookie(&player.cookie).await;
    let next = player.look().await.page().texts("#next h2");
    assert_eq!(next, ["Sign in and consent"]);
}

#[tokio::test]
async fn rejection_is_shown_and_the_next_attempt_has_a_new_state() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    let state = |page: &TestResponse| {
        let way = page.page().attributes("#next a.button", "href").remove(0);
        let url: url::Url = way.parse().unwrap();
        let found = url.query_pairs().find(|(name, _)| name == "state");
        found.expect("a state").1.into_owned()
    };
    let first = state(&player.look().await);
    let denial = Fields::new(&[
        ("client_id", SPA.id),
        (
            "redirect_uri",
            &format!("{}{PLAYGROUND}/callback", mock.base),
        ),
        ("state", &first),
    ]);
    let denied = mock.post("/login/oauth/authorize", &denial).await;
    let back = denied.location();
    mock.get(&back[url::Position::BeforePath..])
        .cookie(&player.cookie)
        .await;
    let page = player.look().await;
    assert_snapshot!(summary(&page), @"
    nothing done
    The user denies access · 303 See Other
    The browser returns to the app · 303 See Other
    -> Sign in and consent: Go to sign-in and consent
    mistakes:
    ");
    assert!(
        wire(&page).contains("error=access_denied"),
        "{}",
        wire(&page)
    );
    assert_ne!(state(&page), first);
}

#[tokio::test]
async fn browser_steps_show_request_and_response() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    let way = player
        .look()
        .await
        .page()
        .attributes("#next a.button", "href")
        .remove(0);
    let led = mock.get(&way[mock.base.len()..]).cookie(&cookie).await;
    let consent = led.location();
    mock.get(&consent[url::Position::BeforePath..])
        .cookie(&cookie)
        .await;
    let page = player.consent().await;
    assert_snapshot!(summary(&page), @"
    Sign in and consent
    The app sends the browser to authorize · 303 See Other
    The consent page · 200 OK
    The user authorizes · 302 Found
    The browser returns to the app · 303 See Other
    -> Exchange the code: Send the request
    mistakes: Leave out PKCE / Change the redirect URI / Exchange the code with a wrong verifier
    ");
    let wire = wire(&page);
    assert!(
        page.page()
            .texts(".steps .ms")
            .iter()
            .any(|ms| ms.ends_with(" ms"))
    );
    for seen in [
        "GET http://",
        "303 See Other location:",
        "/login/oauth/authorize?",
        "curl -gi 'http://",
        "POST http://",
        "302 Found location:",
        "/callback?code=",
    ] {
        assert!(wire.contains(seen), "{seen}: {wire}");
    }
}

#[tokio::test]
async fn prefilled_form_starts_a_run() {
    let mock = TestServer::start(civitai_oauth_mock::Config::default()).await;
    let page = mock.get(PLAYGROUND).await.page();
    let chosen = |name: &str| {
        let css = format!("select[name={name}] option[selected]");
        let value = page.attributes(&css, "value").remove(0);
        if value.is_empty() {
            page.texts(&css).remove(0)
        } else {
            value
        }
    };
    let fields =
        start_form(&chosen("client_id"), &chosen("grant"), "").with("preset", &chosen("preset"));
    let player = PlaygroundUser::begin(&mock, &fields).await;
    assert_snapshot!(summary(&player.look().await), @"
    nothing done

    -> Sign in and consent: Go to sign-in and consent
    mistakes:
    ");
    // The form keeps its values if the run cannot start.
    let refused = mock
        .post(
            PLAYGROUND,
            &start_form("dec0de00-0000-4000-8000-000000000001", "device", "guess"),
        )
        .await;
    assert_snapshot!(refused.page().texts("option[selected]").join(" | "), @"Demo App (dec0de00-0000-4000-8000-000000000001, confidential) | Device flow: a device without a browser | AI Services");
}

#[tokio::test]
async fn a_device_is_started_polled_and_approved() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let fields = start_form(crate::support::CLI, "device", "");
    let player = PlaygroundUser::begin(&mock, &fields).await;
    player.act("start-device").await;
    let page = player.act("poll-device").await;
    assert!(page.body.contains("authorization_pending"));
    let way = page.page().attributes("#next a.button", "href").remove(0);
    let code = way.split_once("code=").expect("it carries the code").1;
    mock.control(
        "POST",
        "/device/approve",
        json!({ "user_code": code, "user": "ada" }),
    )
    .await;
    player.act("poll-device").await;
    assert_snapshot!(summary(&player.act("userinfo").await), @"
    Start the device flow, Approve the device, Poll for the tokens, Request userinfo
    Start the device flow · 200 OK
    Poll for the tokens · 400 Bad Request
    Poll for the tokens · 200 OK
    Request userinfo · 200 OK
    -> Refresh the tokens: Send the request
    mistakes: Poll for the tokens
    ");
}

#[tokio::test]
async fn client_credentials_run_completes() {
    let mock = TestServer::documented().await;
    let secret = CONF.client_credentials();
    let secret = secret.get("client_secret").unwrap();
    let wrong = mock
        .post(PLAYGROUND, &start_form(CONF.id, "itself", "guess"))
        .await;
    assert_eq!(wrong.status, 400);
    assert_snapshot!(wrong.page().texts(".problem").join(""), @"Wrong client secret for Conf App. The server stores only its hash: if you lost it, create a new secret on the account page.");
    let player = PlaygroundUser::begin(&mock, &start_form(CONF.id, "itself", secret)).await;
    assert_snapshot!(summary(&player.act("for-itself").await), @"
    Request a token
    Request a token · 200 OK
    -> Request userinfo: Send the request
    mistakes:
    ");
}

#[tokio::test]
async fn redirect_uri_is_registered_visibly() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    let uri = format!("{}{PLAYGROUND}/callback", mock.base);
    assert!(
        player
            .look()
            .await
            .body
            .contains(&format!("{uri}</code> was added to this app"))
    );
    let client = mock.control("GET", "/clients/spa", json!({})).await;
    assert!(
        client["redirect_uris"]
            .as_array()
            .unwrap()
            .contains(&json!(uri))
    );
}

#[tokio::test]
async fn faults_apply_to_playground_requests() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    player.consent().await;
    for (effect, seen) in [
        (
            json!({ "reset_connection": true }),
            "The connection was closed without a response.",
        ),
        (
            json!({ "truncate_body": true }),
            "the connection was closed before the end of the body",
        ),
        (
            json!({ "status": 503, "body": "<b>down</b>" }),
            "&#60;b&#62;down",
        ),
    ] {
        mock.control(
            "POST",
            "/faults",
            json!({ "endpoint": "userinfo", "times": 1, "effect": effect }),
        )
        .await;
        player.act("exchange").await;
        let page = player.act("userinfo").await;
        assert!(page.body.contains(seen), "{seen}: {}", page.body);
    }
}

#[tokio::test]
async fn run_belongs_to_its_sandbox_and_ends_with_a_reset() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let player = PlaygroundUser::begin(&sandbox, &start_form(SPA.id, "code", "")).await;
    let page = player.consent().await;
    assert!(
        summary(&page).contains("The browser returns to the app · 303 See Other"),
        "{}",
        summary(&page)
    );
    player.act("exchange").await;
    assert_eq!(
        mock.control("GET", "/tokens", json!({})).await["tokens"],
        json!([])
    );
    assert_ne!(
        sandbox.control("GET", "/tokens", json!({})).await["tokens"],
        json!([])
    );
    sandbox.control("POST", "/reset", json!({})).await;
    assert!(player.look().await.page().texts(".steps").is_empty());
}

#[tokio::test]
async fn curl_commands_work() {
    let mock = TestServer::documented().await;
    let player = PlaygroundUser::begin(&mock, &start_form(SPA.id, "code", "")).await;
    player.consent().await;
    player.act("exchange").await;
    let page = player.act("userinfo").await.page();
    // The steps are newest first.
    let lines: Vec<String> = page.texts(".steps code.curl").into_iter().rev().collect();
    let run = |line: &str| {
        let done = std::process::Command::new("sh")
            .arg("-c")
            .arg(line)
            .output();
        String::from_utf8_lossy(&done.expect("there is a shell").stdout).into_owned()
    };
    // The page's text has its lines joined.
    let whole = |at: usize| lines[at].replace(" \\ ", " ");
    let (exchanged, seen) = (whole(0), whole(1));
    let answers = tokio::task::spawn_blocking(move || (run(&exchanged), run(&seen)));
    let (again, userinfo) = answers.await.unwrap();
    assert!(
        again.contains("400 Bad Request") && again.contains("authorization code is invalid"),
        "{again}"
    );
    assert!(
        userinfo.contains("200 OK") && userinfo.contains("preferred_username"),
        "{userinfo}"
    );
}
