//! Fuzzes the token endpoint: a response has either tokens or an error, never both and never neither.

#![no_main]

use civitai_oauth_mock::Contract;
use fuzzing::{Mock, TOKEN, is_sane};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

thread_local! {
    static MOCKS: [Mock; 2] = [Mock::start(Contract::Documented), Mock::start(Contract::Live)];
}

fuzz_target!(|input: &[u8]| -> Corpus {
    MOCKS.with(|mocks| {
        for mock in mocks {
            let Some(answer) = mock.ask(TOKEN, input) else {
                return Corpus::Reject;
            };
            is_sane(&answer);
            if input.starts_with(b"POST ") && !answer.status.is_redirection() {
                let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                let given = body["access_token"].is_string();
                assert!(given != body["error"].is_string(), "{answer:?}");
                assert_eq!(given, answer.status.is_success(), "{answer:?}");
            }
        }
        Corpus::Keep
    })
});
