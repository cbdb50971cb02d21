//! The spend limits of apps: how much of its budgets an app has used, and whether more fits. `period.rs` has the start of each
//! budget's period, and
//! `account.rs` the accounts that pay. Spends belong to a user and a client, so that new tokens change nothing.

use serde::Serialize;

use crate::model::account::{Currency, Payment};
use crate::model::buzz::{Budget, BuzzLimit, CurrencySet};
use crate::model::period::{Window, last_tick, window_start};
use crate::protocol::time::Timestamp;

/// What an app has spent from one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spend {
    pub(crate) currency: Currency,
    pub(crate) amount: u64,
    pub(crate) at: Timestamp,
    /// Absolute budgets were reset after this spend.
    pub(crate) is_before_reset: bool,
}

/// The state of one budget, in buzz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "BudgetView")
)]
#[non_exhaustive]
pub struct BudgetState {
    /// `absolute`, `sliding` or `rollover`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The most that may be spent.
    pub limit: u64,
    /// The amount that counts against it now.
    pub spend: u64,
    /// The remaining amount.
    pub remaining: u64,
    /// The unit of the window of a sliding budget: hours, days and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// How many of these units the window has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<u64>,
}

/// One spend; a bucket in Civitai's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "Spend")
)]
#[non_exhaustive]
pub struct Bucket {
    /// The time of the spend.
    pub ts: Timestamp,
    /// The amount, in buzz.
    pub amount: u64,
    /// The account that paid.
    pub currency: Currency,
}

/// What an app has spent of a user's buzz, and the state of its budgets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Spending {
    /// The sum of the buckets.
    pub spend: u64,
    /// The state of each budget, in their order; Civitai calls budgets rules.
    pub rules: Vec<BudgetState>,
    /// The spends that count against any budget; without a budget, all spends.
    pub buckets: Vec<Bucket>,
}

/// The spends that a budget counts. Spends later than the clock's time count too: setting the clock back does not free a
/// budget.
#[derive(Debug, Clone, Copy)]
enum Since {
    /// Spends since the last reset of absolute budgets.
    Reset,
    /// Spends after this time.
    After(Timestamp),
    /// Spends at this time or later.
    From(Timestamp),
}

/// A budget and the start of its period.
struct BudgetPeriod<'a> {
    budget: &'a Budget,
    since: Since,
    covered: CurrencySet,
}

impl Since {
    fn new(budget: &Budget, now: Timestamp) -> Self {
        match budget {
            Budget::Absolute { .. } => Self::Reset,
            Budget::Sliding { window, unit, .. } => Self::After(window_start(now, *window, *unit)),
            Budget::Rollover { cron, .. } => Self::From(last_tick(cron, now)),
        }
    }
}

impl<'a> BudgetPeriod<'a> {
    fn new(budget: &'a Budget, now: Timestamp) -> Self {
        Self {
            budget,
            since: Since::new(budget, now),
            covered: budget.covered(),
        }
    }

    fn counts(&self, spend: &Spend) -> bool {
        let in_time = match self.since {
            Since::Reset => !spend.is_before_reset,
            Since::After(start) => spend.at > start,
            Since::From(tick) => spend.at >= tick,
        };
        in_time && self.covered.has(spend.currency)
    }

    fn spend<'s>(&self, spends: impl Iterator<Item = &'s Spend>) -> u64 {
        let counted = spends.filter(|spend| self.counts(spend));
        sum(counted.map(|spend| spend.amount))
    }

    fn state(&self, spends: &[Spend]) -> BudgetState {
        let (limit, spend) = (self.budget.limit(), self.spend(spends.iter()));
        let (window, unit) = match self.budget {
            Budget::Sliding { window, unit, .. } => (Some(*window), Some(*unit)),
            Budget::Absolute { .. } | Budget::Rollover { .. } => (None, None),
        };
        BudgetState {
            kind: self.budget.kind(),
            limit,
            spend,
            // A limit may have been lowered below what was spent.
            remaining: limit.saturating_sub(spend),
            window,
            unit,
        }
    }
}

fn sum(amounts: impl Iterator<Item = u64>) -> u64 {
    amounts.fold(0, u64::saturating_add)
}

/// The budgets of a limit with the start of each one's period. Cron expressions take a while to search, so that the store
/// prepares this before it locks its tables.
#[derive(Debug)]
pub(crate) struct LimitWithPeriods {
    limit: BuzzLimit,
    periods: Vec<Since>,
}

