//! Tests of what a journal stores, and of the order in which the oldest exchanges are removed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;

fn limits(bytes: usize) -> JournalLimits {
    JournalLimits {
        memory: Arc::new(JournalMemory::new(bytes)),
        ..JournalLimits::default()
    }
}

fn journal(capacity: usize, limits: &JournalLimits) -> Journal {
    Journal::new(capacity, limits)
}

fn facts() -> Facts {
    Facts {
        status: 400,
        ..Facts::new(0, (Timestamp(0), Timestamp(0)), Endpoint::Token)
    }
}

fn capture<'a>(body: CapturedBody<'a>, answer: Option<&'a [u8]>) -> Capture<'a> {
    Capture {
        facts: facts(),
        method: "POST",
        path: "/api/auth/oauth/token",
        query: Some("client_id=by-query&x=1"),
        headers: [None; STORED_HEADERS.len()],
        token_client: None,
        location: Some(b"https://app.example/?code=c"),
        body,
        answer,
    }
}

/// Adds an exchange whose body has this many bytes.
fn push(journal: &Journal, bytes: usize) {
    let body = format!("a={}", "x".repeat(bytes));
    let params = Params::from_urlencoded(body.as_bytes());
    let body = CapturedBody::Form(body.as_bytes(), &params);
    journal.push(journal.store(capture(body, None)));
}

fn ids(journal: &Journal) -> Vec<u64> {
    let (mut ids, mut last) = (Vec::new(), 0);
    loop {
        let page = journal.page_after(last);
        let Some(newest) = page.last() else {
            return ids;
        };
        last = newest.id;
        ids.extend(page.iter().map(|exchange| exchange.id));
    }
}

fn read(body: CapturedBody<'_>, answer: Option<&[u8]>) -> Entry {
    let limits = limits(1_000_000);
    journal(10, &limits).store(capture(body, answer)).to_entry()
}

#[test]
fn a_small_exchange_is_read_as_it_was_sent() {
    let body = b"grant_type=refresh_token&client_id=app&refresh_token=t";
    let params = Params::from_urlencoded(body);
    let answer = json!({ "error": "invalid_grant", "nested": { "a": [1, 2] } });
    let text = answer.to_string();
    let entry = read(CapturedBody::Form(body, &params), Some(text.as_bytes()));
    let sent = json!({
        "client_id": "app", "x": "1", "grant_type": "refresh_token", "refresh_token": "t",
    });
    assert_eq!(Value::Object(entry.params.clone()), sent);
    assert_eq!(entry.answer.as_ref(), Some(&answer));
    assert_eq!(entry.error(), Some("invalid_grant"));
    assert_eq!(entry.client_id.as_deref(), Some("app"));
    assert_eq!(entry.method, "POST");
    assert_eq!(entry.path, "/api/auth/oauth/token");
    assert_eq!(entry.query.as_deref(), Some("client_id=by-query&x=1"));
    assert_eq!(
        entry.location.as_deref(),
        Some("https://app.example/?code=c")
    );
}

