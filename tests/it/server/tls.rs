//! HTTPS: a generated certificate for any requested name, or one from files, and the URLs in responses.

use std::path::PathBuf;

use civitai_oauth_mock::{Certificate, Config, Contract, Server};
use insta::assert_snapshot;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{
    AUTHORIZE, CONF, CONFIGURATION, Https, JWKS, Program, SPA, TempDir, TestServer, config,
};

fn with(certificate: Certificate) -> Config {
    let mut config = config(Contract::Documented);
    let anywhere = "127.0.0.1:0".parse().expect("an address");
    config.tls = Some((anywhere, certificate));
    config
}

fn generated() -> Config {
    with(Certificate::Generated { ca_file: None })
}

/// A client that trusts what the server made for itself.
fn trusting(mock: &TestServer) -> Https {
    let authority = mock.server().certificate_authority().expect("it made one");
    Https::trusting(authority, mock.server().tls_address().expect("it listens"))
}

#[tokio::test]
async fn certificate_is_made_for_any_requested_name() {
    let mock = TestServer::start(generated()).await;
    let https = trusting(&mock);
    for name in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "auth.civitai.com",
        "mock.test",
    ] {
        let base = https.base(name);
        for prefix in ["", "/_sandbox/x"] {
            let base = format!("{base}{prefix}");
            let answer = https.get(&format!("{base}{CONFIGURATION}")).await;
            let document = answer.expect("the certificate is good").json();
            assert_eq!(document["issuer"], base);
            assert_eq!(document["jwks_uri"], format!("{base}{JWKS}"));
        }
    }
}

#[tokio::test]
async fn certificates_of_names_are_replaced_when_full() {
    let mock = TestServer::start(generated()).await;
    let https = trusting(&mock);
    for at in (0..300).chain([0, 299]) {
        let url = format!("{}/api/health", https.base(&format!("name{at}.test")));
        let answer = https.get(&url).await;
        assert_eq!(answer.expect("the certificate is good").status, 200, "{at}");
    }
}

#[tokio::test]
async fn redirects_of_an_https_request_stay_on_https() {
    let mock = TestServer::start(generated()).await;
    let https = trusting(&mock);
    let base = https.base("localhost");
    let asked = SPA.authorize_params("1").encoded();
    let sent = https.get(&format!("{base}{AUTHORIZE}?{asked}")).await;
    let there = sent.expect("an answer").location();
    assert!(
        there.as_str().starts_with(&format!("{base}/login?")),
        "{there}"
    );
}

#[tokio::test]
async fn both_listeners_serve_the_same_sandboxes() {
    let mock = TestServer::start(generated()).await;
    let https = trusting(&mock);
    let keys = https
        .get(&format!("{}{JWKS}", https.base("localhost")))
        .await;
    assert_eq!(keys.expect("an answer").json(), mock.get(JWKS).await.json());
}

#[tokio::test]
async fn client_without_the_ca_rejects_the_certificate() {
    let mock = TestServer::start(generated()).await;
    let stranger = TestServer::start(generated()).await;
    let authority = stranger.server().certificate_authority().expect("one");
    let address = mock.server().tls_address().expect("it listens");
    let https = Https::trusting(authority, address);
    let error = https
        .get(&https.base("localhost"))
        .await
        .expect_err("a stranger");
    assert!(
        error.to_string().contains("invalid peer certificate"),
        "{error}"
    );
}

#[tokio::test]
async fn ca_certificate_is_written_to_the_given_path() {
    let folder = TempDir::new();
    let file = folder.write("ca.pem", "");
    let config = || {
        with(Certificate::Generated {
            ca_file: Some(file.clone()),
        })
    };
    // The second one replaces the certificate of the first.
    drop(TestServer::start(config()).await);
    let mock = TestServer::start(config()).await;
    let written = std::fs::read_to_string(&file).expect("it was written");
    assert_eq!(Some(&*written), mock.server().certificate_authority());
    let address = mock.server().tls_address().expect("it listens");
    let https = Https::trusting(&written, address);
    let health = https
        .get(&format!("{}/api/health", https.base("localhost")))
        .await;
    assert_eq!(health.expect("an answer").status, 200);
}

/// A certificate and its key, in two files.
fn files(folder: &TempDir, stem: &str) -> (PathBuf, PathBuf, String) {
    let names = vec!["mock.test".to_owned()];
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names).expect("a certificate can be made");
    let certificate = folder.write(&format!("{stem}.pem"), &cert.pem());
    let key = folder.write(&format!("{stem}.key"), &signing_key.serialize_pem());
    (certificate, key, cert.pem())
}

#[tokio::test]
async fn certificate_from_files_is_served() {
    let folder = TempDir::new();
    let (certificate, key, pem) = files(&folder, "own");
    let mock = TestServer::start(with(Certificate::Files { certificate, key })).await;
    assert_eq!(mock.server().certificate_authority(), None);
    let address = mock.server().tls_address().expect("it listens");
    let https = Https::trusting(&pem, address);
    let health = https
        .get(&format!("{}/api/health", https.base("mock.test")))
        .await;
    assert_eq!(health.expect("an answer").status, 200);
    let other = https
        .get(&format!("{}/api/health", https.base("localhost")))
        .await;
    assert!(other.is_err(), "the certificate is for mock.test alone");
}

