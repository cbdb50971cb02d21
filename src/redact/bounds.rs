//! Tests of how long redaction takes.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Map;

use super::redact_text;
use super::text::{Look, redact_object};

/// The result of work that takes at most 5 s. Work that is not in proportion to the text takes minutes.
fn within_5_seconds<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    let result = receiver.recv_timeout(Duration::from_secs(5));
    result.expect("it takes at most 5 s")
}

#[test]
fn redacted_names_are_numbered_in_bounded_time() {
    const COUNT: usize = 20_000;
    let taken = (0..COUNT).map(|at| format!("[redacted] {}", COUNT + at));
    let secret = (0..COUNT).map(|at| format!("civitai_{at:08}"));
    let object: Map<_, _> = taken.chain(secret).map(|name| (name, 1.into())).collect();
    let shown = within_5_seconds(|| redact_object(object, Look::default()));
    assert_eq!(shown.len(), 2 * COUNT);
}

#[test]
fn long_text_is_redacted_in_bounded_time() {
    for part in [
        "%25",
        "?a=",
        "[\"",
        "{\"a\":",
        "\\\"",
        "a=",
        "code=",
        "code: ",
        "\\u005c",
        "civitai_0 ",
        "civitai_",
        "civitai_0123456789_",
        "://a@",
        ".eyJ",
        "basic+",
        "Bearer ",
        "a-b:",
        "a_code: b ",
        "a_code: \"",
        "a_code: /b: ",
        "\"code\":\"",
        "code:x ",
        "a:b ",
        "[[\"code\",",
        "[\"code\",\"x",
        "[\"code\",\"x\"",
        "(\"a\",\n",
        "\\\"code\\\",",
        "name=code value:",
        "name=code\n\n",
        "name=code\n",
        "value: ",
        "code:\n",
        "code:\n ",
        "code: |\n",
        "code: b c\n",
        "code: a b ",
        "x code: ",
        "\\n",
        "\\n code: ",
        "code=b'",
        "code=Some(",
        "code='''",
    ] {
        let text = part.repeat(50_000);
        let longest = 10 * text.len();
        let shown = within_5_seconds(move || redact_text(&text).into_owned());
        assert!(shown.len() <= longest, "{part}");
    }
}
