//! Fuzzes the control API: every response is JSON and no 5xx, and what was accepted can be read again.

#![no_main]

use civitai_oauth_mock::Contract;
use civitai_oauth_mock::internals;
use fuzzing::{Mock, is_sane};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::json;

thread_local! {
    static MOCK: Mock = Mock::start(Contract::Documented);
}

/// Pages, and event streams, which never end.
const OTHERS: [&str; 6] = [
    "/assets",
    "/consent",
    "/dashboard",
    "/events",
    "/playground",
    "/unlock",
];

const SHOWN: [&str; 8] = [
    "/settings",
    "/clock",
    "/users",
    "/clients",
    "/tokens",
    "/consents",
    "/faults",
    "/requests",
];

fuzz_target!(|input: &[u8]| -> Corpus {
    let line = input
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let target = line.split_once(' ').map_or("", |(_, target)| target);
    // `/consents` has operations, `/consent` is a page. A request that waits would wait for its timeout.
    let is_page =
        OTHERS.iter().any(|page| target.starts_with(page)) && !target.starts_with("/consents");
    if is_page || !target.starts_with('/') || target.contains("wait") || target.contains('%') {
        return Corpus::Reject;
    }
    if let Some(body) = input.windows(2).position(|two| two == b"\n\n") {
        internals::count_accepting_control_calls(&input[body + 2..]);
    }
    MOCK.with(|mock| {
        let Some(answer) = mock.ask("/_mock", input) else {
            return Corpus::Reject;
        };
        is_sane(&answer);
        if answer.status.is_success() {
            for what in SHOWN {
                mock.control("GET", &format!("/_mock{what}"), &json!({}));
            }
        }
        Corpus::Keep
    })
});
