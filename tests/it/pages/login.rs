//! `/login` and `/logout`: choosing a user, and the return URL.

use insta::assert_snapshot;

use crate::support::{AUTHORIZE, CONF, Fields, SandboxClient, TestServer};

#[tokio::test]
async fn the_page_lists_every_user_who_is_not_deleted() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("tess").await;
    let page = mock.get("/login").cookie(&cookie).await.page();
    assert_snapshot!(page.texts(".person .who, .person .mark").join("\n"), @"
    owner owner@example.com
    ada ada@example.com
    tess tess@example.com
    tester
    signed in
    blank
    modo mod@example.com
    moderator
    user 7 noname@example.com
    ");
    assert_eq!(
        page.attributes("button[name=user]", "value"),
        ["1", "2", "3", "4", "5", "7"]
    );
}

#[tokio::test]
async fn page_has_security_headers() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.get("/login").await, @r#"
    200
    cache-control: no-store
    content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY

    page "Sign in · Civitai OAuth mock"
    "#);
}

#[tokio::test]
async fn picking_a_user_signs_in_and_goes_back() {
    let mock = TestServer::documented().await;
    let path = "/login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize%3Fa%3Db%2526c";
    let forms = mock.get(path).await.page().forms();
    assert_eq!(
        (forms[0].method.as_str(), forms[0].action.as_str()),
        ("post", "/login")
    );
    assert_eq!(
        forms[0].fields.get("returnUrl"),
        Some("/api/auth/oauth/authorize?a=b%26c")
    );
    let picked = forms[0].fields.clone().and("user", "2");
    let answer = mock.post("/login", &picked).await;
    assert_snapshot!(answer, @"
    303
    location: /api/auth/oauth/authorize?a=b%26c
    set-cookie: civ-token=<secret>; HttpOnly; SameSite=Lax; Path=/; Max-Age=7776000
    ");
    let home = mock.get("/").cookie(&answer.cookie()).await.page();
    assert_snapshot!(home.texts(".description").join("\n"), @"Sandbox default , contract documented ( details ). Signed in as ada : switch , sign out .");
}

#[tokio::test]
async fn a_new_name_makes_a_new_user_and_a_known_one_signs_in() {
    let mock = TestServer::documented().await;
    let named = |name: &str| Fields::new(&[("returnUrl", "/"), ("name", name)]);
    let answer = mock.post("/login", &named(" Grace ")).await;
    assert_eq!(answer.status, 303);
    assert_snapshot!(mock.get("/_mock/users/8").await.body, @r#"{"id":8,"username":"Grace","email":"grace@example.com","email_verified":true,"image":null,"moderator":false,"tier":null,"roles":[],"subscriptions":[],"muted":false,"banned":false,"deleted":false,"buzz":{"yellow":0,"blue":0,"green":0}}"#);
    mock.post("/login", &named("Grace")).await;
    mock.post("/login", &named("ada")).await;
    assert_eq!(mock.users().await.len(), 8);
}

#[tokio::test]
async fn invalid_username_is_reported_on_the_page() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for fields in [
        Fields::default(),
        Fields::new(&[("name", " ")]),
        Fields::new(&[("name", &"n".repeat(65))]),
        Fields::new(&[("name", "a\u{7}b")]),
        Fields::new(&[("name", "gone")]),
        Fields::new(&[("user", "6")]),
        Fields::new(&[("user", "99")]),
    ] {
        let answer = mock
            .post("/login", &fields.clone().and("returnUrl", "/x"))
            .await;
        let page = answer.page();
        let back = page.forms()[0].fields.get("returnUrl").map(str::to_owned);
        assert_eq!(back.as_deref(), Some("/x"), "the return path is preserved");
        table += &format!(
            "{:?}: {} {}\n",
            fields.encoded(),
            answer.status,
            page.texts(".problem").concat()
        );
    }
    assert_snapshot!(table, @r#"
    "": 400 Choose a user, or enter a username.
    "name=+": 400 A username has 1 to 64 printable characters.
    "name=nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn": 400 A username has 1 to 64 printable characters.
    "name=a%07b": 400 A username has 1 to 64 printable characters.
    "name=gone": 400 This user is deleted. Choose another username.
    "user=6": 400 This user no longer exists.
    "user=99": 400 This user no longer exists.
    "#);
}

async fn leads_to(mock: &SandboxClient, return_url: &str) -> String {
    let fields = Fields::new(&[("user", "2"), ("returnUrl", return_url)]);
    let answer = mock.post("/login", &fields).await;
    answer
        .header("location")
        .unwrap_or_else(|| answer.summary())
}

#[tokio::test]
async fn return_url_never_leads_to_another_origin() {
    let mock = TestServer::documented().await;
    for away in [
        "",
        "x",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/%0a/../\\evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "http:evil.example",
        "http:/evil.example",
        "http://127.0.0.1.evil.example/",
        "http://user@evil.example",
        "?x",
        "#x",
        "/.//evil.example",
        "/..//evil.example",
        "/x/..//evil.example",
        "/%2e//evil.example",
        "/./\\evil.example",
    ] {
        let there = leads_to(&mock, away).await;
        let seen = url::Url::parse(&mock.base).unwrap().join(&there).unwrap();
        assert_eq!(
            seen.origin().ascii_serialization(),
            mock.base,
            "{away:?} leads to {there:?}"
        );
    }
}

#[tokio::test]
async fn return_url_may_be_any_local_path() {
    let mock = TestServer::documented().await;
    for path in ["/", "/login/oauth/authorize?a=b&c=%2F#d", "/_sandbox/x/"] {
        assert_eq!(leads_to(&mock, path).await, path);
    }
    let sandbox = mock.sandbox("x");
    assert_eq!(
        leads_to(&sandbox, "https://evil.example/").await,
        "/_sandbox/x/"
    );
}

#[tokio::test]
async fn hostile_return_url_is_escaped() {
    let mock = TestServer::documented().await;
    let answer = mock
        .get("/login?returnUrl=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        .await;
    assert!(!answer.body.contains("<script"));
    let forms = answer.page().forms();
    let return_url = forms[0].fields.get("returnUrl");
    assert_eq!(return_url, Some("\"><script>alert(1)</script>"));
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let answer = mock.get("/logout").cookie(&cookie).await;
    assert_snapshot!(answer, @"
    303
    location: /login
    set-cookie: civ-token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0
    ");
    let home = mock.get("/").cookie(&cookie).await.page();
    assert_snapshot!(home.texts(".description").join("\n"), @"Sandbox default , contract documented ( details ). Not signed in: sign in .");
}

#[tokio::test]
async fn each_session_cookie_is_tried_in_order() {
    let mock = TestServer::documented().await;
    let here = mock.sandbox("x");
    let (root, own) = (mock.session("tess").await, here.session("ada").await);
    let stale = "civ-token=nothing";
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    for cookies in [
        vec![&*root, &own],
        vec![&*own, &root],
        vec![stale, &root, "other=1", &own],
    ] {
        let joined = cookies.join("; ");
        let authorize = here.get(&path).cookie(&joined).await;
        assert_eq!(
            authorize.location().path(),
            "/_sandbox/x/login/oauth/authorize"
        );
        let me = here.get("/api/v1/me").cookie(&joined).await.json();
        assert_eq!(me["username"], "ada", "{joined}");
        let me = mock.get("/api/v1/me").cookie(&joined).await.json();
        assert_eq!(me["username"], "tess", "{joined}");
        // HTTP/2 clients send a header for each.
        let mut apart = here.get("/api/v1/me");
        for cookie in &cookies {
            apart = apart.header("cookie", cookie);
        }
        assert_eq!(apart.await.json()["username"], "ada", "{joined}");
    }
    let two = format!("{own}; {}", here.session("blank").await);
    let signed_in = here.get("/api/v1/me").cookie(&two).await.json();
    assert_eq!(
        signed_in["username"], "ada",
        "the first that names a session"
    );
    here.get("/logout").cookie(&two).await;
    assert_eq!(here.get("/api/v1/me").cookie(&two).await.status, 401);
    assert_eq!(mock.get("/api/v1/me").cookie(&root).await.status, 200);
}
