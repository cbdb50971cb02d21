//! Sign-in, consent and device connection in a real browser by keyboard, on a phone and on a desktop.

use civitai_oauth_mock::{Config, Contract};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use crate::support::{AUTHORIZE, Browser, CONF, ENTER, SPACE, SandboxClient, TestServer, config};

const ADA: &str = "adaada@example.com";

/// The same codes in every run, for identical screenshots.
fn settled() -> Config {
    let mut config = config(Contract::Documented);
    config.entropy_seed = Some(1);
    config
}

/// The app to which the user returns: its first request, and a page for the user.
async fn callback(listener: TcpListener) -> Url {
    let (mut stream, _) = listener.accept().await.expect("the browser comes");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.expect("a whole request");
        request.push(byte);
    }
    let page = "<!doctype html><html lang=en><title>The app</title><link rel=icon href=\"data:,\"><meta name=viewport content=\"width=device-width\">\
                <main><h1>Welcome back</h1></main>";
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{page}"
    );
    stream
        .write_all(answer.as_bytes())
        .await
        .expect("the browser listens");
    let request = String::from_utf8_lossy(&request);
    let target = request.split(' ').nth(1).expect("a request has a target");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    format!("http://{address}{target}").parse().expect("a URL")
}

/// Signs in, reads the consent page, consents, and returns to the app, which gets its tokens.
async fn sign_in_and_consent(browser: &Browser, sandbox: &SandboxClient, picture: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let redirect_uri = format!("http://{address}/callback");
    let client = json!({ "redirect_uris": [redirect_uri] });
    sandbox.control("PATCH", "/clients/conf", client).await;
    let app = tokio::spawn(callback(listener));

    let asked = CONF
        .authorize_params("98309")
        .with("redirect_uri", &redirect_uri);
    browser
        .visit(&format!("{}{AUTHORIZE}?{}", sandbox.base, asked.encoded()))
        .await;
    browser.arrive("Sign in").await;
    browser.draw(&format!("login-{picture}.png")).await;
    browser.choose(ADA).await;

    browser.arrive("Authorize Conf App").await;
    browser.draw(&format!("consent-{picture}.png")).await;
    browser
        .tab_to("Limit how much buzz this app can spend")
        .await;
    assert!(browser.is_ticked().await);
    browser.press([SPACE]).await;
    assert!(!browser.is_ticked().await);
    browser.tab_to("Remember my decision for this app").await;
    assert!(browser.is_ticked().await);
    browser.press([SPACE]).await;
    assert!(!browser.is_ticked().await);
    browser.choose("Authorize").await;

    browser.arrive("Welcome back").await;
    let back = app.await.expect("the app was called");
    let value = |wanted: &str| {
        let mut pairs = back.query_pairs();
        let found = pairs.find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    assert_eq!((back.path(), &*value("state")), ("/callback", "xyz"));
    let redeems = CONF
        .redeem_params(&value("code"))
        .with("redirect_uri", &redirect_uri);
    let tokens = sandbox.token(&redeems).await;
    assert_eq!(tokens.json()["scope"], "98309", "{tokens}");
    let userinfo = sandbox.userinfo(&tokens.text("access_token")).await;
    assert_eq!(userinfo.text("username"), "ada");
}

/// Mistypes the code, corrects it, reviews and approves.
async fn connect_a_device(browser: &Browser, sandbox: &SandboxClient, picture: &str) {
    sandbox.register_cli().await;
    let device = sandbox.device("98309").await;
    browser
        .visit(&format!("{}/login/oauth/device", sandbox.base))
        .await;
    browser.arrive("Sign in").await;
    browser.choose(ADA).await;

    browser.arrive("Connect a device").await;
    browser.draw(&format!("device-enter-{picture}.png")).await;
    browser.tab_to("Code").await;
    browser.press("aaaaaaaa".chars().chain([ENTER])).await;
    browser.arrive_at_problem("Invalid or expired code.").await;

    // Tab selects the text of the field, so that typing replaces it.
    browser.tab_to("Code").await;
    let typed = device.user_code.to_lowercase().replace('-', "");
    browser.press(typed.chars().chain([ENTER])).await;
    browser.arrive("Authorize Device App").await;
    assert!(browser.text().await.contains(&device.user_code));
    browser.draw(&format!("device-review-{picture}.png")).await;
    browser.choose("Approve").await;
    browser.arrive("Device connected").await;
    browser.draw(&format!("device-done-{picture}.png")).await;
    assert_eq!(sandbox.poll(&device).await.status, 200);
}

/// Denies the request by keyboard.
async fn refuse_a_device(browser: &Browser, sandbox: &SandboxClient) {
    let device = sandbox.device("1").await;
    let complete = format!(
        "{}/login/oauth/device?code={}",
        sandbox.base, device.user_code
    );
    browser.visit(&complete).await;
    browser.arrive("Connect a device").await;
    browser.choose("Continue").await;
    browser.arrive("Authorize Device App").await;
    browser.choose("Deny").await;
    browser.arrive("Access denied").await;
    assert_eq!(sandbox.poll(&device).await.text("error"), "access_denied");
}

#[tokio::test]
async fn sign_in_consent_and_device_work_by_keyboard_on_a_phone() {
    let Some(browser) = Browser::open(375, 812).await else {
        return;
    };
    let mock = TestServer::start(settled()).await;
    sign_in_and_consent(&browser, &mock, "375").await;
    let sandbox = mock.sandbox("phone");
    connect_a_device(&browser, &sandbox, "375").await;
    refuse_a_device(&browser, &sandbox).await;
}

#[tokio::test]
async fn sign_in_consent_and_device_work_by_keyboard_on_a_desktop() {
    let Some(browser) = Browser::open(1440, 900).await else {
        return;
    };
    let mock = TestServer::start(settled()).await;
    sign_in_and_consent(&browser, &mock, "1440").await;
    let sandbox = mock.sandbox("desk");
    connect_a_device(&browser, &sandbox, "1440").await;
    refuse_a_device(&browser, &sandbox).await;
}

#[tokio::test]
async fn denying_leads_back_to_the_app_with_the_reason() {
    let Some(browser) = Browser::open(1440, 900).await else {
        return;
    };
    let mock = TestServer::start(settled()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let redirect_uri = format!("http://{address}/callback");
    let client = json!({ "redirect_uris": [redirect_uri] });
    mock.control("PATCH", "/clients/conf", client).await;
    let app = tokio::spawn(callback(listener));
    let asked = CONF
        .authorize_params("1")
        .with("redirect_uri", &redirect_uri);
    browser
        .visit(&format!("{}{AUTHORIZE}?{}", mock.base, asked.encoded()))
        .await;
    browser.arrive("Sign in").await;
    browser.choose(ADA).await;
    browser.arrive("Authorize Conf App").await;
    browser.choose("Deny").await;
    browser.arrive("Welcome back").await;
    let back = app.await.expect("the app was called");
    let denial =
        "error=access_denied&error_description=The+user+denied+the+authorization+request&state=xyz";
    assert_eq!(back.query(), Some(denial));
}

/// A size that is readable beside text.
#[tokio::test]
async fn screenshots_of_the_readme_are_taken() {
    let Some(browser) = Browser::open(700, 830).await else {
        return;
    };
    let mock = TestServer::start(settled()).await;
    mock.set(json!({ "login": "ada" })).await;
    let client = json!({ "name": "Pixel Board", "description": "Turn your favourite prompts into wallpapers" });
    mock.control("PATCH", "/clients/conf", client).await;
    let asked = CONF.authorize_params("114689").encoded();
    browser
        .visit(&format!("{}{AUTHORIZE}?{asked}", mock.base))
        .await;
    browser.arrive("Authorize Pixel Board").await;
    browser.draw("consent.png").await;

    mock.register_cli().await;
    let code = mock.device("98309").await.user_code;
    browser
        .visit(&format!("{}/login/oauth/device?code={code}", mock.base))
        .await;
    browser.arrive("Connect a device").await;
    browser.choose("Continue").await;
    browser.arrive("Authorize Device App").await;
    browser.draw("device.png").await;
}
