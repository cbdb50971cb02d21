//! Fuzzes scopes: a parsed scope is written so that every parser reads the same.

#![no_main]

use civitai_oauth_mock::{Scope, internals};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(scope) = internals::parse_decimal_scope(text) {
        assert_eq!(internals::parse_leading_digits(text), Some(scope));
        assert!(Scope::FULL.covers(scope));
    }
    let read = [
        text.parse().ok(),
        internals::parse_decimal_scope(text),
        internals::parse_leading_digits(text),
    ];
    for scope in read.into_iter().flatten() {
        let written = scope.to_string();
        assert_eq!(written.parse(), Ok(scope));
        assert_eq!(internals::parse_leading_digits(&written), Some(scope));
        let names: Vec<&str> = scope.set_bits().map(|bit| bit.name.as_ref()).collect();
        if !names.is_empty() {
            assert_eq!(names.join(",").parse(), Ok(scope));
        }
        assert!(Scope::ALL.covers(scope) && scope.covers(scope));
    }
});
