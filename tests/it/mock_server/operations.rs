//! `MockServer`'s operations: every control call, typed, for tests in this process.

use std::time::Duration;

use civitai_oauth_mock::control::{
    Budget, ClientSpec, Endpoint, Expect, Expectations, Fault, Filter, GrantFilter, GrantType,
    HttpMethod, NewCode, NewConsent, NewSandbox, NewTokens, Preset, RequestQuery, SettingsPatch,
    Timestamp, TokenKind, UserSpec, Window,
};
use civitai_oauth_mock::{Contract, MockError, MockServer, Scope};

use crate::support::{CONF, Fields, SandboxClient, SpendingApp, USERINFO};

const SEED: &str = include_str!("../support/seed.toml");
const DEVICE: &str = "/api/auth/oauth/device";

async fn seeded() -> (MockServer, SandboxClient) {
    let server = MockServer::builder()
        .seed(SEED)
        .expect("well-formed")
        .start()
        .await
        .expect("a free port");
    let sandbox = SandboxClient::at(server.base_url());
    (server, sandbox)
}

fn for_ada() -> NewTokens {
    NewTokens::new("conf", "ada", Scope::AI_SERVICES)
}

#[tokio::test]
async fn the_clock_is_moved_stopped_and_set() {
    let (server, _) = seeded().await;
    let noon: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    assert!(!server.clock().await.unwrap().frozen);
    assert!(server.freeze_clock().await.unwrap().frozen);
    let here = server.now().await.unwrap();
    assert_eq!(server.now().await.unwrap(), here);
    assert_eq!(server.freeze_clock_at(noon).await.unwrap().now, noon);
    let hour = Duration::from_hours(1);
    assert_eq!(server.advance_clock(hour).await.unwrap().now, noon + hour);
    assert_eq!(server.rewind_clock(hour).await.unwrap().now, noon);
    let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    assert_eq!(server.set_clock(later).await.unwrap().now, later);
    assert!(!server.resume_clock().await.unwrap().frozen);
    let beyond = server.advance_clock(Duration::from_secs(1 << 40)).await;
    assert!(matches!(beyond, Err(MockError::Invalid(error)) if error.path == "by"));
}

#[tokio::test]
async fn settings_are_read_and_changed() {
    let (server, sandbox) = seeded().await;
    let before = server.settings().await.unwrap();
    let changes = SettingsPatch::new()
        .contract(Contract::Live)
        .login("ada")
        .access_token_seconds(60)
        .code_seconds(5)
        .workflow_cost(3)
        .workflow_seconds(4);
    let after = server.update_settings(changes).await.unwrap();
    assert_eq!(after, server.settings().await.unwrap());
    assert_eq!(
        (after.access_token_seconds, after.code_seconds),
        (60, Some(5))
    );
    assert_eq!((after.workflow_cost, after.workflow_seconds), (3, 4));
    let shown = sandbox.get("/_mock/settings").await.json();
    assert_eq!(shown, serde_json::to_value(&after).unwrap());
    assert_eq!(server.contract().await.unwrap().contract, Contract::Live);
    let back = SettingsPatch::new().no_login().no_code_seconds();
    assert_eq!(
        server.update_settings(back).await.unwrap().code_seconds,
        None
    );
    server.reset().await.unwrap();
    assert_eq!(server.settings().await.unwrap(), before);
}

#[tokio::test]
async fn users_and_clients_are_created_read_changed_and_deleted() {
    let (server, sandbox) = seeded().await;
    let mia = server
        .create_user(UserSpec::named("mia").tier("gold"))
        .await;
    let mia = mia.unwrap();
    let changed = UserSpec::new().roles(["tester"]).no_tier();
    let changed = server.update_user(&mia, changed).await.unwrap();
    assert_eq!(
        (changed.tier, changed.roles),
        (None, vec!["tester".to_owned()])
    );
    assert_eq!(server.user(mia.id).await.unwrap().roles.len(), 1);
    let cookie = server.sign_in("mia").await.unwrap().cookie;
    let home = sandbox.get("/").cookie(cookie.reveal()).await;
    assert!(home.body.contains("mia"), "{home}");
    let many = server.users().await.unwrap().len();
    server.delete_user("mia").await.unwrap();
    assert_eq!(server.users().await.unwrap().len(), many - 1);

    let app = ClientSpec::named("App")
        .id("app")
        .secret("s")
        .grants([GrantType::ClientCredentials]);
    let app = server.create_client(app).await.unwrap();
    assert!(app.confidential && app.id == "app");
    let secret = server.rotate_secret("app").await.unwrap().client_secret;
    let asked = |secret: &str| {
        let fields = [("grant_type", "client_credentials"), ("client_id", "app")];
        Fields::new(&fields).with("client_secret", secret)
    };
    assert_eq!(sandbox.token(&asked(secret.reveal())).await.status, 200);
    assert_eq!(sandbox.token(&asked("s")).await.status, 400);
    let public = ClientSpec::new().no_secret().confidential(false);
    assert!(
        !server
            .update_client("app", public)
            .await
            .unwrap()
            .confidential
    );
    assert!(!server.client("app").await.unwrap().confidential);
    let many = server.clients().await.unwrap().len();
    server.delete_client("app").await.unwrap();
    assert_eq!(server.clients().await.unwrap().len(), many - 1);
}