impl LimitWithPeriods {
    pub(crate) fn new(limit: BuzzLimit, now: Timestamp) -> Self {
        let periods = limit.0.iter().map(|budget| Since::new(budget, now));
        Self {
            periods: periods.collect(),
            limit,
        }
    }

    /// Whether it was prepared from this limit.
    pub(crate) fn is_of(&self, limit: &BuzzLimit) -> bool {
        self.limit == *limit
    }

    /// Whether an app with these spends may also spend these amounts: each budget must have room for them.
    pub(crate) fn fits_every_budget<'s>(
        &self,
        spends: &(impl Iterator<Item = &'s Spend> + Clone),
        more: &[Payment],
    ) -> bool {
        let budgets = self.limit.0.iter().zip(&self.periods);
        budgets.into_iter().all(|(budget, since)| {
            let (since, covered) = (*since, budget.covered());
            let paid = more.iter().filter(|one| covered.has(one.currency));
            let amount = sum(paid.map(|one| one.amount));
            let counted = BudgetPeriod {
                budget,
                since,
                covered,
            };
            let spent = || counted.spend(spends.clone());
            amount == 0 || amount <= budget.limit().saturating_sub(spent())
        })
    }
}

impl Spending {
    pub(crate) fn new(limit: Option<&BuzzLimit>, spends: &[Spend], now: Timestamp) -> Self {
        let budgets = limit.map_or(&[][..], |limit| &limit.0);
        let counted = budgets.iter().map(|budget| BudgetPeriod::new(budget, now));
        let counted: Vec<BudgetPeriod<'_>> = counted.collect();
        let counts = |spend: &&Spend| {
            counted.is_empty() || counted.iter().any(|budget| budget.counts(spend))
        };
        let buckets: Vec<Bucket> = spends
            .iter()
            .filter(counts)
            .map(|spend| Bucket {
                ts: spend.at,
                amount: spend.amount,
                currency: spend.currency,
            })
            .collect();
        Self {
            spend: sum(buckets.iter().map(|bucket| bucket.amount)),
            rules: counted.iter().map(|budget| budget.state(spends)).collect(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, OffsetDateTime};

    use super::*;

    /// A leap year's first of January, in milliseconds: windows reach back over months of 29, 30 and 31 days.
    const BASE: i64 = 1_704_067_200_000;
    const HOUR: i64 = 60 * 60 * 1000;

    fn moment(at: Timestamp) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).unwrap()
    }

    /// Goes back day by day until it has passed this many months, and the day is the same or the last that there is.
    fn walk_back(now: Timestamp, months: u64) -> OffsetDateTime {
        let now = moment(now);
        let month =
            |at: OffsetDateTime| i64::from(at.year()) * 12 + i64::from(u8::from(at.month()));
        let mut then = now;
        while month(then) != month(now) - i64::try_from(months).unwrap() || then.day() > now.day() {
            then -= Duration::days(1);
        }
        then
    }

    /// The spends that count, computed in the simplest way.
    fn plain(budget: &Budget, spends: &[Spend], now: Timestamp) -> u64 {
        let counts = |spend: &Spend| match budget {
            Budget::Absolute { .. } => !spend.is_before_reset,
            Budget::Sliding { window, unit, .. } => {
                let hours = match window {
                    Window::Hour => 1,
                    Window::Day => 24,
                    Window::Week => 24 * 7,
                    Window::Month => return moment(spend.at) > walk_back(now, *unit),
                    Window::Second | Window::Minute => unreachable!("none is made"),
                };
                now.0 - spend.at.0 < hours * HOUR * i64::try_from(*unit).unwrap()
            }
            Budget::Rollover { cron, .. } => {
                let now = moment(now);
                let midnight = now.replace_time(time::Time::MIDNIGHT);
                let tick = match cron.as_str() {
                    "0 0 * * *" => midnight,
                    "0 0 1 * *" => midnight.replace_day(1).unwrap(),
                    _ => return true,
                };
                moment(spend.at) >= tick
            }
        };
        let covers = |spend: &Spend| match budget {
            Budget::Absolute { currencies, .. }
            | Budget::Sliding { currencies, .. }
            | Budget::Rollover { currencies, .. } => match currencies {
                Some(names) => names.is_empty() || names.contains(&spend.currency.to_string()),
                None => true,
            },
        };
        let counted = spends.iter().filter(|spend| counts(spend) && covers(spend));
        counted.map(|spend| spend.amount).sum()
    }

