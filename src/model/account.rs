//! The three kinds of buzz, and how a cost is split among a user's accounts. Whether an app may spend it is decided in
//! `ledger.rs`.

use serde::{Deserialize, Serialize};

/// A kind of buzz: each is an account of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Currency {
    /// Bought; pays for everything.
    Yellow,
    /// Earned; pays for safe-for-work content.
    Blue,
    /// Bought; pays for safe-for-work content.
    Green,
}

impl Currency {
    /// In the order in which answers list them.
    pub(crate) const ALL: [Self; 3] = [Self::Yellow, Self::Blue, Self::Green];

    /// In the order of payment. Source: developer.civitai.com, "Submitting Work", Payments.
    pub(crate) const PAYING: [Self; 3] = [Self::Blue, Self::Green, Self::Yellow];

    /// The word that rows, budgets and answers use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yellow => "yellow",
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }

    /// The kind of this name, in any case.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let is_named = |currency: &Self| currency.name().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(is_named)
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The balance of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) currency: Currency,
    pub(crate) balance: u64,
    /// The sum of all income.
    pub(crate) lifetime_balance: u64,
}

/// The payment of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) currency: Currency,
    pub(crate) amount: u64,
}

/// Splits a cost among the accounts that may pay: each is emptied before the next one pays. `None` if their balances do not
/// cover the cost. Source: as for [`Currency::PAYING`].
pub(crate) fn split(cost: u64, may_pay: &[Currency], accounts: &[Account]) -> Option<Vec<Payment>> {
    let mut left = cost;
    let mut payments = Vec::new();
    for currency in Currency::PAYING {
        let account = accounts.iter().find(|one| one.currency == currency);
        let balance = account.map_or(0, |account| account.balance);
        let amount = left.min(balance);
        if amount > 0 && may_pay.contains(&currency) {
            payments.push(Payment { currency, amount });
            left -= amount;
        }
    }
    (left == 0).then_some(payments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(yellow: u64, blue: u64, green: u64) -> Vec<Account> {
        let of = |(currency, balance)| Account {
            currency,
            balance,
            lifetime_balance: balance,
        };
        let balances = [yellow, blue, green];
        Currency::ALL.into_iter().zip(balances).map(of).collect()
    }

    fn described(cost: u64, may_pay: &[Currency], accounts: &[Account]) -> String {
        let Some(payments) = split(cost, may_pay, accounts) else {
            return "too little".to_owned();
        };
        let words = payments.iter();
        let words: Vec<String> = words
            .map(|payment| format!("{} {}", payment.amount, payment.currency))
            .collect();
        words.join(", ")
    }

    #[test]
    fn earned_buzz_goes_first_and_the_rest_tops_up() {
        let all = &Currency::PAYING;
        assert_eq!(described(5, all, &accounts(9, 5, 9)), "5 blue");
        assert_eq!(
            described(20, all, &accounts(9, 5, 7)),
            "5 blue, 7 green, 8 yellow"
        );
        assert_eq!(described(22, all, &accounts(9, 5, 7)), "too little");
        assert_eq!(described(0, all, &[]), "");
    }

    #[test]
    fn only_accounts_that_may_pay_are_charged() {
        let some = &[Currency::Yellow, Currency::Green];
        assert_eq!(described(8, some, &accounts(9, 5, 7)), "7 green, 1 yellow");
        assert_eq!(
            described(10, &[Currency::Yellow], &accounts(9, 5, 7)),
            "too little"
        );
    }

    proptest::proptest! {
        #[test]
        fn payments_sum_to_the_cost_within_the_balances(
            cost in 0..60_u64, yellow in 0..20_u64, blue in 0..20_u64, green in 0..20_u64,
        ) {
            let accounts = accounts(yellow, blue, green);
            let payments = split(cost, &Currency::PAYING, &accounts);
            proptest::prop_assert_eq!(payments.is_some(), cost <= yellow + blue + green);
            let payments = payments.unwrap_or_default();
            for payment in &payments {
                let there = accounts.iter().find(|one| one.currency == payment.currency);
                proptest::prop_assert!(there.is_some_and(|one| payment.amount <= one.balance));
            }
            if !payments.is_empty() {
                let paid: u64 = payments.iter().map(|payment| payment.amount).sum();
                proptest::prop_assert_eq!(paid, cost);
            }
        }
    }
}
