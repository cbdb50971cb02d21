//! `/_mock/playground`: the server plays the app, step by step, and each step is real.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Answer, CONF, Fields, Mock, SPA, World};

const PLAYGROUND: &str = "/_mock/playground";

/// Somebody at a browser, with a run.
struct Player<'a> {
    world: &'a World,
    cookie: String,
}

fn begins(client_id: &str, grant: &str, secret: &str) -> Fields {
    Fields::of(&[
        ("client_id", client_id),
        ("grant", grant),
        ("preset", "AI Services"),
        ("secret", secret),
    ])
}

impl<'a> Player<'a> {
    async fn begin(world: &'a World, fields: &Fields) -> Self {
        let begun = world.post(PLAYGROUND, fields).await;
        assert_eq!(begun.status, 303, "{begun}");
        Self {
            world,
            cookie: begun.cookie(),
        }
    }

    async fn look(&self) -> Answer {
        self.world.get(PLAYGROUND).cookie(&self.cookie).await
    }

    async fn act(&self, name: &str) -> Answer {
        let form = Fields::of(&[("act", name)]).encoded();
        let path = format!("{PLAYGROUND}/act");
        let ask = self.world.ask("POST", &path).cookie(&self.cookie);
        ask.body("application/x-www-form-urlencoded", form).await;
        self.look().await
    }

    /// Goes the way of the browser, and back to the app.
    async fn consent(&self) -> Answer {
        let way = self
            .look()
            .await
            .page()
            .attributes("#next a.button", "href")
            .remove(0);
        let query = way.split_once('?').expect("an authorize URL has a query").1;
        let asked: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let pairs: Vec<(&str, &str)> = asked
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let back = self.world.approve(&Fields::of(&pairs)).await.location();
        let back = &back[url::Position::BeforePath..];
        let prefix = self
            .world
            .base
            .find("/_sandbox")
            .map_or("", |at| &self.world.base[at..]);
        self.world
            .get(&back[prefix.len()..])
            .cookie(&self.cookie)
            .await;
        self.look().await
    }
}

/// How each step went, and which buttons there are.
fn gist(answer: &Answer) -> String {
    let page = answer.page();
    format!(
        "{}\n{}\n-> {}",
        match page.texts(".phases .done") {
            done if done.is_empty() => "nothing done".to_owned(),
            done => done.join(", "),
        },
        page.texts(".steps summary").join("\n"),
        page.texts("#next .button, #next button").join(" / ")
    )
}