    fn currency() -> impl Strategy<Value = Currency> {
        prop::sample::select(Currency::ALL.to_vec())
    }

    /// Whole hours, so that spends meet the ends of windows, and a little more than a year of them.
    fn any_moment() -> impl Strategy<Value = Timestamp> {
        prop_oneof![
            (0..9_600_i64).prop_map(|hours| Timestamp(BASE + hours * HOUR)),
            (0..400_i64).prop_map(|days| Timestamp(BASE + days * 24 * HOUR)),
            (0..9_600 * HOUR).prop_map(|ms| Timestamp(BASE + ms)),
        ]
    }

    fn spend() -> impl Strategy<Value = Spend> {
        (currency(), 1..50_u64, any_moment(), any::<bool>()).prop_map(
            |(currency, amount, at, is_before_reset)| Spend {
                currency,
                amount,
                at,
                is_before_reset,
            },
        )
    }

    fn budget() -> impl Strategy<Value = Budget> {
        let names = prop::collection::vec(currency().prop_map(|one| one.to_string()), 0..3);
        let windows = vec![Window::Hour, Window::Day, Window::Week, Window::Month];
        let crons = vec!["0 0 * * *", "0 0 1 * *", "whenever"];
        let kinds = (
            0..3,
            prop::sample::select(windows),
            1..15_u64,
            prop::sample::select(crons),
        );
        (kinds, 1..200_u64, prop::option::of(names)).prop_map(
            |((kind, window, unit, cron), limit, currencies)| match kind {
                0 => Budget::Absolute { limit, currencies },
                1 => Budget::Sliding {
                    limit,
                    window,
                    unit,
                    currencies,
                },
                _ => Budget::Rollover {
                    limit,
                    cron: cron.to_owned(),
                    currencies,
                },
            },
        )
    }

    proptest! {
        #[test]
        fn usage_equals_the_sum_of_spends(
            budgets in prop::collection::vec(budget(), 1..4),
            spends in prop::collection::vec(spend(), 0..30),
            now in any_moment(),
        ) {
            let limit = BuzzLimit(budgets);
            let spending = Spending::new(Some(&limit), &spends, now);
            prop_assert_eq!(spending.rules.len(), limit.0.len());
            for (budget, rule) in limit.0.iter().zip(&spending.rules) {
                let spend = plain(budget, &spends, now);
                prop_assert_eq!(rule.spend, spend, "{:?} at {}", budget, now);
                prop_assert_eq!(rule.remaining, budget.limit().saturating_sub(spend));
            }
            let buckets: u64 = spending.buckets.iter().map(|bucket| bucket.amount).sum();
            prop_assert_eq!(spending.spend, buckets);
            let most = spending.rules.iter().map(|rule| rule.spend).max().unwrap_or_default();
            prop_assert!(spending.spend >= most);
        }

        /// The clock moves to any time between two charges.
        #[test]
        fn spend_is_accepted_exactly_if_every_budget_has_room(
            budgets in prop::collection::vec(budget(), 1..4),
            asked in prop::collection::vec((currency(), 0..60_u64, any_moment()), 1..30),
        ) {
            let limit = BuzzLimit(budgets);
            let mut spends = Vec::new();
            for (currency, amount, now) in asked {
                let more = Payment { currency, amount };
                let spend = Spend { currency, amount, at: now, is_before_reset: false };
                let mut after = spends.clone();
                after.push(spend);
                let fits = amount == 0 || limit.0.iter().all(|budget| {
                    let (before, after) = (plain(budget, &spends, now), plain(budget, &after, now));
                    before == after || after <= budget.limit()
                });
                prop_assert_eq!(LimitWithPeriods::new(limit.clone(), now).fits_every_budget(&spends.iter(), &[more]), fits);
                if fits && amount > 0 {
                    spends = after;
                }
            }
        }
    }

    #[test]
    fn limit_without_budgets_accepts_every_amount() {
        let more = Payment {
            currency: Currency::Yellow,
            amount: u64::MAX,
        };
        let limit = LimitWithPeriods::new(BuzzLimit(Vec::new()), Timestamp(0));
        assert!(limit.fits_every_budget(&[].iter(), &[more, more]));
    }
}