#[test]
fn large_body_is_reduced_and_its_client_is_stored() {
    let body = format!(r#"{{"a":"{}","client_id":"app"}}"#, "x".repeat(100_000));
    let params = Params::from_json(body.as_bytes());
    let limits = limits(1_000_000);
    let journal = journal(10, &limits);
    let many = serde_json::to_vec(&vec![vec![0; 100]; 1000]).unwrap();
    let body = CapturedBody::Json(body.as_bytes(), &params);
    let stored = journal.store(capture(body, Some(&many)));
    assert!(
        stored.size_in_bytes() < 20_000,
        "{}",
        stored.size_in_bytes()
    );
    assert_eq!(stored.client_id().as_deref(), Some("app"));
    let entry = stored.to_entry();
    let text = entry.params["a"].as_str().unwrap();
    assert!(
        text.ends_with("x… and 95904 bytes more"),
        "{}",
        &text[4000..]
    );
    let answer = entry.answer.unwrap();
    assert!(size_in_bytes(&answer) < 100_000);
    assert_eq!(answer.as_array().unwrap().last().unwrap(), "… and 996 more");
}

#[test]
fn many_small_values_are_reduced_when_read() {
    let body = format!(r#"{{"a":[{}[]]}}"#, "[],".repeat(2500));
    assert!(body.len() < truncate::MAX_STORED_BODY_BYTES);
    let params = Params::from_json(body.as_bytes());
    let entry = read(CapturedBody::Json(body.as_bytes(), &params), None);
    assert!(size_in_bytes(&entry.params["a"]) < 20_000);
}

#[test]
fn evicted_exchanges_free_their_memory() {
    let limits = limits(1_000_000);
    let first = journal(3, &limits);
    for _ in 0..5 {
        push(&first, 100);
    }
    assert_eq!(ids(&first), [3, 4, 5]);
    let three = limits.memory.used();
    assert!((900..3000).contains(&three), "{three}");
    let held = first.page_after(0);
    first.clear();
    assert_eq!(limits.memory.used(), three, "a reader still has them");
    drop(held);
    assert_eq!(limits.memory.used(), 0);
    push(&first, 100);
    drop(first);
    assert_eq!(limits.memory.used(), 0, "the sandbox is deleted");
}

#[test]
fn the_oldest_exchanges_of_all_journals_are_evicted_first() {
    let limits = limits(100_000);
    let (old, new) = (journal(1000, &limits), journal(1000, &limits));
    for _ in 0..10 {
        push(&old, 4000);
    }
    // In turns, which is the order in which they are evicted.
    for _ in 0..5 {
        push(&new, 4000);
        push(&old, 4000);
    }
    assert_eq!((ids(&old).len(), ids(&new).len()), (15, 5));
    for _ in 0..10 {
        push(&new, 4000);
    }
    let left = (ids(&old), ids(&new));
    assert!(limits.memory.used() <= limits.memory.limit());
    assert_eq!(left.1, (1..=15).collect::<Vec<_>>(), "they are newer");
    let evicted = old.evicted();
    assert!((5..12).contains(&evicted.count), "{evicted:?}");
    assert_eq!(left.0, (evicted.last + 1..=15).collect::<Vec<_>>());
    assert_eq!(new.evicted().count, 0);
    for _ in 0..100 {
        push(&new, 4000);
        assert!(limits.memory.used() <= limits.memory.limit());
    }
    assert_eq!(ids(&old), [] as [u64; 0], "an old journal retains nothing");
    assert_eq!(new.counters().total, 115);
    assert_eq!(old.counters().total, 15);
}

#[test]
fn exchanges_are_found_by_id_after_others_were_evicted() {
    let limits = limits(1_000_000);
    let journal = journal(3, &limits);
    for _ in 0..5 {
        push(&journal, 10);
    }
    let found = journal.find(&[1, 3, 5, 6]);
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [3, 5]);
    let before = journal.page_before(5);
    assert_eq!(before.iter().map(|one| one.id).collect::<Vec<_>>(), [4, 3]);
    assert!(journal.page_before(3).is_empty() && journal.page_before(0).is_empty());
    assert!(journal.page_after(5).is_empty() && journal.page_after(u64::MAX).is_empty());
}

#[tokio::test]
async fn cleared_exchanges_are_put_back_unless_newer_ones_were_removed() {
    let limits = limits(1_000_000);
    let journal = journal(4, &limits);
    for _ in 0..3 {
        push(&journal, 10);
    }
    let before = journal.clearings();
    journal.clear_undoably();
    assert_eq!((ids(&journal), journal.counters().total), (Vec::new(), 0));
    push(&journal, 10);
    push(&journal, 10);
    assert!(journal.undo_clear());
    // The oldest one has made room, as if nothing had been cleared.
    assert_eq!(ids(&journal), [2, 3, 4, 5]);
    assert_eq!(
        (journal.counters().total, journal.kind_counts().refused),
        (5, 4)
    );
    assert_eq!((journal.evicted().count, journal.evicted().last), (1, 1));
    assert_eq!(
        journal.clearings(),
        before + 2,
        "pages load their lists again"
    );
    assert!(!journal.undo_clear(), "only once");

    // Exchanges are numbered without gaps: what would leave one is not put back.
    journal.clear_undoably();
    for _ in 0..5 {
        push(&journal, 10);
    }
    assert!(!journal.undo_clear());
    assert_eq!(ids(&journal), [7, 8, 9, 10]);
    journal.clear_undoably();
    journal.clear();
    assert!(!journal.undo_clear(), "another clearing ends it");
}

#[tokio::test]
async fn clearing_twice_can_be_undone() {
    let limits = limits(1_000_000);
    let journal = journal(4, &limits);
    push(&journal, 10);
    journal.clear_undoably();
    let after = journal.clearings();
    journal.clear_undoably();
    assert_eq!(journal.clearings(), after, "there is nothing to clear");
    assert!(journal.undo_clear());
    assert_eq!(ids(&journal), [1]);
}

#[test]
fn exchanges_are_put_back_only_if_no_gap_is_left() {
    let limits = limits(1_000_000);
    let journal = journal(4, &limits);
    push(&journal, 10);
    let first = journal.ring.clear();
    push(&journal, 10);
    let second = journal.ring.clear();
    push(&journal, 10);
    // The second clearing may be stored before the first, and an undo may have begun before a clearing.
    assert!(!journal.ring.put_back(&first, 4));
    assert_eq!(ids(&journal), [3]);
    assert!(journal.ring.put_back(&second, 4));
    assert!(journal.ring.put_back(&first, 4));
    assert_eq!(ids(&journal), [1, 2, 3]);
    assert_eq!(journal.find(&[1, 3]).len(), 2);
}

#[tokio::test]
async fn cleared_exchanges_count_against_the_memory_limit() {
    let limits = limits(100_000);
    let journal = journal(1000, &limits);
    for _ in 0..5 {
        push(&journal, 4000);
    }
    journal.clear_undoably();
    let used = limits.memory.used();
    assert!(used > 20_000, "{used}");
    let other = Journal::new(1000, &limits);
    for _ in 0..40 {
        push(&other, 4000);
    }
    assert!(limits.memory.used() <= 100_000);
    // The oldest of all were the cleared ones: there is nothing left to put back.
    assert!(journal.undo_clear());
    assert!(ids(&journal).is_empty());
}
