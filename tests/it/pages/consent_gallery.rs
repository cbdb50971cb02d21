//! `/_mock/consent`: links to any consent screen, which grant nothing.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Fields, SandboxClient, TestResponse, TestServer};

const PREVIEW: &str = "/_mock/consent/preview";

async fn screen(sandbox: &SandboxClient, query: &str) -> TestResponse {
    sandbox.get(&format!("{PREVIEW}?{query}")).await
}

fn seen(answer: &TestResponse) -> String {
    let page = answer.page();
    let scheme = page.attributes("html", "class").join(" ");
    format!(
        "{} [{scheme}] {}\n{}\n{}",
        answer.status,
        page.texts("h1, .verified").join(" | "),
        page.texts(".account span").join(" "),
        page.texts(".scopes li").join("; "),
    )
}

#[tokio::test]
async fn a_link_shows_exactly_the_screen_that_was_chosen() {
    let mock = TestServer::documented().await;
    let query = "client_id=conf&user=ada&scope=5&verified=yes&scheme=dark&budget=700&days=7";
    let shown = screen(&mock, query).await;
    assert_snapshot!(seen(&shown), @"
    200 [dark] Authorize Conf App | ✓ Verified by Civitai
    A Authorizing as ada
    Read profile, settings & email; Browse & download models
    ");
    let form = &shown.page().forms()[0];
    assert_eq!(form.fields.get("buzz_limit"), Some("700"));
    let unverified = screen(
        &mock,
        "client_id=conf&preset=AI+Services&verified=no&scheme=light",
    )
    .await;
    assert_snapshot!(seen(&unverified), @"
    200 [light] Authorize Conf App
    O Authorizing as owner
    Read profile, settings & email; View generation & training history; Generate, train & scan; View buzz balance & history
    ");
}

#[tokio::test]
async fn preview_buttons_grant_nothing() {
    let mock = TestServer::documented().await;
    for form in screen(&mock.sandbox("x"), "client_id=conf&user=ada")
        .await
        .page()
        .forms()
    {
        assert_eq!(
            (form.method.as_str(), form.action.as_str()),
            ("post", "/_sandbox/x/_mock/consent/preview")
        );
    }
    let pressed = mock
        .post(
            PREVIEW,
            &Fields::new(&[("approved", "true"), ("remember", "true")]),
        )
        .await;
    assert_eq!(
        (pressed.status, pressed.location().path()),
        (303, "/_mock/consent")
    );
    assert_eq!(
        mock.control("GET", "/consents", json!({})).await["consents"],
        json!([])
    );
    assert_eq!(
        mock.control("GET", "/codes", json!({})).await["codes"],
        json!([])
    );
}

#[tokio::test]
async fn preview_equals_the_consent_page() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "login": "ada" })).await;
    let asked = crate::support::CONF.authorize_params("98309");
    let real = mock
        .get(&format!("/login/oauth/authorize?{}", asked.encoded()))
        .await;
    let shown = screen(&mock, "client_id=conf&user=ada&scope=98309").await;
    assert_eq!(seen(&shown), seen(&real));
}

#[tokio::test]
async fn the_form_makes_the_link() {
    let mock = TestServer::documented().await;
    let made = mock.get("/_mock/consent?client_id=spa&user=2&preset=Creator&scope=&budget=&days=1&verified=&scheme=").await;
    let link = made.page().attributes("a.button.primary", "href").remove(0);
    assert_eq!(
        link,
        format!(
            "{}{PREVIEW}?client_id=spa&user=2&preset=Creator&days=1",
            mock.base
        )
    );
    let path = link.strip_prefix(&mock.base).unwrap();
    assert_eq!(mock.get(path).await.status, 200);
}

#[tokio::test]
async fn invalid_options_are_reported() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for query in [
        "client_id=con",
        "client_id=conf&user=adda",
        "client_id=conf&scope=many",
        "client_id=conf&scope=999999999",
        "client_id=conf&preset=Readonly",
        "client_id=conf&verified=maybe",
        "client_id=conf&scheme=sepia",
        "client_id=conf&budget=-1",
        "client_id=conf&days=2",
    ] {
        let answer = screen(&mock, query).await;
        table += &format!(
            "{} {query}: {}\n",
            answer.status,
            answer.page().texts(".problem").join(" | ")
        );
    }
    assert_snapshot!(table, @r#"
    400 client_id=con: id: no client "con"; did you mean "conf"?
    400 client_id=conf&user=adda: id: no user "adda"; did you mean "ada"?
    400 client_id=conf&scope=many: scope: "many" is not a bitmask; write a number from 0 to 536870911
    400 client_id=conf&scope=999999999: scope: "999999999" is not a bitmask; write a number from 0 to 536870911
    400 client_id=conf&preset=Readonly: preset: no preset "Readonly"; did you mean "Read Only"?
    400 client_id=conf&verified=maybe: verified: "maybe" is not a valid choice; choose one of yes, no
    400 client_id=conf&scheme=sepia: scheme: "sepia" is not a valid choice; choose one of light, dark
    400 client_id=conf&budget=-1: budget: "-1" is not an amount of buzz; write a whole number of at least 1, or leave it empty
    400 client_id=conf&days=2: days: "2" is not a valid choice; choose one of 1, 7, 30
    "#);
}