#[tokio::test]
async fn the_whole_flow_and_its_mistakes() {
    let mock = Mock::documented().await;
    let player = Player::begin(&mock, &begins(SPA.id, "code", "")).await;
    assert_snapshot!(gist(&player.look().await), @"
    nothing done

    -> Go to the sign-in and consent / End this run
    ");
    assert_snapshot!(gist(&player.consent().await), @"
    Authorize (done)
    The browser comes back to the app: well
    -> Exchange the code / Mistake: Exchange it with a wrong verifier / End this run
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
    assert_snapshot!(gist(&player.look().await), @"
    Authorize (done), Exchange (done), Userinfo (done), Refresh (done), Revoke (done)
    The browser comes back to the app: well
    Exchange the code: well
    Ask who the user is: well
    Refresh the tokens: well
    Use the old refresh token again: refused
    Exchange the code again: refused
    Revoke the refresh token: well
    Ask who the user is: well
    -> Ask who the user is / Mistake: Exchange the code again / Mistake: Use the old refresh token again / End this run
    ");
    // All of it is in the journal, as an app's own calls are.
    let counters = &mock.control("GET", "/requests", json!({})).await["counters"];
    assert_snapshot!(counters["grants"], @r#"{"authorization_code":2,"refresh_token":2}"#);
    player.act("forget").await;
    assert!(player.look().await.page().texts(".steps").is_empty());
}

#[tokio::test]
async fn a_wrong_verifier_uses_the_code_up() {
    let mock = Mock::live().await;
    let player = Player::begin(&mock, &begins(SPA.id, "code", "")).await;
    player.consent().await;
    let page = player.act("wrong-verifier").await;
    assert_snapshot!(gist(&page), @"
    nothing done
    The browser comes back to the app: well
    Exchange it with a wrong verifier: refused
    -> Go to the sign-in and consent / End this run
    ");
    // Another attempt has a state and a verifier of its own.
    player.consent().await;
    let page = player.act("exchange").await;
    assert!(
        gist(&page).contains("Exchange the code: well"),
        "{}",
        gist(&page)
    );
}

#[tokio::test]
async fn a_state_that_is_not_ours_is_shown_as_the_end_of_it() {
    let mock = Mock::documented().await;
    let player = Player::begin(&mock, &begins(SPA.id, "code", "")).await;
    let callback = format!("{PLAYGROUND}/callback?code=stolen&state=forged");
    mock.get(&callback).cookie(&player.cookie).await;
    let page = player.look().await;
    assert_snapshot!(gist(&page), @"
    nothing done
    The browser comes back to the app: refused
    -> Go to the sign-in and consent / End this run
    ");
    assert!(page.body.contains("not so"));
}

#[tokio::test]
async fn a_device_is_started_polled_and_approved() {
    let mock = Mock::documented().await;
    mock.register_cli().await;
    let fields = begins(crate::support::CLI, "device", "");
    let player = Player::begin(&mock, &fields).await;
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
    assert_snapshot!(gist(&player.act("userinfo").await), @"
    Start (done), Approve and poll (done), Userinfo (done)
    Start the device flow: well
    Poll for the tokens: refused
    Poll for the tokens: well
    Ask who the user is: well
    -> Ask who the user is / Refresh the tokens / Revoke the refresh token / Mistake: Poll for the tokens / End this run
    ");
}

#[tokio::test]
async fn an_app_asks_for_itself() {
    let mock = Mock::documented().await;
    let secret = CONF.for_itself();
    let secret = secret.get("client_secret").unwrap();
    let wrong = mock
        .post(PLAYGROUND, &begins(CONF.id, "itself", "guess"))
        .await;
    assert_eq!(wrong.status, 400);
    assert_snapshot!(wrong.page().texts(".problem").join(""), @"Conf App is confidential, and this is not its secret. The server keeps only its hash: if it is lost, give the app a new one on the account page.");
    let player = Player::begin(&mock, &begins(CONF.id, "itself", secret)).await;
    assert_snapshot!(gist(&player.act("for-itself").await), @"
    Ask for a token (done)
    Ask for a token: well
    -> Ask who the user is / End this run
    ");
}

#[tokio::test]
async fn the_redirect_uri_is_registered_for_all_to_see() {
    let mock = Mock::documented().await;
    let player = Player::begin(&mock, &begins(SPA.id, "code", "")).await;
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
async fn faults_strike_here_too() {
    let mock = Mock::documented().await;
    let player = Player::begin(&mock, &begins(SPA.id, "code", "")).await;
    player.consent().await;
    for (effect, seen) in [
        (
            json!({ "reset": true }),
            "The connection broke: nothing came back.",
        ),
        (
            json!({ "truncate": true }),
            "the connection broke before the end of the body",
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
async fn a_sandbox_plays_alone_and_a_reset_ends_the_play() {
    let mock = Mock::documented().await;
    let world = mock.sandbox("x");
    let player = Player::begin(&world, &begins(SPA.id, "code", "")).await;
    let page = player.consent().await;
    assert!(
        gist(&page).contains("The browser comes back to the app: well"),
        "{}",
        gist(&page)
    );
    player.act("exchange").await;
    assert_eq!(
        mock.control("GET", "/tokens", json!({})).await["tokens"],
        json!([])
    );
    assert_ne!(
        world.control("GET", "/tokens", json!({})).await["tokens"],
        json!([])
    );
    world.control("POST", "/reset", json!({})).await;
    assert!(player.look().await.page().texts(".steps").is_empty());
}

#[tokio::test]
async fn the_curl_lines_do_what_they_show() {
    let mock = Mock::documented().await;
    let player = Player::begin(&mock, &begins(SPA.id, "code", "")).await;
    player.consent().await;
    player.act("exchange").await;
    let page = player.act("userinfo").await.page();
    let lines = page.texts("code.curl");
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
