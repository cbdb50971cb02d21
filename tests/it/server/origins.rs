//! The origin of the server as clients see it: `Host`, a public URL, and a trusted proxy's headers only.

use civitai_oauth_mock::{Config, Contract};
use insta::assert_snapshot;

use crate::support::{AUTHORIZE, CONF, SandboxClient, TestRequest, TestServer, config};

/// The origin that an answer to this request names.
async fn origin(mock: &SandboxClient, with: impl FnOnce(TestRequest) -> TestRequest) -> String {
    let cookie = mock.session("ada").await;
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    let answer = with(mock.get(&path).cookie(&cookie)).await;
    let origin = answer.location().origin().ascii_serialization();
    let port = url::Url::parse(&mock.base).ok().and_then(|url| url.port());
    crate::support::redacted(&origin, port.unwrap_or_default())
}

type With = (&'static str, &'static [(&'static str, &'static str)]);

const REQUESTS: &[With] = &[
    ("nothing", &[]),
    ("Host", &[("host", "mock.test:8080")]),
    ("Host with a path", &[("host", "evil.example/x")]),
    ("Host with a user", &[("host", "user@evil.example")]),
    (
        "X-Forwarded-Proto",
        &[("host", "mock.test"), ("x-forwarded-proto", "https")],
    ),
    (
        "X-Forwarded-*",
        &[
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
        ],
    ),
    (
        "X-Forwarded-* of two",
        &[
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-host", "a.example, b.example"),
        ],
    ),
    (
        "Forwarded",
        &[(
            "forwarded",
            "for=192.0.2.1;host=\"shop.example:444\";proto=https, for=10.0.0.1",
        )],
    ),
    (
        "both",
        &[
            ("forwarded", "host=one.example;proto=https"),
            ("x-forwarded-host", "two.example"),
        ],
    ),
    (
        "another scheme",
        &[
            ("x-forwarded-proto", "javascript"),
            ("x-forwarded-host", "shop.example"),
        ],
    ),
    (
        "a host with a path",
        &[("x-forwarded-host", "evil.example/x?y")],
    ),
    ("a broken Forwarded", &[("forwarded", ";;=,")]),
];

async fn table(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for (what, headers) in REQUESTS {
        let seen = origin(mock, |ask| {
            headers
                .iter()
                .fold(ask, |ask, (name, value)| ask.header(name, value))
        });
        table += &format!("{what}: {}\n", seen.await);
    }
    table
}

#[tokio::test]
async fn host_header_counts_and_proxy_headers_are_ignored() {
    let mock = TestServer::documented().await;
    assert_snapshot!(table(&mock).await, @"
    nothing: http://mock
    Host: http://mock.test:8080
    Host with a path: http://mock
    Host with a user: http://mock
    X-Forwarded-Proto: http://mock.test
    X-Forwarded-*: http://mock
    X-Forwarded-* of two: http://mock
    Forwarded: http://mock
    both: http://mock
    another scheme: http://mock
    a host with a path: http://mock
    a broken Forwarded: http://mock
    ");
}

#[tokio::test]
async fn trusted_proxy_headers_override_host() {
    let mut config = config(Contract::Documented);
    config.trust_proxy = true;
    let mock = TestServer::start(config).await;
    assert_snapshot!(table(&mock).await, @"
    nothing: http://mock
    Host: http://mock.test:8080
    Host with a path: http://mock
    Host with a user: http://mock
    X-Forwarded-Proto: https://mock.test
    X-Forwarded-*: https://shop.example
    X-Forwarded-* of two: https://a.example
    Forwarded: https://shop.example:444
    both: https://one.example
    another scheme: http://shop.example
    a host with a path: http://mock
    a broken Forwarded: http://mock
    ");
}

#[tokio::test]
async fn public_url_overrides_everything() {
    let mut config = config(Contract::Documented);
    config.trust_proxy = true;
    config.set_public_url("https://mock.example:8443/").unwrap();
    let mock = TestServer::start(config).await;
    let seen = table(&mock).await;
    assert!(
        seen.lines()
            .all(|line| line.ends_with(": https://mock.example:8443")),
        "{seen}"
    );
    assert_eq!(mock.server().base_url(), "https://mock.example:8443");
    let sandbox = mock.sandbox("x");
    let answer = sandbox.authorize(&CONF.authorize_params("1")).await;
    assert_snapshot!(answer.summary(), @"303 to https://mock.example:8443/_sandbox/x/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
}

#[tokio::test]
async fn a_public_url_is_an_origin() {
    let mut output = String::new();
    for url in [
        "localhost:8080",
        "ftp://a",
        "https://a/b",
        "https://a?b",
        "https://u@a",
        "",
    ] {
        let error = Config::default().set_public_url(url).unwrap_err();
        output += &format!("{error}\n");
    }
    assert_snapshot!(output, @r#"
    public_url: "localhost:8080" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    public_url: "ftp://a" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    public_url: "https://a/b" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    public_url: "https://a?b" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    public_url: "https://[redacted]@a" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    public_url: "" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    "#);
}
