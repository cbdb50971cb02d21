//! Tests of every form in which JSON, YAML, Python, JavaScript, forms and logs write a name and its value.

use proptest::prelude::*;
use proptest::sample::select;

use super::{redact_message, redact_text};

const NAMES: [&str; 10] = [
    "client_secret",
    "clientSecret",
    "Client-Secret",
    "x-api-key",
    "code",
    "code_verifier",
    "password",
    "refreshToken",
    "pin",
    "session_id",
];

/// Values that no look gives away. Those without spaces may stand without quotes.
const WORDS: [&str; 4] = ["hunter2", "WDJB-MJHT", "7hPz/Q+f9A==", "481516"];
const SENTENCES: [&str; 2] = ["correct horse battery staple", "it is: 5, or [6]"];

/// `NAME` and `VALUE` in any notation; the value is within quotes.
const QUOTED: [&str; 40] = [
    r#""NAME":"VALUE""#,
    r#""NAME": "VALUE""#,
    r#""NAME" : "VALUE""#,
    "\"NAME\":\n  \"VALUE\"",
    r#"{"NAME":"VALUE"}"#,
    r#"{"a":[{"NAME":"VALUE"}]}"#,
    r#"\"NAME\":\"VALUE\""#,
    r#"{\"NAME\": \"VALUE\"}"#,
    r#"\\\"NAME\\\":\\\"VALUE\\\""#,
    r#"[["NAME","VALUE"]]"#,
    r#"[["NAME", "VALUE"], ["a", "b"]]"#,
    r#"[["a","b"],["NAME","VALUE"]]"#,
    "[\n  [\n    \"NAME\",\n    \"VALUE\"\n  ]\n]",
    r#"[[\"NAME\",\"VALUE\"]]"#,
    r#"[\n [\n  \"NAME\",\n  \"VALUE\"\n ]\n]"#,
    "[['NAME', 'VALUE']]",
    "[ [ 'NAME', 'VALUE' ] ]",
    "[('NAME', 'VALUE')]",
    "[('a', 'b'), ('NAME', 'VALUE',)]",
    "('NAME', 'VALUE')",
    "(b'NAME', b'VALUE')",
    "(('NAME', 'VALUE'),)",
    "OrderedDict([('NAME', 'VALUE')])",
    "{'NAME': 'VALUE'}",
    "{'NAME': b'VALUE', 'a': 1}",
    "{b'NAME': b'VALUE'}",
    "{'NAME': SecretStr('VALUE')}",
    "{('NAME', 'VALUE')}",
    "Map(1) { 'NAME' => 'VALUE' }",
    "{ NAME: 'VALUE' }",
    "{ NAME: 'VALUE', a: 1 }",
    "{NAME:\"VALUE\"}",
    "{ name: 'NAME', value: 'VALUE' }",
    r#"{"name":"NAME","value":"VALUE"}"#,
    r#"{"key": "NAME", "value": "VALUE"}"#,
    "<input type=\"hidden\" name=\"NAME\" value=\"VALUE\">",
    "NAME='VALUE'",
    "NAME = \"VALUE\"",
    "NAME := `VALUE`",
    "NAME: Some(\"VALUE\"), a: 1",
];

/// The same without quotes.
const BARE: [&str; 14] = [
    "NAME:VALUE",
    "{NAME:VALUE}",
    "{NAME:VALUE,a:b}",
    "map[NAME:VALUE a:b]",
    "map[NAME:[VALUE]]",
    "(NAME:VALUE)",
    "{ NAME: VALUE }",
    "{ NAME: VALUE, a: b }",
    "NAME=VALUE",
    "NAME==VALUE",
    "NAME=>VALUE",
    "a=b&NAME=VALUE&c=d",
    "[NAME] => VALUE",
    "NAME:=VALUE",
];

/// Lines of their own; the value may have spaces, and has no quotes.
const LINES: [&str; 8] = [
    "a: b\nNAME: VALUE\nc: d",
    "NAME: VALUE\nc: d",
    "a:\n  - NAME: VALUE\n    c: d",
    "NAME: |\n  VALUE\nc: d",
    "NAME: >-\n  VALUE\n\nc: d",
    "a: b\nNAME:\n  - VALUE\nc: d",
    "a: b\nNAME: !!str VALUE\nc: d",
    "--x\r\nContent-Disposition: form-data; name=\"NAME\"\r\nA: b\r\n\r\nVALUE\r\n--x--",
];

/// What stands around it: before, and behind.
type Around = (&'static str, &'static str);

const ON_ITS_LINE: [Around; 6] = [
    ("the client sent ", " and then it waited"),
    (
        "error: invalid request, sent ",
        ", see http://a.example/b?c=d#e",
    ),
    ("got \"a\" from ", " (twice)"),
    ("level=info msg=sent ", " status=400"),
    ("what? ", " and more"),
    ("", ""),
];

const ON_OTHER_LINES: [Around; 2] = [("", ""), ("log:\n", "\nc: d")];

fn texts() -> impl Strategy<Value = (String, &'static str)> {
    let all: Vec<_> = WORDS.into_iter().chain(SENTENCES).collect();
    let around: Vec<_> = ON_ITS_LINE.into_iter().chain(ON_OTHER_LINES).collect();
    let quoted = (
        select(&QUOTED[..]),
        select(all.clone()),
        select(around.clone()),
    );
    let bare = (select(&BARE[..]), select(&WORDS[..]), select(around));
    let lines = (select(&LINES[..]), select(all), select(&ON_OTHER_LINES[..]));
    let text = prop_oneof![quoted, bare, lines];
    (select(&NAMES[..]), text).prop_map(|(name, (form, value, (before, behind)))| {
        let pair = form.replace("NAME", name).replace("VALUE", value);
        (format!("{before}{pair}{behind}"), value)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_form_shows_its_value((text, value) in texts()) {
        for shown in [redact_text(&text), redact_message(&text)] {
            let shows = value.split(' ').any(|word| word.len() > 4 && shown.contains(word));
            prop_assert!(!shows && !shown.contains(value), "{text} → {shown}");
        }
    }
}

#[test]
fn text_around_a_pair_is_unchanged() {
    for (text, shown) in [
        (
            "sent client_secret:x and waited",
            "sent client_secret:[redacted] and waited",
        ),
        (
            "sent [[\"client_secret\",\"x\"]] and waited",
            "sent [[\"client_secret\",\"[redacted]\"]] and waited",
        ),
        (
            "sent ('code', 'x') twice",
            "sent ('code', '[redacted]') twice",
        ),
        (
            "a: b\npassword: x y\nc: d",
            "a: b\npassword: [redacted]\nc: d",
        ),
    ] {
        assert_eq!(redact_text(text), shown);
        assert_eq!(redact_message(text), shown);
    }
}

#[test]
fn sentences_and_places_stay() {
    for text in [
        "grants (\"authorization_code\", \"refresh_token\")",
        "grants [\"authorization_code\", \"refresh_token\"] are",
        "one of \"client_id\", \"client_secret\" or \"code\"",
        "com.example.auth:/callback and com.example.auth://callback",
        "http://auth:8080/callback",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:token-type:access_token",
        "secrets.toml:14: clients[2].redirect_uris[0]: not a URL",
        "exit code: 42",
        "country code: 49",
        "oauth::token::issue",
    ] {
        assert_eq!(redact_text(text), text);
        assert_eq!(redact_message(text), text);
    }
}
