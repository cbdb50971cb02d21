//! `/user/account`: registering an app, and managing connected apps.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, SandboxClient, TOKEN, TestResponse, TestServer};

const ACCOUNT: &str = "/user/account";
const NEW: &str = "/user/account/new-app";

fn app(redirect_uris: &str) -> Fields {
    Fields::new(&[
        ("name", "My App"),
        ("description", "Does things"),
        ("redirect_uris", redirect_uris),
        ("origins", ""),
        ("kind", "confidential"),
        ("preset", "AI Services"),
    ])
}

/// A sandbox in which every visitor is ada, who owns no app.
async fn ada() -> TestServer {
    let mock = TestServer::documented().await;
    mock.set(json!({ "login": "ada" })).await;
    mock.control("DELETE", "/clients/other", json!({})).await;
    mock
}

async fn registered(sandbox: &SandboxClient) -> serde_json::Value {
    sandbox.clients().await.pop().unwrap_or_default()
}

/// The page that shows a new secret once, after the form that created it.
async fn revealed(sandbox: &SandboxClient, answer: &TestResponse) -> TestResponse {
    assert_eq!(answer.status, 303, "{answer}");
    let path = answer.location().path().to_owned();
    let ask = sandbox.get(&path);
    match answer.header("set-cookie") {
        Some(_) => ask.cookie(&answer.cookie()).await,
        None => ask.await,
    }
}

/// The text of these elements.
fn shown(answer: &TestResponse, css: &str) -> String {
    answer.page().texts(css).join("\n")
}

#[tokio::test]
async fn page_without_session_redirects_to_sign_in() {
    let mock = TestServer::documented().await;
    for path in [ACCOUNT, NEW] {
        let answer = mock.sandbox("x").get(path).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.location().path(), "/_sandbox/x/login");
        assert_eq!(
            answer.location_param("returnUrl").as_deref(),
            Some("/_sandbox/x/user/account")
        );
    }
}

#[tokio::test]
async fn a_registered_app_shows_its_secret_once_and_works_with_it() {
    let mock = ada().await;
    let made = mock.post(NEW, &app("http://localhost:3000/cb")).await;
    let answer = revealed(&mock, &made).await;
    let (id, secret) = (
        shown(&answer, "#client-id"),
        shown(&answer, "#client-secret"),
    );
    let asks = Fields::new(&[
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("client_secret", &secret),
    ]);
    assert_eq!(mock.post(TOKEN, &asks).await.status, 200);
    let account = mock.get(ACCOUNT).await;
    assert!(account.body.contains(&id) && !account.body.contains(&secret));
    assert_snapshot!(registered(&mock).await.to_string().replace(&id, "(id)"), @r#"{"id":"(id)","name":"My App","description":"Does things","logo_url":null,"confidential":true,"redirect_uris":["http://localhost:3000/cb"],"any_loopback_redirect":false,"allowed_origins":["http://localhost:3000"],"grants":["authorization_code","refresh_token","client_credentials"],"allowed_scopes":114689,"verified":false,"access_mode":"open","may_introspect":false,"owner":2}"#);
}

#[tokio::test]
async fn reloading_the_secret_page_shows_no_secret() {
    let mock = ada().await;
    let made = mock.post(NEW, &app("http://localhost/cb")).await;
    let cookie = made.header("set-cookie").unwrap_or_default();
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Strict")
            && cookie.contains("Max-Age=60"),
        "{cookie}"
    );
    let once = revealed(&mock, &made).await;
    assert_eq!(shown(&once, "#client-secret").len(), 48);
    let taken = once.header("set-cookie").unwrap_or_default();
    assert!(taken.contains("Max-Age=0"), "{taken}");
    let path = made.location().path().to_owned();
    let again = mock.get(&path).await;
    assert_eq!(shown(&again, "#client-secret"), "");
    assert_snapshot!(shown(&again, ".notice"), @"The secret was already shown, and the server stores only its hash. If you lost it, create a new one on the account page.");
    let forged = mock.get(&path).cookie("mock-new-secret=guess").await;
    assert_eq!(shown(&forged, "#client-secret"), "");
    let named = mock.clients().await.into_iter();
    assert_eq!(named.filter(|client| client["name"] == "My App").count(), 1);
}

