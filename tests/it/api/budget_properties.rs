//! Property test of spend budgets under any spends, clock changes and resets: the remaining budget equals that of a
//! simple model.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{CONF, SandboxClient, SpendingApp, TestServer};

/// Few, since each is a dozen requests and more.
const CASES: u32 = 16;

/// 2026-02-28T23:58:00Z: a month ends within the first steps.
const START: &str = "2026-02-28T23:58:00Z";

#[derive(Debug, Clone, Copy)]
enum TestBudget {
    Absolute,
    /// Within a number of seconds, written in seconds or minutes.
    Sliding(i64, bool),
    /// Restarts at each multiple of a number of minutes.
    Rollover(i64),
}

impl TestBudget {
    fn show(self, limit: u64) -> Value {
        match self {
            Self::Absolute => json!({ "type": "absolute", "limit": limit }),
            Self::Sliding(length, true) => {
                json!({ "type": "sliding", "limit": limit, "window": "minute", "unit": length })
            }
            Self::Sliding(length, false) => {
                json!({ "type": "sliding", "limit": limit, "window": "second", "unit": length })
            }
            Self::Rollover(1) => {
                json!({ "type": "rollover", "limit": limit, "cron": "@every_minute" })
            }
            Self::Rollover(minutes) => {
                let cron = format!("0/{minutes} * * * *");
                json!({ "type": "rollover", "limit": limit, "cron": cron })
            }
        }
    }

    /// What of the spends counts, `now` seconds after [`START`], which is 58 minutes past the hour.
    fn spent(self, spends: &[(i64, u64, bool)], now: i64) -> u64 {
        let hour = 58 * 60;
        let counts = |at: i64, is_before_reset: bool| match self {
            Self::Absolute => !is_before_reset,
            Self::Sliding(length, minutes) => now - at < if minutes { length * 60 } else { length },
            Self::Rollover(minutes) => {
                let period = |at: i64| (at + hour).div_euclid(minutes * 60);
                period(at) >= period(now)
            }
        };
        let counted = spends
            .iter()
            .filter(|(at, _, is_before_reset)| counts(*at, *is_before_reset));
        counted.map(|(_, amount, _)| amount).sum()
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Pay(u64),
    Move(i64),
    Reset,
}

fn budgets() -> impl Strategy<Value = Vec<(TestBudget, u64)>> {
    let cap = prop_oneof![
        Just(TestBudget::Absolute),
        (1..120_i64).prop_map(|seconds| TestBudget::Sliding(seconds, false)),
        (1..4_i64).prop_map(|minutes| TestBudget::Sliding(minutes, true)),
        // Those that go into an hour.
        prop::sample::select(vec![1, 2, 3, 5]).prop_map(TestBudget::Rollover),
    ];
    vec((cap, 20..80_u64), 1..4)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..40_u64).prop_map(Step::Pay),
        2 => (1..100_i64).prop_map(Step::Move),
        1 => prop::sample::select(vec![1, 60, 120, -30]).prop_map(Step::Move),
        1 => Just(Step::Reset),
    ];
    vec(step, 4..16)
}

async fn agrees(
    sandbox: &SandboxClient,
    budgets: &[(TestBudget, u64)],
    steps: &[Step],
) -> Result<(), TestCaseError> {
    sandbox.freeze(START).await;
    sandbox
        .cap(
            &CONF,
            budgets
                .iter()
                .map(|(cap, limit)| cap.show(*limit))
                .collect(),
        )
        .await;
    let ada = SpendingApp::funded(sandbox, &CONF, 10_000).await;
    let grant = json!({ "user": "ada", "client_id": CONF.id });
    let (mut now, mut spends) = (0, Vec::new());
    for step in steps {
        match *step {
            Step::Pay(amount) => {
                let fits = budgets
                    .iter()
                    .all(|(cap, limit)| cap.spent(&spends, now) + amount <= *limit);
                prop_assert_eq!(ada.pays(amount).await, fits, "{:?} at {} s", step, now);
                if fits {
                    spends.push((now, amount, false));
                }
            }
            Step::Move(seconds) => {
                sandbox.advance(seconds).await;
                now += seconds;
            }
            Step::Reset => {
                sandbox
                    .control("POST", "/spends/reset", grant.clone())
                    .await;
                for spend in &mut spends {
                    spend.2 = true;
                }
            }
        }
    }
    let shown = sandbox.control("GET", "/spends", json!({})).await;
    for ((cap, limit), rule) in budgets
        .iter()
        .zip(shown["spends"][0]["rules"].as_array().expect("a list"))
    {
        let spent = cap.spent(&spends, now);
        prop_assert_eq!(&rule["spend"], &json!(spent), "{:?}", cap);
        prop_assert_eq!(&rule["remaining"], &json!(limit.saturating_sub(spent)));
    }
    Ok(())
}

#[test]
fn remaining_budget_equals_cap_minus_counted_spends() {
    let runtime = Runtime::new().expect("a runtime can be built");
    let mock = runtime.block_on(TestServer::documented());
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let cases = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&(budgets(), steps()), |(budgets, steps)| {
        cases.set(cases.get() + 1);
        let sandbox = mock.sandbox(&format!("case-{}", cases.get()));
        runtime.block_on(agrees(&sandbox, &budgets, &steps))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
