//! Property tests of any input: every request is answered, and no redirect leads to an unregistered site.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;
use url::Url;

use crate::support::{AUTHORIZE, CONF, Fields, TOKEN, TestServer, VERIFIER};

/// Few, since each is a request or more; the fields below are chosen so that they go far.
const CASES: u32 = 120;

/// Runs a property against one server.
fn holds<S: Strategy>(
    input: &S,
    property: &impl AsyncFn(&TestServer, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = Runtime::new().expect("a runtime can be built");
    let mock = runtime.block_on(TestServer::documented());
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome =
        TestRunner::new(config).run(input, |value| runtime.block_on(property(&mock, value)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Texts that begin like a way out.
fn return_urls() -> impl Strategy<Value = String> {
    let beginning = prop_oneof![
        Just("/"),
        Just("//"),
        Just("/\\"),
        Just("/."),
        Just("/./"),
        Just("/../"),
        Just("\t/"),
        Just("/\t"),
        Just("http:"),
        Just("https://"),
        Just("\\"),
        Just("/%2e/"),
        Just(""),
    ];
    let middle = prop_oneof![
        Just(""),
        Just("/"),
        Just("\\"),
        Just("\n"),
        Just("@"),
        Just("/..//")
    ];
    let end = prop_oneof![Just("evil.example".to_owned()), any::<String>()];
    (vec(beginning, 1..4), middle, end)
        .prop_map(|(beginnings, middle, end)| format!("{}{middle}{end}", beginnings.concat()))
}

#[test]
fn sign_in_never_redirects_to_another_origin() {
    holds(&return_urls(), &async |mock, return_url| {
        let fields = Fields::new(&[("user", "2"), ("returnUrl", &return_url)]);
        let answer = mock.post("/login", &fields).await;
        prop_assert_eq!(answer.status, 303);
        let there = answer.location();
        prop_assert_eq!(
            there.origin().ascii_serialization(),
            mock.base.clone(),
            "{}",
            there
        );
        Ok(())
    });
}

const NAMES: [&str; 12] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "approved",
    "remember",
    "buzz_limit",
    "allowed",
];

/// A well-formed request of which some parameters are replaced, taken away or doubled.
fn bent(request: Fields, names: &'static [&'static str]) -> impl Strategy<Value = Fields> {
    let value = prop_oneof![
        any::<String>(),
        Just("true".to_owned()),
        Just("33554431".to_owned()),
        Just("é\0\"\\".to_owned()),
        Just("http://localhost:8080/cb".to_owned()),
        Just("[{\"type\":\"absolute\"}]".to_owned()),
    ];
    let bend = (0..names.len(), 0..4, value);
    vec(bend, 0..4).prop_map(move |bends| {
        bends
            .into_iter()
            .fold(request.clone(), |request, (at, how, value)| match how {
                0 => request.without(names[at]),
                1 => request.and(names[at], &value),
                _ => request.with(names[at], &value),
            })
    })
}

#[test]
fn authorize_always_answers_and_redirects_only_to_us_or_to_the_app() {
    let requests = bent(CONF.authorize_params("5").and("approved", "true"), &NAMES);
    holds(&requests, &async |mock, request| {
        let cookie = mock.session("ada").await;
        let path = format!("{AUTHORIZE}?{}", request.encoded());
        let asked = mock.get(&path).cookie(&cookie).await;
        let approved = mock.post(AUTHORIZE, &request).cookie(&cookie).await;
        for answer in [asked, approved] {
            prop_assert!(answer.status < 500, "{}", answer);
            if answer.status >= 400 {
                prop_assert!(answer.json()["error"].is_string(), "{}", answer);
                continue;
            }
            let there = answer.location().to_string();
            let known = [
                mock.base.as_str(),
                "https://app.example/",
                "http://localhost:8080/cb",
                "com.example.app:/cb",
            ];
            prop_assert!(
                known.iter().any(|known| there.starts_with(known)),
                "{}",
                there
            );
        }
        Ok(())
    });
}

#[test]
fn any_printable_state_comes_back_as_it_was() {
    let states = vec(0x20..0x7f_u8, 1..40);
    holds(&states, &async |mock, bytes| {
        let state = String::from_utf8(bytes).expect("it is ASCII");
        let answer = mock
            .approve(&CONF.authorize_params("1").with("state", &state))
            .await;
        prop_assert_eq!(answer.location_param("state"), Some(state));
        Ok(())
    });
}

#[test]
fn token_always_answers_with_tokens_or_an_error() {
    let names = &[
        "grant_type",
        "client_id",
        "client_secret",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "scope",
    ];
    let grant = prop_oneof![
        Just("authorization_code"),
        Just("refresh_token"),
        Just("client_credentials"),
    ];
    let requests = grant.prop_flat_map(|grant| {
        bent(
            CONF.redeem_params("x")
                .with("grant_type", grant)
                .and("refresh_token", VERIFIER),
            names,
        )
    });
    let whole = (requests, any::<bool>(), proptest::option::of("[ -~]{0,40}"));
    holds(&whole, &async |mock, (request, as_json, authorization)| {
        let mut ask = if as_json {
            mock.request("POST", TOKEN).json(&request.to_json())
        } else {
            mock.post(TOKEN, &request)
        };
        if let Some(header) = authorization {
            ask = ask.header("authorization", &header);
        }
        let answer = ask.await;
        prop_assert!(answer.status < 500, "{}", answer);
        let body = answer.json();
        prop_assert!(
            body["error"].is_string() != body["access_token"].is_string(),
            "{}",
            answer
        );
        Ok(())
    });
}

#[test]
fn any_body_of_any_content_type_is_answered() {
    let kinds = prop_oneof![
        Just("application/x-www-form-urlencoded"),
        Just("application/json"),
        Just("multipart/form-data; boundary=x"),
        Just("text/plain"),
    ];
    let paths = prop_oneof![
        Just(AUTHORIZE),
        Just(TOKEN),
        Just(crate::support::REVOKE),
        Just("/login"),
    ];
    holds(&(kinds, paths, vec(any::<u8>(), 0..200)), &async |mock,
                                                             (
        kind,
        path,
        bytes,
    )| {
        let answer = mock.request("POST", path).body(kind, bytes).await;
        prop_assert!(answer.status < 500, "{}", answer);
        Ok(())
    });
}

#[test]
fn any_path_is_answered() {
    holds(&"/[ -~]{0,40}", &async |mock, path| {
        let Ok(url) = Url::parse(&format!("{}{path}", mock.base)) else {
            return Ok(());
        };
        let answer = mock.get(&url[url::Position::BeforePath..]).await;
        prop_assert!(answer.status < 500, "{}", answer);
        Ok(())
    });
}