#[tokio::test]
async fn tokens_are_minted_introspected_and_expired() {
    let (server, sandbox) = seeded().await;
    server.freeze_clock().await.unwrap();
    let tokens = server
        .issue_tokens(for_ada().expires_in(Duration::from_mins(1)))
        .await
        .unwrap();
    assert_eq!(tokens.expires_in, Duration::from_mins(1));
    let (access, refresh) = (&tokens.access_token, tokens.refresh_token.as_ref().unwrap());
    let shown = server.introspect_token(access).await.unwrap();
    let known = shown.token.unwrap();
    assert!(shown.active && known.kind == TokenKind::Access && known.user == 2);
    assert_eq!(known.expires_at, known.issued_at + Duration::from_mins(1));
    assert_eq!(server.introspect_token("x").await.unwrap().token, None);

    server.expire_token(access).await.unwrap();
    assert!(!sandbox.is_active(access.reveal()).await);
    server.issue_tokens(for_ada()).await.unwrap();
    assert_eq!(server.expire_access_tokens().await.unwrap(), 1);
    server.revoke_token(refresh).await.unwrap();
    assert_eq!(
        sandbox
            .token(&CONF.refresh_params(refresh.reveal()))
            .await
            .status,
        400
    );
    server
        .issue_tokens(NewTokens::new("spa", "tess", Scope::USER_READ))
        .await
        .unwrap();
    let hers = GrantFilter::all().user("tess").client("spa");
    assert_eq!(server.tokens(hers.clone()).await.unwrap().len(), 2);
    assert_eq!(server.revoke_tokens(hers).await.unwrap(), 2);
    assert!(server.revoke_tokens(GrantFilter::all()).await.unwrap() > 0);
    assert_eq!(server.tokens(GrantFilter::all()).await.unwrap(), []);

    let code = server
        .issue_code(NewCode::new("conf", "tess").state("xyz"))
        .await
        .unwrap();
    let verifier = code.code_verifier.unwrap();
    let redeem = CONF
        .redeem_params(code.code.reveal())
        .with("code_verifier", verifier.reveal());
    assert_eq!(sandbox.token(&redeem).await.status, 200);
    assert!(code.location.unwrap().reveal().ends_with("&state=xyz"));
}

#[tokio::test]
async fn devices_and_consents_are_approved_and_denied() {
    let (server, sandbox) = seeded().await;
    let tv = ClientSpec::named("TV")
        .id("tv")
        .grants([GrantType::DeviceCode]);
    server.create_client(tv).await.unwrap();
    let mut polled = Vec::new();
    for approved in [true, false] {
        let device = sandbox
            .post(DEVICE, &Fields::new(&[("client_id", "tv")]))
            .await;
        let user_code = device.text("user_code");
        if approved {
            server.approve_device(&user_code, "ada").await.unwrap();
        } else {
            server.deny_device(&user_code).await.unwrap();
        }
        let poll = [
            ("grant_type", GrantType::DeviceCode.name()),
            ("client_id", "tv"),
            ("device_code", &device.text("device_code")),
        ];
        polled.push(
            sandbox
                .post("/api/auth/oauth/device-token", &Fields::new(&poll))
                .await
                .status,
        );
    }
    assert_eq!(polled, [200, 400]);

    let budget = Budget::Sliding {
        limit: 5000,
        window: Window::Day,
        unit: 1,
        currencies: None,
    };
    let agreement =
        NewConsent::new("ada", "conf", "ModelsRead".parse().unwrap()).buzz_limit([budget]);
    let agreed = server.set_consent(agreement).await.unwrap();
    assert_eq!(agreed.scope.to_string(), "5");
    let known = server
        .consents(GrantFilter::all().user("ada"))
        .await
        .unwrap();
    assert_eq!((known.len(), &known[0].buzz_limit), (1, &agreed.buzz_limit));
    assert_eq!(server.delete_consents(GrantFilter::all()).await.unwrap(), 1);
}

#[tokio::test]
async fn faults_and_snapshots_are_created_and_deleted() {
    let (server, sandbox) = seeded().await;
    let tokens = server.issue_tokens(for_ada()).await.unwrap();
    let refresh = tokens.refresh_token.unwrap();
    server.take_snapshot("signed-in").await.unwrap();
    assert_eq!(server.snapshots().await.unwrap().len(), 1);
    assert_eq!(
        server.snapshot("signed-in").await.unwrap().name,
        "signed-in"
    );
    server
        .advance_clock(Duration::from_secs(3601))
        .await
        .unwrap();
    assert!(!sandbox.is_active(tokens.access_token.reveal()).await);
    server.restore_snapshot("signed-in").await.unwrap();
    assert!(sandbox.is_active(tokens.access_token.reveal()).await);
    server.delete_snapshot("signed-in").await.unwrap();

    server
        .add_fault_preset(Preset::RefreshRevoked)
        .await
        .unwrap();
    assert_eq!(
        sandbox
            .token(&CONF.refresh_params(refresh.reveal()))
            .await
            .status,
        400
    );
    server.delete_faults().await.unwrap();
    assert_eq!(
        sandbox
            .token(&CONF.refresh_params(refresh.reveal()))
            .await
            .status,
        200
    );
    let down = Fault::endpoint(Endpoint::Userinfo)
        .times(1)
        .status(503)
        .header("retry-after", "2");
    let down = server.add_fault(down).await.unwrap();
    assert_eq!(
        sandbox.userinfo("x").await.header("retry-after").as_deref(),
        Some("2")
    );
    assert_eq!(server.fault(down.id).await.unwrap().triggered, 1);
    server.delete_fault(down.id).await.unwrap();
    assert_eq!(server.faults().await.unwrap(), []);
    let skew = server.add_fault_preset(Preset::ClockSkew).await.unwrap();
    assert!(skew.clock.is_some() && skew.fault.is_none());
}

