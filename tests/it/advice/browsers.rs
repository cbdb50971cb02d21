//! Advice about browsers at authorize: same-site requests, and parameters that Civitai ignores.

use crate::support::{
    AUTHORIZE, CONF, Fields, SPA, SandboxClient, SignIn, TestRequest, TestServer, with_frozen_clock,
};

/// A browser's navigation to authorize, with this `Sec-Fetch-Site` header.
fn navigates(sandbox: &SandboxClient, attempt: &SignIn, site: &str) -> TestRequest {
    let path = format!("{AUTHORIZE}?{}", attempt.authorize_params("1").encoded());
    browses(sandbox.get(&path), site)
}

fn browses(ask: TestRequest, site: &str) -> TestRequest {
    ask.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("sec-fetch-site", site)
}

#[tokio::test]
async fn same_site_browser_request_is_a_hint() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    for (site, suspected) in [
        ("cross-site", ""),
        ("none", ""),
        ("same-site", "hint same-site-sign-in"),
        ("same-origin", ""),
    ] {
        let sandbox = mock.sandbox(site);
        navigates(&sandbox, &SignIn::new(&CONF), site).await;
        assert_eq!(sandbox.hints().await, suspected, "{site}");
    }
    let finding = mock.sandbox("same-site").findings().await;
    let fix = finding[0]["fix"].as_str().unwrap_or_default();
    assert!(fix.contains("http://127.0.0.1:8080"), "{fix}");
}

#[tokio::test]
async fn pages_of_the_mock_and_scripts_are_not_reported() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let attempt = SignIn::new(&CONF);
    // From another site to the sign-in page, back to authorize, and from the consent page.
    let first = navigates(&mock, &attempt, "cross-site").await;
    let back = first.location();
    let back = back.query_pairs().find(|(name, _)| name == "returnUrl");
    let back = back.map(|(_, path)| path.into_owned()).unwrap_or_default();
    let cookie = mock.session("ada").await;
    let again = browses(mock.get(&back), "same-origin")
        .cookie(&cookie)
        .await;
    assert_eq!(again.status, 303, "{again}");
    let form = attempt.authorize_params("1").with("approved", "true");
    let approved = browses(mock.post(AUTHORIZE, &form), "same-origin")
        .cookie(&cookie)
        .await;
    approved.code();
    // A script's fetch, which takes anything.
    let path = format!(
        "{AUTHORIZE}?{}",
        SignIn::new(&CONF).authorize_params("1").encoded()
    );
    mock.get(&path)
        .header("accept", "*/*")
        .header("sec-fetch-site", "same-site")
        .await;
    assert_eq!(mock.hints().await, "");
}

#[tokio::test]
async fn parameters_ignored_by_civitai_are_a_hint() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    mock.authorize(&SignIn::new(&CONF).authorize_params("1"))
        .await;
    assert_eq!(mock.hints().await, "");
    let asks = |app| -> Fields {
        SignIn::new(app)
            .authorize_params("1")
            .with("prompt", "login")
    };
    mock.authorize(&asks(&CONF)).await;
    mock.authorize(&asks(&CONF).with("max_age", "0")).await;
    mock.authorize(&asks(&SPA).with("login_hint", "ada@example.com"))
        .await;
    let findings = mock.findings().await;
    let ignored: Vec<String> = findings
        .iter()
        .filter(|one| one["rule_id"] == "ignored-parameter")
        .map(|one| {
            format!(
                "{} {} {}",
                one["client_id"], one["summary"], one["requests"]
            )
        })
        .collect();
    insta::assert_snapshot!(ignored.join("\n"), @r#"
    "conf" "sent parameters that Civitai ignores: max_age, prompt" [2,3]
    "spa" "sent parameters that Civitai ignores: login_hint, prompt" [4]
    "#);
}
