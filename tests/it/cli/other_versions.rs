//! Commands that call a server of another version, whose answers have other keys.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use insta::assert_snapshot;

use crate::support::Program;

/// Answers one request with this JSON, and returns its URL and the request line.
fn answer(json: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let request = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
        let head = lines.map_while(Result::ok);
        let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
        let head = head.into_iter().next().unwrap_or_default();
        let length = json.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{json}"
        )
        .expect("the response is sent");
        head
    });
    (url, request)
}

/// Runs the command. Its exit status and what it prints, without the address of the server.
fn run(json: &'static str, arguments: &[&str]) -> String {
    let (url, request) = answer(json);
    let output = Program::output(&[arguments, &["--server", &url]].concat());
    request.join().expect("the server thread ends");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let status = output.status.code().unwrap_or_default();
    format!("{status}: {text}").replace(&url, "<server>")
}

#[test]
fn unreadable_answer_is_an_error_that_names_the_versions() {
    assert_snapshot!(run(r#"{"fault":{"number":1}}"#, &["fault", "token-endpoint-down"]), @"1: civitai-oauth-mock: cannot read the answer of <server>: missing field `id`; its version may differ from this program's, which is 0.1.0: use the same version");
    assert_snapshot!(run("{}", &["fault", "clock-skew"]), @"1: civitai-oauth-mock: cannot read the answer of <server>: missing field `clock`; its version may differ from this program's, which is 0.1.0: use the same version");
    assert_snapshot!(run(r#"{"faults":[{"number":1}]}"#, &["fault"]), @"1: civitai-oauth-mock: cannot read the answer of <server>: missing field `id`; its version may differ from this program's, which is 0.1.0: use the same version");
    assert_snapshot!(run("{}", &["fault", "list"]), @"1: civitai-oauth-mock: cannot read the answer of <server>: missing field `faults`; its version may differ from this program's, which is 0.1.0: use the same version");
    assert_snapshot!(run(r#"{"state":{"frozen":{}}}"#, &["clock"]), @"1: civitai-oauth-mock: cannot read the answer of <server>: missing field `now`; its version may differ from this program's, which is 0.1.0: use the same version");
    assert_snapshot!(run(r#"{"now":"2026-01-31T12:00:00Z"}"#, &["clock", "resume"]), @"1: civitai-oauth-mock: cannot read the answer of <server>: missing field `state`; its version may differ from this program's, which is 0.1.0: use the same version");
    assert_snapshot!(run("{}", &["advice"]), @"2: civitai-oauth-mock: cannot read the answer of <server>: missing field `findings`; its version may differ from this program's, which is 0.1.0: use the same version");
    assert_snapshot!(run("{}", &["advice", "--json", "--fail-on", "hint"]), @"
    2: {}
    civitai-oauth-mock: cannot read the answer of <server>: missing field `findings`; its version may differ from this program's, which is 0.1.0: use the same version
    ");
    assert_snapshot!(run("{}", &["token", "--user", "ada"]), @"1: civitai-oauth-mock: cannot read the answer of <server>: missing field `clients`; its version may differ from this program's, which is 0.1.0: use the same version");
}

#[test]
fn json_is_printed_without_being_parsed() {
    for arguments in [
        &["fault", "list", "--json"][..],
        &["fault", "token-endpoint-down", "--json"],
        &["clock", "--json"],
        &["advice", "--json"],
        &["advice", "--format", "json"],
    ] {
        let printed = run(r#"{"new":1}"#, arguments);
        assert_eq!(printed, "0: {\n  \"new\": 1\n}\n", "{arguments:?}");
    }
}

#[test]
fn advice_makes_one_call() {
    const FINDINGS: &str = r#"{"findings":[],"requests":1,"evicted":0}"#;
    // A second call would be refused: only one is answered.
    let printed = run(
        FINDINGS,
        &["advice", "--format", "sarif", "--fail-on", "hint"],
    );
    assert!(printed.starts_with("0: {\n  \"$schema\""), "{printed}");
    assert_snapshot!(run(FINDINGS, &["advice", "--fail-on", "hint"]), @"0: 1 request checked: no errors, no warnings (<server>)");
}
