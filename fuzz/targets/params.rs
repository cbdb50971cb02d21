//! Fuzzes the parameters of forms, queries and JSON bodies: written and parsed again, they are the same.

#![no_main]

use civitai_oauth_mock::{Contract, ContractRules, internals};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let written = internals::reserialize_form(input);
    assert_eq!(internals::reserialize_form(written.as_bytes()), written);

    let json = internals::reserialize_json(input);
    assert_eq!(internals::reserialize_json(json.to_string().as_bytes()), json);

    for contract in [Contract::Documented, Contract::Live] {
        let mut rules = ContractRules::default();
        rules.contract = contract;
        let asked = internals::parse_authorize_request(input, &rules);
        assert_eq!(
            internals::parse_authorize_request(written.as_bytes(), &rules),
            asked
        );
        let text = std::str::from_utf8(input).ok();
        let well_formed = internals::is_token_request(text, input, &rules);
        assert_eq!(
            internals::is_token_request(text, written.as_bytes(), &rules),
            well_formed
        );
    }
});
