//! How much of its budgets has an app used up, and does more fit? Since when each budget counts is `period.rs`; which
//! account pays is `account.rs`. What is spent belongs to a user and a client, so that new tokens change nothing.

use serde::Serialize;

use crate::model::account::{Currency, Payment};
use crate::model::buzz::{Budget, BuzzLimit, Window};
use crate::model::period::{last_tick, window_start};
use crate::protocol::time::{Moment, Timestamp};

/// What an app has spent from one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spend {
    pub(crate) currency: Currency,
    pub(crate) amount: u64,
    pub(crate) at: Timestamp,
    /// Absolute budgets were reset since.
    pub(crate) forgiven: bool,
}

/// How one budget stands, in buzz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rule {
    /// `absolute`, `sliding` or `rollover`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The most that may be spent.
    pub limit: u64,
    /// What counts against it now.
    pub spend: u64,
    /// What may be spent yet.
    pub remaining: u64,
    /// What a sliding budget is counted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// How many of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<u64>,
}

/// Something that was spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bucket {
    /// When.
    pub ts: Moment,
    /// How much, in buzz.
    pub amount: u64,
    /// From which account.
    pub currency: Currency,
}

/// What an app has spent of a user's buzz, and how its budgets stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Spending {
    /// The sum of the buckets.
    pub spend: u64,
    /// One for each budget, in their order.
    pub rules: Vec<Rule>,
    /// What counts against any of them; without a budget, all there is.
    pub buckets: Vec<Bucket>,
}

/// Which spends a budget counts. What lies ahead of the clock, since it was set back, counts as well: turning the clock
/// back is no way around a cap.
#[derive(Debug, Clone, Copy)]
enum Since {
    /// The last reset.
    Reset,
    /// This moment, without it.
    After(Timestamp),
    /// This moment, with it.
    From(Timestamp),
}

/// A budget, and since when it counts.
struct Counted<'a> {
    budget: &'a Budget,
    since: Since,
}

impl<'a> Counted<'a> {
    fn of(budget: &'a Budget, now: Timestamp) -> Self {
        let since = match budget {
            Budget::Absolute { .. } => Since::Reset,
            Budget::Sliding { window, unit, .. } => Since::After(window_start(now, *window, *unit)),
            Budget::Rollover { cron, .. } => Since::From(last_tick(cron, now)),
        };
        Self { budget, since }
    }

    fn counts(&self, spend: &Spend) -> bool {
        let in_time = match self.since {
            Since::Reset => !spend.forgiven,
            Since::After(start) => spend.at > start,
            Since::From(tick) => spend.at >= tick,
        };
        in_time && self.budget.covers(spend.currency)
    }

    fn spend(&self, spends: &[Spend]) -> u64 {
        let counted = spends.iter().filter(|spend| self.counts(spend));
        sum(counted.map(|spend| spend.amount))
    }

    fn rule(&self, spends: &[Spend]) -> Rule {
        let (limit, spend) = (self.budget.limit(), self.spend(spends));
        let (window, unit) = match self.budget {
            Budget::Sliding { window, unit, .. } => (Some(*window), Some(*unit)),
            Budget::Absolute { .. } | Budget::Rollover { .. } => (None, None),
        };
        Rule {
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

impl BuzzLimit {
    /// Whether an app that has spent so much may spend these amounts too: each budget must have room for them.
    pub(crate) fn has_room(&self, spends: &[Spend], more: &[Payment], now: Timestamp) -> bool {
        self.0.iter().all(|budget| {
            let covered = more.iter().filter(|one| budget.covers(one.currency));
            let amount = sum(covered.map(|one| one.amount));
            amount == 0 || amount <= Counted::of(budget, now).rule(spends).remaining
        })
    }
}

impl Spending {
    pub(crate) fn of(limit: Option<&BuzzLimit>, spends: &[Spend], now: Timestamp) -> Self {
        let budgets = limit.map_or(&[][..], |limit| &limit.0);
        let counted = budgets.iter().map(|budget| Counted::of(budget, now));
        let counted: Vec<Counted<'_>> = counted.collect();
        let counts = |spend: &&Spend| {
            counted.is_empty() || counted.iter().any(|budget| budget.counts(spend))
        };
        let buckets: Vec<Bucket> = spends
            .iter()
            .filter(counts)
            .map(|spend| Bucket {
                ts: Moment(spend.at),
                amount: spend.amount,
                currency: spend.currency,
            })
            .collect();
        Self {
            spend: sum(buckets.iter().map(|bucket| bucket.amount)),
            rules: counted.iter().map(|budget| budget.rule(spends)).collect(),
            buckets,
        }
    }
}
