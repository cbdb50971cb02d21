//! The page where a device's code is entered, reviewed, approved or denied, without a script: plain forms.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CLI, DEVICE_PAGE, Device, Fields, SandboxClient, TestResponse, TestServer};

/// The texts and buttons of the page.
fn seen(answer: &TestResponse) -> String {
    let page = answer.page();
    let mut text = format!("{} {}\n", answer.status, page.title());
    for line in page.texts("h1, .problem, .account, .device-code, .verified, .scopes li, button") {
        text += &format!("  {line}\n");
    }
    text
}

/// Presses a button of the page's form.
async fn press(
    sandbox: &SandboxClient,
    page: &TestResponse,
    step: &str,
    cookie: &str,
) -> TestResponse {
    let form = page.page().forms().remove(0);
    assert_eq!(form.method, "post");
    let action = page.asked.join(&form.action).expect("an action is a URL");
    assert!(action.as_str().starts_with(&sandbox.base), "{action}");
    let path = &action.as_str()[sandbox.base.len()..];
    sandbox
        .post(path, &form.fields.and("step", step))
        .cookie(cookie)
        .await
}

async fn enter(sandbox: &SandboxClient, code: &str, cookie: &str) -> TestResponse {
    let code = Fields::new(&[("code", code)]).encoded();
    sandbox
        .get(&format!("{DEVICE_PAGE}?{code}"))
        .cookie(cookie)
        .await
}

