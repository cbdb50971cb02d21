//! `/_mock/requests`: filters, long polls, and capacity. The fields of an entry are in `journal.rs`.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::frames::{ACK, Frame, Frames, PING};
use crate::support::{
    AUTHORIZE, CONF, Fields, RawConnection, SPA, SandboxClient, Stopwatch, TOKEN, TestServer,
    USERINFO, config,
};

async fn requests(mock: &SandboxClient, query: &str) -> Value {
    mock.control("GET", &format!("/requests{query}"), json!({}))
        .await
}

/// Endpoint and id of each entry.
fn ids(shown: &Value) -> String {
    let list = shown["requests"].as_array().cloned().unwrap_or_default();
    let words: Vec<String> = list
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["endpoint"].as_str().unwrap_or_default(),
                one["id"]
            )
        })
        .collect();
    words.join(", ")
}

#[tokio::test]
async fn filters_choose_among_the_exchanges() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.tokens_of("tess", &SPA, "1").await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    mock.userinfo(&tokens.access).await;
    mock.get("/login").await;
    let mut table = String::new();
    for query in [
        "",
        "?endpoint=token",
        "?endpoint=login",
        "?method=GET",
        "?grant_type=refresh_token",
        "?client_id=conf",
        "?client_id=spa&endpoint=token",
        "?user=ada",
        "?user=3",
        "?status=400",
        "?error=invalid_grant",
        "?after=5",
        "?limit=2",
        "?limit=0",
        "?endpoint=token&limit=1",
        "?endpoint=revoke",
        "?method=get",
        "?grant_type=password",
        "?error=server_error",
        "?path=/login",
        "?path=/api/auth/oauth/token&limit=1",
    ] {
        table += &format!("{query}: {}\n", ids(&requests(&mock, query).await));
    }
    for query in [
        "?endpont=token",
        "?user=adda",
        "?status=ok",
        "?wait=1h",
        "?wait=soon",
        "?wait=-1s",
        "?count=-1",
        "?unredacted=1",
        "?endpoint=tokn",
        "?method=FETCH",
        "?grant_type=refresh-token",
        "?grant_type=x",
        "?client_id=cnf",
        "?error=invalid_grnt",
        "?status=600",
        "?status=99",
        "?endpoint=userinfo&grant_type=refresh_token",
        "?count=2",
    ] {
        let answer = mock.get(&format!("/_mock/requests{query}")).await;
        table += &format!(
            "{query}: {} ({})\n",
            answer.summary(),
            answer.json()["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    : authorize 1, token 2, authorize 3, token 4, token 5, token 6, userinfo 7, login 8
    ?endpoint=token: token 2, token 4, token 5, token 6
    ?endpoint=login: login 8
    ?method=GET: userinfo 7, login 8
    ?grant_type=refresh_token: token 5, token 6
    ?client_id=conf: authorize 1, token 2, token 5, token 6, userinfo 7
    ?client_id=spa&endpoint=token: token 4
    ?user=ada: authorize 1, token 2, token 5, userinfo 7
    ?user=3: authorize 3, token 4
    ?status=400: token 6
    ?error=invalid_grant: token 6
    ?after=5: token 6, userinfo 7, login 8
    ?limit=2: userinfo 7, login 8
    ?limit=0: 
    ?endpoint=token&limit=1: token 6
    ?endpoint=revoke: 
    ?method=get: userinfo 7, login 8
    ?grant_type=password: 
    ?error=server_error: 
    ?path=/login: login 8
    ?path=/api/auth/oauth/token&limit=1: token 6
    ?endpont=token: 400 invalid: unknown key "endpont" ("did you mean \"endpoint\"?")
    ?user=adda: 400 invalid: no user "adda" ("did you mean \"ada\"?")
    ?status=ok: 400 invalid: "ok" is not a whole number from 0 to 65535 (null)
    ?wait=1h: 400 invalid: 1h is not between 0s and 1m ("repeat the request to wait longer")
    ?wait=soon: 400 invalid: "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds (null)
    ?wait=-1s: 400 invalid: -1s is not between 0s and 1m ("repeat the request to wait longer")
    ?count=-1: 400 invalid: -1 is not a whole number, 0 or more (null)
    ?unredacted=1: 400 invalid: "1" is not true or false (null)
    ?endpoint=tokn: 400 invalid: no endpoint "tokn" ("did you mean \"token\"?")
    ?method=FETCH: 400 invalid: no method "FETCH" ("choose among CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE")
    ?grant_type=refresh-token: 400 invalid: no grant type "refresh-token" ("did you mean \"refresh_token\"?")
    ?grant_type=x: 400 invalid: no grant type "x" ("choose among authorization_code, client_credentials, other, password, refresh_token, urn:ietf:params:oauth:grant-type:device_code, urn:ietf:params:oauth:grant-type:jwt-bearer, urn:ietf:params:oauth:grant-type:saml2-bearer, urn:ietf:params:oauth:grant-type:token-exchange, urn:openid:params:grant-type:ciba")
    ?client_id=cnf: 400 invalid: no client "cnf" ("did you mean \"conf\"?")
    ?error=invalid_grnt: 400 invalid: no endpoint returns the error "invalid_grnt" ("did you mean \"invalid_grant\"?")
    ?status=600: 400 invalid: 600 is not a status from 100 to 599 ("use 0 for requests whose connection was closed without a response")
    ?status=99: 400 invalid: 99 is not a status from 100 to 599 ("use 0 for requests whose connection was closed without a response")
    ?endpoint=userinfo&grant_type=refresh_token: 400 invalid: the endpoint "userinfo" has no grant_type, so "refresh_token" never matches ("omit one of them, or use the endpoint device-token or token")
    ?count=2: 400 invalid: count 2 requires wait ("add wait, for example wait=5s, or omit count")
    "#);
}

#[tokio::test]
async fn filters_accept_known_values_only() {
    let mock = TestServer::documented().await;
    let summary = async |query: &str| {
        let answer = mock.get(&format!("/_mock/requests?{query}")).await;
        (answer.status, answer.json()["hint"].to_string())
    };
    // A client that is deleted or was never registered can be searched for once it has called.
    assert_eq!(summary("client_id=stranger").await.0, 400);
    mock.token(&CONF.refresh_params("x").with("client_id", "stranger"))
        .await;
    assert_eq!(summary("client_id=stranger").await.0, 200);
    mock.set(json!({ "unknown_clients": "register" })).await;
    assert_eq!(summary("client_id=another").await.0, 200);
    // An error of one's own is known once a fault makes it, and while it stands in the journal.
    assert_eq!(summary("error=my_own").await.0, 400);
    let fault = json!({ "times": 1, "effect": { "error": "my_own" } });
    mock.control("POST", "/faults", fault).await;
    assert_eq!(summary("error=my_own").await.0, 200);
    assert_eq!(
        summary("error=my_owm").await,
        (400, r#""did you mean \"my_own\"?""#.to_owned())
    );
    mock.get(USERINFO).await;
    mock.control("DELETE", "/faults", json!({})).await;
    assert_eq!(summary("error=my_own").await.0, 200);
    mock.control("DELETE", "/requests", json!({})).await;
    assert_eq!(summary("error=my_own").await.0, 400);
}

#[tokio::test]
async fn disconnected_long_poll_ends() {
    let mock = TestServer::documented().await;
    let mut caller = TcpStream::connect(mock.server().address()).await.unwrap();
    let asked = "GET /_sandbox/heard/_mock/requests?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n";
    caller.write_all(asked.as_bytes()).await.unwrap();
    // A request to a sandbox creates it.
    while mock.get("/_mock/sandboxes/heard").await.status != 200 {
        tokio::task::yield_now().await;
    }
    drop(caller);
    // A server that stops waits for long polls.
    let began = Stopwatch::start();
    mock.stop().await;
    assert!(began.elapsed().as_millis() < 1000, "{:?}", began.elapsed());
}

#[tokio::test]
async fn long_polls_are_answered_when_the_server_stops() {
    let mock = TestServer::documented().await;
    let address = mock.server().address();
    let sandbox = mock.sandbox("waits");
    sandbox.get(USERINFO).await;
    let path = "/_sandbox/waits/_mock/requests?wait=60s&count=2";
    let mut old = RawConnection::to(address).await;
    old.send(format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    ))
    .await;
    old.read_until("100 Continue").await;
    old.send("{}").await;
    let mut new = Frames::connect(address, &[]).await;
    new.send(&Frame::get(1, path)).await;
    let mut events = RawConnection::to(address).await;
    events
        .send("GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    events.read_until("text/event-stream").await;
    // What came before a PING has been read when it is answered.
    new.send(&Frame::new(PING, 0, 0, [1; 8])).await;
    while new
        .next()
        .await
        .is_some_and(|frame| frame.flags != ACK || frame.kind != PING)
    {}
    let stopped = tokio::spawn(mock.stop());
    let heard = old.read_to_close().await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    assert!(heard.contains("\"endpoint\":\"userinfo\""), "{heard}");
    assert!(new.is_ok(1).await);
    let heard = events.read_to_close().await;
    assert!(
        heard.ends_with("0\r\n\r\n"),
        "the stream ends in order: {heard}"
    );
    stopped.await.expect("it stops");
}

#[tokio::test]
async fn long_poll_returns_as_soon_as_enough_requests_arrive() {
    let mock = TestServer::documented().await;
    mock.get(USERINFO).await;
    let waiting = async {
        let began = Stopwatch::start();
        let came = requests(&mock, "?endpoint=token&wait=30s&count=2").await;
        (ids(&came), began.elapsed())
    };
    let sending = async {
        mock.token(&CONF.client_credentials()).await;
        mock.get(USERINFO).await;
        mock.token(&CONF.client_credentials()).await;
    };
    let ((came, took), ()) = tokio::join!(waiting, sending);
    assert_snapshot!(came, @"token 2, token 4");
    assert!(took.as_secs() < 10, "{took:?}");
    // Enough have come already.
    assert_eq!(
        ids(&requests(&mock, "?endpoint=token&wait=30s").await),
        came
    );
    // And where they do not come, what there is.
    assert_eq!(
        ids(&requests(&mock, "?endpoint=token&wait=50ms&count=3").await),
        came
    );
    let (none, _) = tokio::join!(
        requests(&mock, "?endpoint=revoke&wait=30s&count=1"),
        async { mock.revoke(&CONF.revoke_params("x")).await }
    );
    assert_snapshot!(ids(&none), @"revoke 5");
}

#[tokio::test]
async fn clearing_the_journal_resets_counters_but_not_ids() {
    let mock = TestServer::documented().await;
    mock.token(&CONF.client_credentials()).await;
    mock.get(USERINFO).await;
    assert_snapshot!(requests(&mock, "?limit=0").await, @r#"{"requests":[],"counters":{"total":2,"endpoints":{"token":1,"userinfo":1},"grants":{"client_credentials":1}},"evicted":0}"#);
    assert_snapshot!(mock.request("DELETE", "/_mock/requests").await, @"
    200
    content-type: application/json

    {}
    ");
    assert_snapshot!(requests(&mock, "").await, @r#"{"requests":[],"counters":{"total":0,"endpoints":{},"grants":{}},"evicted":0}"#);
    mock.get(USERINFO).await;
    assert_eq!(ids(&requests(&mock, "").await), "userinfo 3");
}

#[tokio::test]
async fn full_journal_evicts_the_oldest_but_counts_all() {
    let mut config = config(Contract::Documented);
    config.journal_capacity = 3;
    let mock = TestServer::start(config).await;
    for _ in 0..5 {
        mock.get(USERINFO).await;
    }
    let shown = requests(&mock, "").await;
    assert_eq!(ids(&shown), "userinfo 3, userinfo 4, userinfo 5");
    assert_eq!(shown["counters"]["total"], 5);
    assert_eq!(shown["evicted"], 2);
    mock.control("DELETE", "/requests", json!({})).await;
    assert_eq!(requests(&mock, "").await["evicted"], 0);
}

#[tokio::test]
async fn control_calls_and_health_checks_are_not_recorded() {
    let mock = TestServer::documented().await;
    mock.get("/api/health").await;
    mock.get("/_mock/clock").await;
    let sandbox = mock.sandbox("x");
    sandbox.get("/_mock/settings").await;
    assert_eq!(ids(&requests(&mock, "").await), "");
    sandbox.get(AUTHORIZE).await;
    mock.get("/nowhere").await;
    assert_eq!(
        ids(&requests(&mock, "").await),
        "other 1",
        "each sandbox has its own"
    );
    assert_eq!(ids(&requests(&sandbox, "").await), "authorize 1");
}

#[tokio::test]
async fn exchanges_are_dropped_when_the_memory_of_the_journals_is_full() {
    let mut config = config(Contract::Documented);
    config.journal_memory = 1_000_000;
    let mock = TestServer::start(config).await;
    // Each takes about 8 kB, so that 125 of them fit.
    let large = (0..10).fold(Fields::default(), |fields, at| {
        fields.and(&format!("x{at}"), &"y".repeat(4000))
    });
    for _ in 0..250 {
        mock.post(TOKEN, &large).await;
    }
    let shown = requests(&mock, "").await;
    let stored = shown["requests"].as_array().unwrap().len() as u64;
    assert!((80..125).contains(&stored), "{stored}");
    assert_eq!(shown["evicted"], 250 - stored);
    assert_eq!(shown["counters"]["total"], 250);
}

#[tokio::test]
async fn odd_header_values_and_queries_are_stored_as_they_were_sent() {
    let mock = TestServer::documented().await;
    mock.request("GET", "/api/auth/oauth/userinfo?a=b:%20c&:method=x")
        .header("accept", "a: b: c")
        .header("user-agent", "")
        .header("origin", ":path: /x")
        .await;
    let listed = mock.get("/_mock/requests?limit=1").await.json();
    let request = &listed["requests"][0];
    assert_eq!(request["headers"]["accept"], "a: b: c", "{request}");
    assert_eq!(request["headers"]["user-agent"], "", "{request}");
    assert_eq!(request["headers"]["origin"], ":path: /x", "{request}");
    assert_eq!(request["method"], "GET", "{request}");
    assert_eq!(request["path"], "/api/auth/oauth/userinfo", "{request}");
    assert_eq!(request["params"]["a"], "b: c", "{request}");
}
