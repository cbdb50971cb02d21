//! Secrets in wrong parameters, of apps and of control calls: they are redacted.

use serde_json::json;

use crate::support::{
    AUTHORIZE, CONF, Fields, Program, SPA, SecretTracker, TOKEN, TestServer, USERINFO,
};

/// The views of the journal.
const JOURNAL_VIEWS: [&str; 5] = [
    "/_mock/requests",
    "/_mock/advice",
    "/_mock/advice?format=sarif",
    "/_mock",
    "/_mock/findings",
];

#[tokio::test]
async fn secret_in_a_wrong_parameter_is_redacted() {
    let mock = TestServer::documented().await;
    let mut tracker = SecretTracker::new(mock.sandbox("x"));
    let cookie = tracker.session("ada").await;
    let code = tracker.code(&CONF, &cookie).await;
    let answer = tracker.sandbox.token(&CONF.redeem_params(&code)).await;
    let tokens = tracker.tokens(&answer);
    let sandbox = tracker.sandbox.clone();

    // An app that uses the page's address as its redirect URI, with parameters of an earlier sign-in.
    for rest in [
        format!("?code={code}"),
        format!("?x=1#access_token={code}"),
        format!("#/back?code={code}"),
    ] {
        let uri = format!("{}{rest}", CONF.redirect_uri);
        let asked = CONF
            .authorize_params("1")
            .with("redirect_uri", &uri)
            .encoded();
        sandbox.get(&format!("{AUTHORIZE}?{asked}")).await;
        sandbox
            .token(&CONF.redeem_params(&code).with("redirect_uri", &uri))
            .await;
    }
    for name in ["client_id", "grant_type", "scope", "state"] {
        let asked = CONF
            .authorize_params("1")
            .with(name, &tokens.access)
            .encoded();
        sandbox.get(&format!("{AUTHORIZE}?{asked}")).await;
        sandbox
            .token(&CONF.client_credentials().with(name, &tokens.access))
            .await;
    }
    sandbox
        .post(TOKEN, &Fields::default())
        .basic(&tokens.access, "")
        .await;
    sandbox.get(&format!("{USERINFO}/{}", tokens.access)).await;
    let device = json!({ "user_code": code });
    sandbox
        .request("POST", "/api/auth/oauth/device-info")
        .json(&device)
        .cookie(&cookie)
        .await;
    let refused = sandbox.request("POST", TOKEN).json(&json!({
        "grantType": "refresh_token", "clientSecret": "camel-case-secret", "refreshToken": tokens.refresh,
        "password": "password-of-a-user", "client_assertion": "signed-by-a-client",
    }));
    assert_eq!(refused.await.status, 400);
    for secret in [
        "camel-case-secret",
        "password-of-a-user",
        "signed-by-a-client",
    ] {
        tracker.track("secret by another name", secret);
    }
    sandbox
        .revoke(
            &SPA.revoke_params(&tokens.access)
                .and("token", &tokens.refresh),
        )
        .await;

    for path in JOURNAL_VIEWS {
        tracker.visit(path, &cookie).await;
    }
    let leaks = tracker.leaks();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let whole = sandbox.get("/_mock/requests?unredacted=true").await;
    assert!(
        tracker.found(whole.body.as_bytes()).len() > 5,
        "unredacted=true shows the secrets"
    );
}

#[tokio::test]
async fn secret_in_an_invalid_control_call_is_not_repeated() {
    let mock = TestServer::documented().await;
    let mut tracker = SecretTracker::new(mock.sandbox("x"));
    let cookie = tracker.session("ada").await;
    let code = tracker.code(&CONF, &cookie).await;
    let answer = tracker.sandbox.token(&CONF.redeem_params(&code)).await;
    let (tokens, sandbox) = (tracker.tokens(&answer), tracker.sandbox.clone());
    tracker.track("number", "1234567890");
    let (access, refresh) = (&tokens.access, &tokens.refresh);
    let token = json!({ "token": refresh });
    let wrong = [
        sandbox
            .request("DELETE", &format!("/_mock/tokens?token={access}"))
            .json(&token),
        sandbox.request("DELETE", &format!("/_mock/faults?token={code}")),
        sandbox.request("GET", &format!("/_mock/clock?token={access}")),
        sandbox.request("GET", &format!("/_mock/clock?{access}=1")),
        sandbox.request("POST", "/_mock/reset").json(&token),
        sandbox.request("POST", "/_mock/reset").json(&json!(access)),
        sandbox
            .request("POST", "/_mock/clients")
            .json(&json!({ "name": "A", "secret": 1_234_567_890 })),
        sandbox
            .request("POST", "/_mock/clients")
            .json(&json!({ "name": "A", "clientSecret": "1234567890" })),
        sandbox
            .request("POST", "/_mock/clients")
            .json(&json!({ access.as_str(): 1 })),
        sandbox
            .request("PATCH", "/_mock/settings")
            .json(&json!({ "contract": access })),
        sandbox
            .request("POST", "/_mock/tokens/introspect")
            .body("application/json", access.clone()),
    ];
    for ask in wrong {
        let answer = ask.await;
        assert_eq!(answer.status, 400, "{answer}");
        tracker.record(answer.asked.path(), &answer);
    }
    let leaks = tracker.leaks();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[tokio::test]
async fn shell_output_escapes_control_characters() {
    let mock = TestServer::documented().await;
    let hostile = "client_id=%1b%5b2J%0a%3a%3aerror%3a%3ax%07";
    mock.get(&format!("{AUTHORIZE}?{hostile}")).await;
    let base = mock.base.clone();
    let printed =
        tokio::task::spawn_blocking(move || Program::output(&["advice", "--server", &base]));
    let printed = printed.await.unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains(r"\u{1b}[2J\n::error::x\u{7}"), "{text}");
    let controls: Vec<char> = text
        .chars()
        .filter(|sign| sign.is_control() && *sign != '\n')
        .collect();
    assert_eq!(controls, ['\0'; 0]);
    assert!(!text.lines().any(|line| line.starts_with("::")), "{text}");
}