#[tokio::test]
async fn changed_preset_or_checkboxes_take_effect() {
    let mock = ada().await;
    let drawn = |preset: &str, boxes: &str| {
        app("http://localhost/cb")
            .with("shown_preset", preset)
            .with("shown_boxes", boxes)
    };
    let mut table = String::new();
    for (what, form) in [
        (
            "the preset alone",
            drawn("Full Access", "0").with("preset", "AI Services"),
        ),
        (
            "a box alone",
            drawn("AI Services", "114689").and("ModelsRead", "true"),
        ),
        (
            "both alike",
            drawn("Full Access", "0")
                .and("AIServicesRead", "true")
                .and("AIServicesWrite", "true")
                .and("BuzzRead", "true"),
        ),
        ("both", drawn("Full Access", "0").and("ModelsRead", "true")),
    ] {
        let answer = mock.post(NEW, &form).await;
        let client = registered(&mock).await;
        table += &format!(
            "{what}: {} {} {}\n",
            answer.status,
            client["allowed_scopes"],
            shown(&answer, ".problem")
        );
    }
    assert_snapshot!(table, @"
    the preset alone: 303 114689 
    a box alone: 303 5 
    both alike: 303 114689 
    both: 400 114689 The preset and the individual permissions were both changed, and they differ. The form shows the individual permissions: save them, or choose AI Services again.
    ");
}

#[tokio::test]
async fn validation_errors_appear_beside_their_fields() {
    let mock = ada().await;
    let long = "x".repeat(501);
    let mut table = String::new();
    for (field, value) in [
        ("name", ""),
        ("name", &long),
        ("description", &long),
        ("redirect_uris", ""),
        ("redirect_uris", "localhost:3000/cb"),
        (
            "redirect_uris",
            "http://app.example/cb\nhttps://ok.example/cb",
        ),
        ("origins", "http://localhost:3000/"),
        ("origins", "not one"),
    ] {
        let answer = mock
            .post(NEW, &app("http://localhost/cb").with(field, value))
            .await;
        let page = answer.page();
        let about = page.attributes("[aria-invalid]", "name").join(" ");
        table += &format!(
            "{} {about}: {}\n",
            answer.status,
            page.texts(".problem").join(" | ")
        );
        assert_eq!(
            page.attributes("[aria-invalid]", "aria-describedby"),
            page.attributes(".problem", "id")
        );
    }
    assert_snapshot!(table, @r#"
    400 name: Enter a name: users see it on the consent page.
    400 name: A name has at most 128 characters; this one has 501.
    400 description: A description has at most 500 characters; this one has 501.
    400 redirect_uris: Enter at least one redirect URI, such as http://localhost:3000/callback.
    400 redirect_uris: not a URL: "localhost:3000/cb" lacks a scheme such as http://
    400 redirect_uris: http://app.example/cb must begin with https:// – only localhost and 127.0.0.1 may do without
    400 origins: "http://localhost:3000/" is not an origin: write "http://localhost:3000"
    400 origins: "not one" is not an origin such as "http://localhost:3000"
    "#);
    assert_ne!(registered(&mock).await["name"], "My App");
}

#[tokio::test]
async fn redirect_uris_and_grants_follow_the_difference() {
    let mock = ada().await;
    mock.set_difference(Difference::RegistrationRules, Contract::Live)
        .await;
    assert_eq!(
        mock.post(NEW, &app("http://app.example/cb\nmyapp://cb"))
            .await
            .status,
        303
    );
    let live = registered(&mock).await;
    assert_eq!(
        live["grants"],
        json!(["authorization_code", "refresh_token"])
    );
    assert_eq!(live["allowed_origins"], json!(["http://app.example"]));
    mock.set_difference(Difference::RegistrationRules, Contract::Documented)
        .await;
    mock.post(NEW, &app("http://localhost/cb").with("kind", "public"))
        .await;
    let public = registered(&mock).await;
    assert_eq!(
        (&public["confidential"], &public["grants"]),
        (
            &json!(false),
            &json!(["authorization_code", "refresh_token"])
        )
    );
}

#[tokio::test]
async fn checkboxes_count_if_custom_scope_is_chosen() {
    let mock = ada().await;
    let boxes = app("http://localhost/cb")
        .with("preset", "custom")
        .and("ModelsRead", "true")
        .and("BuzzRead", "true");
    mock.post(NEW, &boxes).await;
    let client = registered(&mock).await;
    assert_eq!(
        client["allowed_scopes"], 65541,
        "with UserRead, which every app may: {client}"
    );
    // A grant without a checkbox is unchanged.
    let id = client["id"].as_str().unwrap();
    mock.control(
        "PATCH",
        &format!("/clients/{id}"),
        json!({ "allowed_scopes": ["SocialTip"] }),
    )
    .await;
    let path = format!("{ACCOUNT}/apps/{id}");
    assert_eq!(
        mock.post(&path, &boxes.without("BuzzRead")).await.status,
        303
    );
    assert_eq!(registered(&mock).await["allowed_scopes"], 1_048_581);
}

#[tokio::test]
async fn app_is_edited_rotated_and_deleted() {
    let mock = ada().await;
    let made = mock.post(NEW, &app("http://localhost/cb")).await;
    let made = revealed(&mock, &made).await;
    let (id, first) = (shown(&made, "#client-id"), shown(&made, "#client-secret"));
    let path = format!("{ACCOUNT}/apps/{id}");
    let form = &mock.get(&path).await.page().forms()[0];
    assert_eq!(form.fields.get("name"), Some("My App"));
    let edited = mock
        .post(&path, &app("https://a.example/x").with("name", "Renamed"))
        .await;
    assert_eq!(edited.location().path(), ACCOUNT);
    let client = registered(&mock).await;
    assert_eq!(
        (client["name"].as_str(), &client["redirect_uris"]),
        (Some("Renamed"), &json!(["https://a.example/x"]))
    );

    let rotated = mock
        .post(&format!("{path}/rotate-secret"), &Fields::new(&[]))
        .await;
    let rotated = revealed(&mock, &rotated).await;
    let second = shown(&rotated, "#client-secret");
    let works = |secret: String| {
        let asks = Fields::new(&[
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", &secret),
        ]);
        let sandbox = &mock;
        async move { sandbox.post(TOKEN, &asks).await }
    };
    assert_eq!(works(first).await.status, 400);
    let tokens = works(second.clone()).await;
    assert_eq!(tokens.status, 200);
    let deleted = mock
        .post(&format!("{path}/delete"), &Fields::new(&[]))
        .await;
    assert_eq!(deleted.location().path(), ACCOUNT);
    assert_eq!(works(second).await.status, 400);
    assert!(
        !mock.is_active(&tokens.text("access_token")).await,
        "its tokens go with it"
    );
}

#[tokio::test]
async fn user_cannot_edit_an_app_of_another_user() {
    let mock = ada().await;
    let page = mock.get(ACCOUNT).await;
    assert!(!page.body.contains("Conf App"));
    for path in ["apps/conf", "apps/conf/rotate-secret", "apps/conf/delete"] {
        let answer = mock
            .post(&format!("{ACCOUNT}/{path}"), &app("http://localhost/"))
            .await;
        assert_eq!(
            (answer.status, answer.location().path()),
            (303, ACCOUNT),
            "{path}"
        );
    }
    assert_eq!(
        mock.token(&CONF.client_credentials()).await.status,
        200,
        "nothing has changed"
    );
}

#[tokio::test]
async fn a_page_of_another_site_registers_nothing() {
    let mock = ada().await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "null"),
    ] {
        let form = app("http://localhost/cb").encoded();
        let answer = mock
            .request("POST", NEW)
            .header(name, value)
            .body("application/x-www-form-urlencoded", form)
            .await;
        assert_eq!(answer.status, 403, "{name} {value}");
    }
    // A link of another site may lead here.
    assert_eq!(
        mock.get(ACCOUNT)
            .header("sec-fetch-site", "cross-site")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn input_is_escaped() {
    let mock = ada().await;
    let hostile = "<script>alert(1)</script>\"'&";
    mock.post(
        NEW,
        &app("http://localhost/cb")
            .with("name", hostile)
            .with("description", hostile),
    )
    .await;
    for path in [ACCOUNT, "/_mock/playground", "/_mock/consent"] {
        let page = mock.get(path).await;
        assert!(!page.body.contains("<script>alert"), "{path}");
        assert!(
            page.body.contains("&lt;script&gt;") || page.body.contains("&#60;script&#62;"),
            "{path}"
        );
    }
}