#[tokio::test]
async fn requests_are_read_awaited_and_verified() {
    let (server, sandbox) = seeded().await;
    sandbox.token(&CONF.refresh_params("x")).await;
    sandbox.get(USERINFO).await;
    sandbox.get("/nowhere").await;
    let refused = Filter::endpoint(Endpoint::Token)
        .refresh_token()
        .error("invalid_grant");
    let came = server.requests(refused).await.unwrap();
    let entry = &came.requests[0];
    assert_eq!(
        (entry.status, entry.param("client_id")),
        (Some(400), Some("conf"))
    );
    assert_eq!(entry.param("refresh_token"), Some("[redacted]"));
    assert_eq!(came.counters.endpoints[&Endpoint::Other], 1);
    let shown = server
        .requests(RequestQuery::any().unredacted().limit(3))
        .await
        .unwrap();
    assert_eq!(shown.requests[0].param("refresh_token"), Some("x"));
    assert!(!format!("{shown:?}").contains(r#""x""#), "{shown:?}");

    let waiting = RequestQuery::endpoint(Endpoint::Token)
        .wait(Duration::from_secs(30))
        .count(2);
    let refresh = CONF.refresh_params("y");
    let (found, _) = tokio::join!(server.requests(waiting), sandbox.token(&refresh));
    assert_eq!(found.unwrap().requests.len(), 2);

    let one = |endpoint| Expect::endpoint(endpoint).at_least(1);
    let in_order = Expectations::in_order([one(Endpoint::Token), one(Endpoint::Userinfo)]);
    server.verify(in_order).await.unwrap();
    server
        .verify(
            Expect::any()
                .path("/nowhere")
                .method(HttpMethod::Get)
                .times(1),
        )
        .await
        .unwrap();
    server
        .verify(Expect::any().grant_type(GrantType::Password).never())
        .await
        .unwrap();
    server.delete_requests().await.unwrap();
    assert_eq!(
        server.requests(Filter::any()).await.unwrap().counters.total,
        0
    );
}

#[tokio::test]
async fn sandboxes_are_created_listed_and_deleted() {
    let (server, _) = seeded().await;
    let made = NewSandbox::named("live")
        .seed("[[users]]\nid = 1\nusername = \"mia\"")
        .unwrap()
        .settings(SettingsPatch::new().contract(Contract::Live).login("mia"));
    let live = server.create_sandbox(made).await.unwrap();
    assert_eq!(live.users().await.unwrap().len(), 1);
    assert_eq!(
        live.settings().await.unwrap().rules.contract,
        Contract::Live
    );
    let created = server.create_sandbox(NewSandbox::unnamed()).await.unwrap();
    assert_eq!(created.name().len(), 36);
    let names: Vec<String> = server
        .sandboxes()
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert!(
        names.contains(&"default".to_owned()) && names.len() == 3,
        "{names:?}"
    );
    let info = server.sandbox_info("live").await.unwrap();
    assert!(info.path == "/_sandbox/live" && info.idle.is_some());
    server.delete_sandbox("live").await.unwrap();
    assert!(matches!(
        server.sandbox_info("live").await,
        Err(MockError::NotFound(_))
    ));
}

#[tokio::test]
async fn spends_are_listed_deleted_and_reset() {
    let (server, sandbox) = seeded().await;
    let ada = SpendingApp::funded(&sandbox, &CONF, 100).await;
    let limit = [Budget::Absolute {
        limit: 30,
        currencies: None,
    }];
    let agreed = NewConsent::new("ada", "conf", Scope::AI_SERVICES).buzz_limit(limit);
    server.set_consent(agreed).await.unwrap();
    assert!(ada.pays(30).await && !ada.pays(1).await);
    let whose = GrantFilter::all().user("ada").client("conf");
    let spent = server.spends(whose.clone()).await.unwrap();
    let rule = &spent[0].spending.rules[0];
    assert_eq!((rule.kind, rule.spend, rule.remaining), ("absolute", 30, 0));
    assert_eq!(server.reset_budgets("ada", "conf").await.unwrap(), 1);
    assert!(ada.pays(30).await && !ada.pays(1).await);
    assert_eq!(server.delete_spends(whose).await.unwrap(), 2);
    assert!(ada.pays(30).await);
}
