//! Fuzzes seed files: a seed is accepted, or rejected with the place of the error.

#![no_main]

use std::path::Path;

use civitai_oauth_mock::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Config::default().set_seed(text, Path::new("seed.toml")) {
        let (_, line) = error.file.as_ref().expect("it is in a file");
        let lines = text.lines().count() + 1;
        assert!(line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
        assert!(!error.message.is_empty());
        for ours in ["struct ", "`u32`", "variant"] {
            assert!(
                text.contains(ours) || !error.to_string().contains(ours),
                "{error}"
            );
        }
    }
});