#[tokio::test]
async fn a_code_is_entered_reviewed_and_approved() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("5").await;
    let cookie = mock.session("ada").await;

    let entry = enter(&mock, &device.user_code.to_lowercase(), &cookie).await;
    assert_snapshot!(entry, @r#"
    200
    cache-control: no-store
    content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY

    page "Connect a device · Civitai OAuth mock"
    "#);
    assert_snapshot!(seen(&entry), @"
    200 Connect a device · Civitai OAuth mock
      Connect a device
      Continue
    ");
    assert_eq!(
        entry.page().attributes("#user_code", "value"),
        [device.user_code.as_str()]
    );
    assert_eq!(
        mock.poll(&device).await.text("error"),
        "authorization_pending"
    );

    let review = press(&mock, &entry, "review", &cookie).await;
    assert_snapshot!(device.redacted(&seen(&review)), @"
    200 Connect a device · Civitai OAuth mock
      Authorize Device App
      Verified by Civitai
      A Authorizing as ada Switch account
      Code <user code>
      Read profile, settings & email
      Browse & download models
      Approve
      Deny
    ");
    assert_eq!(
        mock.poll(&device).await.text("error"),
        "authorization_pending"
    );

    let done = press(&mock, &review, "approve", &cookie).await;
    assert_snapshot!(seen(&done), @"
    200 Connect a device · Civitai OAuth mock
      Device connected
    ");
    let access = mock.poll(&device).await.text("access_token");
    assert_eq!(mock.userinfo(&access).await.json()["username"], "ada");

    let again = press(&mock, &review, "approve", &cookie).await;
    assert_snapshot!(seen(&again), @"
    400 Connect a device · Civitai OAuth mock
      Connect a device
      Invalid or expired code.
      Continue
    ");
}

#[tokio::test]
async fn a_device_is_denied_on_the_page() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let cookie = mock.session("ada").await;
    let entry = enter(&mock, &device.user_code, &cookie).await;
    let review = press(&mock, &entry, "review", &cookie).await;
    let done = press(&mock, &review, "deny", &cookie).await;
    assert_snapshot!(seen(&done), @"
    200 Connect a device · Civitai OAuth mock
      Access denied
    ");
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 access_denied");
    let again = press(&mock, &entry, "review", &cookie).await;
    assert_snapshot!(device.redacted(&seen(&again)), @"
    400 Connect a device · Civitai OAuth mock
      Connect a device
      Invalid or expired code.
      Continue
    ");
}

#[tokio::test]
async fn wrong_code_can_be_corrected_in_the_form() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let cookie = mock.session("ada").await;
    let mut table = String::new();
    for code in ["aaaa aaaa", "abc", "", "<script>"] {
        let typed = Fields::new(&[("user_code", code), ("step", "review")]);
        let answer = mock.post(DEVICE_PAGE, &typed).cookie(&cookie).await;
        let shown = answer.page().attributes("#user_code", "value").concat();
        table += &format!("{code:?} is shown as {shown:?}: {}", seen(&answer));
    }
    assert_snapshot!(table, @r#"
    "aaaa aaaa" is shown as "AAAA-AAAA": 400 Connect a device · Civitai OAuth mock
      Connect a device
      Invalid or expired code.
      Continue
    "abc" is shown as "ABC": 400 Connect a device · Civitai OAuth mock
      Connect a device
      Invalid or expired code.
      Continue
    "" is shown as "": 400 Connect a device · Civitai OAuth mock
      Connect a device
      Invalid or expired code.
      Continue
    "<script>" is shown as "<SCRIPT>": 400 Connect a device · Civitai OAuth mock
      Connect a device
      Invalid or expired code.
      Continue
    "#);
}

#[tokio::test]
async fn expired_code_is_rejected_on_the_page() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let cookie = mock.session("ada").await;
    let entry = enter(&mock, &device.user_code, &cookie).await;
    mock.advance(901).await;
    let late = press(&mock, &entry, "review", &cookie).await;
    assert_eq!(late.page().texts(".problem"), ["Invalid or expired code."]);
}

#[tokio::test]
async fn page_without_session_signs_in_and_returns_with_the_code() {
    let mock = TestServer::documented().await;
    for sandbox in [SandboxClient::clone(&mock), mock.sandbox("x")] {
        sandbox.register_cli().await;
        let device = sandbox.device("1").await;
        let complete = format!("{DEVICE_PAGE}?code={}", device.user_code);
        let sent = sandbox.get(&complete).await;
        let there = device.redacted(&sent.location());
        let there = there.replace(&sandbox.base, "<base>");
        if sandbox.base.ends_with("/x") {
            assert_snapshot!(there, @"<base>/login?returnUrl=%2F_sandbox%2Fx%2Flogin%2Foauth%2Fdevice%3Fcode%3D<user code>");
        } else {
            assert_snapshot!(there, @"<base>/login?returnUrl=%2Flogin%2Foauth%2Fdevice%3Fcode%3D<user code>");
        }

        let login = sandbox
            .get(&sent.location().as_str()[sandbox.base.len()..])
            .await;
        let form = login.page().forms().remove(0);
        let signed_in = sandbox.post("/login", &form.fields.and("user", "2")).await;
        let back = signed_in.location();
        assert_eq!(back.as_str(), format!("{}{complete}", sandbox.base));
        let entry = sandbox.get(&complete).cookie(&signed_in.cookie()).await;
        assert_eq!(
            entry.page().attributes("#user_code", "value"),
            [device.user_code]
        );
    }
}

#[tokio::test]
async fn session_lost_during_review_keeps_the_code() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let typed = Fields::new(&[("user_code", &device.user_code), ("step", "approve")]);
    let sent = mock.post(DEVICE_PAGE, &typed).await;
    assert_snapshot!(device.redacted(&sent), @"
    303
    location: /login?returnUrl=%2Flogin%2Foauth%2Fdevice%3Fcode%3D<user code>
    ");
    assert_eq!(
        mock.poll(&device).await.text("error"),
        "authorization_pending"
    );
}

#[tokio::test]
async fn the_account_can_be_switched_from_the_review() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    sandbox.register_cli().await;
    let device = sandbox.device("1").await;
    let cookie = sandbox.session("ada").await;
    let entry = enter(&sandbox, &device.user_code, &cookie).await;
    let review = press(&sandbox, &entry, "review", &cookie).await;
    let switch = review.page().attributes(".account a", "href").concat();
    assert_snapshot!(device.redacted(&switch), @"/_sandbox/x/login?returnUrl=%2F_sandbox%2Fx%2Flogin%2Foauth%2Fdevice%3Fcode%3D<user code>");
}

#[tokio::test]
async fn every_link_and_form_of_the_page_stays_in_its_sandbox() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    sandbox.register_cli().await;
    let device = sandbox.device("1").await;
    let cookie = sandbox.session("ada").await;
    let entry = enter(&sandbox, &device.user_code, &cookie).await;
    let review = press(&sandbox, &entry, "review", &cookie).await;
    let done = press(&sandbox, &review, "approve", &cookie).await;
    for answer in [entry, review, done] {
        let page = answer.page();
        let mut targets = page.attributes("a:not(.skip), link[rel=stylesheet]", "href");
        targets.extend(page.attributes("form", "action"));
        for target in targets {
            assert!(
                target.starts_with("/_sandbox/x/"),
                "{target} in {}",
                seen(&answer)
            );
        }
    }
    assert_eq!(sandbox.poll(&device).await.status, 200);
}

#[tokio::test]
async fn login_setting_signs_in_on_the_device_page() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    mock.set(json!({ "login": "tess" })).await;
    let started = mock.ask_device(CLI, "1").await;
    let device = Device::from_response(&started);
    let complete = started.text("verification_uri_complete");
    let entry = mock.get(&complete[mock.base.len()..]).await;
    let review = press(&mock, &entry, "review", "").await;
    assert_eq!(
        review.page().texts(".account strong, .device-code strong"),
        ["tess", device.user_code.as_str()]
    );
}