#[tokio::test]
async fn unusable_certificate_files_stop_the_start_and_are_named() {
    let folder = TempDir::new();
    let (certificate, key, _) = files(&folder, "one");
    let (_, other_key, _) = files(&folder, "two");
    let nothing = folder.write("empty.pem", "");
    let missing = folder.path("missing.pem");
    let mut output = String::new();
    for (certificate, key) in [
        (&missing, &key),
        (&certificate, &missing),
        (&nothing, &key),
        (&certificate, &nothing),
        (&certificate, &certificate),
        (&key, &key),
        (&certificate, &other_key),
    ] {
        let (certificate, key) = (certificate.clone(), key.clone());
        let config = with(Certificate::Files { certificate, key });
        let error = Server::start(config).await.expect_err("it cannot");
        output += &folder.redacted(&format!("{error}\n"));
    }
    let ca_file = Some(folder.path("no/such/folder/ca.pem"));
    let error = Server::start(with(Certificate::Generated { ca_file })).await;
    output += &folder.redacted(&format!("{}\n", error.expect_err("it cannot")));
    assert_snapshot!(output, @"
    <folder>/missing.pem: No such file or directory (os error 2)
    <folder>/missing.pem: No such file or directory (os error 2)
    <folder>/empty.pem: the file has no certificate
    <folder>/empty.pem: not valid PEM: no items found
    <folder>/one.pem: not valid PEM: no items found
    <folder>/one.key: the file has no certificate
    <folder>/two.key: not the key of <folder>/one.pem: keys may not be consistent: KeyMismatch
    <folder>/no/such/folder/ca.pem: No such file or directory (os error 2)
    ");
}

#[tokio::test]
async fn plain_http_on_the_https_port_does_no_harm() {
    let mock = TestServer::start(generated()).await;
    let address = mock.server().tls_address().expect("it listens");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("it is taken");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");

    let https = trusting(&mock);
    let health = https
        .get(&format!("{}/api/health", https.base("localhost")))
        .await;
    assert_eq!(health.expect("an answer").status, 200);
    mock.stop().await;
}

#[tokio::test]
async fn a_session_of_the_browser_works_over_https() {
    let mock = TestServer::start(generated()).await;
    let https = trusting(&mock);
    let cookie = mock.session("ada").await;
    let url = format!(
        "{}{AUTHORIZE}?{}",
        https.base("localhost"),
        CONF.authorize_params("1").encoded()
    );
    let request = hyper::Request::get(url).header("cookie", cookie);
    let answer = https
        .send(request.body(Vec::new()).expect("a request"))
        .await;
    let answer = answer.expect("an answer");
    let there = answer.headers()["location"].to_str().expect("a URL");
    let page = format!("{}/login/oauth/authorize?", https.base("localhost"));
    assert!(there.starts_with(&page), "{there}");
    let signs_in = hyper::Request::post(format!("{}/login", https.base("localhost")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(b"user=1&returnUrl=/".to_vec());
    let answer = https
        .send(signs_in.expect("a request"))
        .await
        .expect("an answer");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text");
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[test]
fn contradicting_options_are_rejected_with_a_fix() {
    let mut output = String::new();
    for arguments in [
        &["--tls-listen", "127.0.0.1:0", "--tls-cert", "c.pem"][..],
        &["--tls-listen", "127.0.0.1:0", "--tls-key", "k.pem"],
        &["--tls-cert", "c.pem", "--tls-key", "k.pem"],
        &["--tls-ca-file", "ca.pem"],
        &[
            "--tls-listen",
            "127.0.0.1:0",
            "--tls-cert",
            "c.pem",
            "--tls-key",
            "k.pem",
            "--tls-ca-file",
            "ca.pem",
        ],
        &[
            "--tls-listen",
            "127.0.0.1:0",
            "--tls-cert",
            "c.pem",
            "--tls-key",
            "k.pem",
        ],
    ] {
        let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
        let run = Program::output(&arguments);
        assert!(!run.status.success(), "{arguments:?}");
        output += &String::from_utf8_lossy(&run.stderr);
    }
    assert_snapshot!(output, @"
    civitai-oauth-mock: --tls-cert: a certificate needs its private key; give it with --tls-key
    civitai-oauth-mock: --tls-key: a private key needs its certificate; give it with --tls-cert
    civitai-oauth-mock: tls_listen: HTTPS is configured, but has no address; give an address with --tls-listen, for example 127.0.0.1:8443
    civitai-oauth-mock: tls_listen: HTTPS is configured, but has no address; give an address with --tls-listen, for example 127.0.0.1:8443
    civitai-oauth-mock: --tls-ca-file: no certificate authority is generated with --tls-cert; remove it, or remove --tls-cert and --tls-key
    civitai-oauth-mock: c.pem: No such file or directory (os error 2)
    ");
}

#[tokio::test]
async fn the_program_serves_https_and_writes_the_authority() {
    let folder = TempDir::new();
    let file = folder.path("ca.pem");
    let ca_file = file.to_str().expect("a path of the tests' own");
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--tls-listen",
        "127.0.0.1:0",
        "--tls-ca-file",
        ca_file,
    ];
    let program = Program::serve(&mut Program::command(&arguments));
    let line = program
        .announced
        .iter()
        .find_map(|line| line.trim().strip_prefix("HTTPS"));
    let address = line.and_then(|line| line.trim().strip_prefix("https://"));
    let address = address
        .expect("it is announced")
        .parse()
        .expect("an address");
    let pem = std::fs::read_to_string(&file).expect("it was written");
    let https = Https::trusting(&pem, address);
    let health = https
        .get(&format!("{}/api/health", https.base("localhost")))
        .await;
    assert_eq!(health.expect("an answer").status, 200);
}
