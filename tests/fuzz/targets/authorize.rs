//! Whatever comes to authorize: an answer, and nobody is sent to a stranger.

#![no_main]

use civitai_oauth_mock::Contract;
use fuzzing::{AUTHORIZE, Mock, is_sane};
use libfuzzer_sys::{Corpus, fuzz_target};
use url::Url;

thread_local! {
    static MOCKS: [Mock; 2] = [Mock::start(Contract::Documented), Mock::start(Contract::Live)];
}

/// The demo clients are on this machine, and so are we.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

fuzz_target!(|input: &[u8]| -> Corpus {
    MOCKS.with(|mocks| {
        for mock in mocks {
            let Some(answer) = mock.ask(AUTHORIZE, input) else {
                return Corpus::Reject;
            };
            is_sane(&answer);
            if let Some(there) = answer.headers.get("location") {
                let there = there.to_str().expect("a Location is ASCII");
                let base = Url::parse("http://localhost").expect("a URL");
                let there = base.join(there).expect("a Location is a URL");
                let host = there.host_str().unwrap_or_default();
                assert!(HERE.contains(&host), "sent away to {there}");
            }
        }
        Corpus::Keep
    })
});
