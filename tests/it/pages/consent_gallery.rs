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
    let scheme = page.attributes("html", "data-theme").join(" ");
    format!(
        "{} [{scheme}] {}\n{}\n{}",
        answer.status,
        page.texts("h1, .verified").join(" | "),
        page.texts(".account .avatar, .account-name").join(" "),
        page.texts(".scopes li").join("; "),
    )
}

#[tokio::test]
async fn a_link_shows_exactly_the_screen_that_was_chosen() {
    let mock = TestServer::documented().await;
    let query = "client_id=conf&user=ada&scope=5&verified=yes&scheme=dark&budget=700&days=7";
    let shown = screen(&mock, query).await;
    assert_snapshot!(seen(&shown), @"
    200 [dark] Authorize Conf App | Verified by Civitai
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
            (
                "post",
                "/_sandbox/x/_mock/consent/preview?client_id=conf&user=ada"
            )
        );
    }
    let pressed = mock
        .post(
            &format!("{PREVIEW}?client_id=conf&user=ada"),
            &Fields::new(&[("approved", "true"), ("remember", "true")]),
        )
        .await;
    assert_snapshot!(pressed, @"
    303
    location: /_mock/consent/preview?client_id=conf&user=ada&pressed=button
    ");
    let said = screen(&mock, "client_id=conf&user=ada&pressed=button").await;
    assert_eq!(
        said.page().texts("[role=status]"),
        ["This is a preview: nothing was granted."]
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
    let link = made.page().attributes("#open", "href").remove(0);
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
async fn a_link_has_a_preset_or_a_scope_number_and_an_amount_only_with_a_limit() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for query in [
        "preset=Creator&scope=5&limit=on&budget=700&days=7",
        "preset=custom&scope=5&limit=off&budget=700&days=7",
        "scope=5",
    ] {
        let page = mock
            .get(&format!("/_mock/consent?client_id=conf&{query}"))
            .await
            .page();
        let frame = page.attributes("iframe", "src").concat();
        let link = frame.split_once('&').map(|(_, rest)| rest.to_owned());
        table += &format!("{query}\n  {}\n", link.unwrap_or_default());
    }
    assert_snapshot!(table, @"
    preset=Creator&scope=5&limit=on&budget=700&days=7
      preset=Creator&limit=on&budget=700&days=7
    preset=custom&scope=5&limit=off&budget=700&days=7
      scope=5&limit=off
    scope=5
      scope=5
    ");
}

#[tokio::test]
async fn only_the_own_pages_may_frame_a_preview() {
    let mock = TestServer::documented().await;
    let shown = screen(&mock, "client_id=conf").await;
    assert_eq!(
        shown.header("x-frame-options").as_deref(),
        Some("SAMEORIGIN")
    );
    assert_snapshot!(shown.header("content-security-policy").unwrap_or_default(), @"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'");
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
    400 client_id=conf&scheme=sepia: scheme: "sepia" is not a valid choice; choose one of dark, light
    400 client_id=conf&budget=-1: budget: "-1" is not an amount of buzz; write a whole number of at least 1, or leave it empty
    400 client_id=conf&days=2: days: "2" is not a valid choice; choose one of 1, 7, 30
    "#);
}
