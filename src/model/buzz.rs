//! The `buzz_limit` of a consent: its format and the check of it. `ledger.rs` computes how much of it is used.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::invalid::Invalid;
use crate::model::account::Currency;
use crate::model::period::{self, Window, is_cron_expression};
use crate::protocol::error::OAuthError;
use crate::protocol::json::whole;

const FAILED_VALIDATION: &str = "buzz_limit failed validation";

/// The bounds of one limit: each charge evaluates every budget, and each consent stores the JSON text.
pub(crate) const MAX_BUDGETS: usize = 20;
pub(crate) const MAX_LIMIT_BYTES: usize = 4096;

/// The budgets that a user set for an app at consent. All of them apply at once. Source: `buzz_limit` at consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(inline))]
#[serde(transparent)]
pub struct BuzzLimit(pub Vec<Budget>);

/// One limit on an app's spending, in buzz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Budget {
    /// A cap on the sum of all spends.
    Absolute {
        /// The most that may be spent, in buzz.
        limit: u64,
        /// The accounts that it counts: `yellow`, `blue`, `green`; all if absent or empty. Another name matches no account; a
        /// control call rejects it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currencies: Option<Vec<String>>,
    },
    /// A cap on the spends within a window that ends now.
    Sliding {
        /// The most that may be spent, in buzz.
        limit: u64,
        /// The unit of the window: hours, days and so on.
        window: Window,
        /// How many of these units the window has.
        unit: u64,
        /// As for [`Budget::Absolute`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currencies: Option<Vec<String>>,
    },
    /// A cap on the spends since the cron expression last fired.
    Rollover {
        /// The most that may be spent, in buzz.
        limit: u64,
        /// The cron expression of its resets, in UTC. Text that is not a cron expression never fires; a control call rejects it.
        cron: String,
        /// As for [`Budget::Absolute`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currencies: Option<Vec<String>>,
    },
}

/// The accounts that a budget counts. Their names are parsed once for all spends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurrencySet([bool; Currency::ALL.len()]);

impl CurrencySet {
    pub(crate) fn has(self, currency: Currency) -> bool {
        self.0[currency as usize]
    }
}

impl BuzzLimit {
    /// Reads the `buzz_limit` parameter. Empty text and `null` mean no limit.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, OAuthError> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > MAX_LIMIT_BYTES {
            return Err(OAuthError::invalid_request(FAILED_VALIDATION));
        }
        let value = serde_json::from_str(text)
            .map_err(|_| OAuthError::invalid_request("buzz_limit is not valid JSON"))?;
        let budgets = match value {
            Value::Null => return Ok(None),
            Value::Array(items) if items.len() <= MAX_BUDGETS => {
                items.iter().map(budget).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        budgets
            .map(|budgets| Some(Self(budgets)))
            .ok_or_else(|| OAuthError::invalid_request(FAILED_VALIDATION))
    }
}

impl BuzzLimit {
    /// Checks the bounds of a limit that is given as JSON. Errors: the exceeded bound.
    pub(crate) fn check_size(given: &Value) -> Result<(), String> {
        let budgets = given.as_array().map_or(0, Vec::len);
        if budgets > MAX_BUDGETS {
            return Err(format!(
                "{budgets} budgets; a limit has at most {MAX_BUDGETS}"
            ));
        }
        let bytes = given.to_string().len();
        if bytes > MAX_LIMIT_BYTES {
            return Err(format!(
                "{bytes} bytes of JSON; a limit has at most {MAX_LIMIT_BYTES}"
            ));
        }
        Ok(())
    }

    /// The budgets that do not work as written. A consent may have them nevertheless, as at Civitai.
    pub(crate) fn warnings(&self) -> Vec<Invalid> {
        let budgets = self.0.iter().enumerate();
        let found = budgets.flat_map(|(at, budget)| budget.warnings(&format!("buzz_limit[{at}]")));
        found.collect()
    }

    /// The budgets, which all apply at once.
    pub(crate) fn budgets(&self) -> &[Budget] {
        &self.0
    }

    /// The simple form of the consent page: an amount per 1, 7 or 30 days.
    pub(crate) fn per_days(amount: &str, days: &str) -> Result<Self, OAuthError> {
        let limit = serde_json::from_str(amount.trim())
            .ok()
            .as_ref()
            .and_then(positive_integer);
        let unit = match days {
            "1" => Some(1),
            "7" => Some(7),
            "30" => Some(30),
            _ => None,
        };
        match (limit, unit) {
            (Some(limit), Some(unit)) => Ok(Self(vec![Budget::Sliding {
                limit,
                window: Window::Day,
                unit,
                currencies: None,
            }])),
            _ => Err(OAuthError::invalid_request(FAILED_VALIDATION)),
        }
    }
}

impl Budget {
    /// The name of this kind in answers.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Absolute { .. } => "absolute",
            Self::Sliding { .. } => "sliding",
            Self::Rollover { .. } => "rollover",
        }
    }

    pub(crate) fn limit(&self) -> u64 {
        match self {
            Self::Absolute { limit, .. }
            | Self::Sliding { limit, .. }
            | Self::Rollover { limit, .. } => *limit,
        }
    }

    /// The accounts whose payments count. An empty list counts all accounts: when in doubt, the cap applies.
    pub(crate) fn covered(&self) -> CurrencySet {
        let names = self.currencies();
        let mut covered = CurrencySet([names.is_empty(); Currency::ALL.len()]);
        for currency in names.iter().filter_map(|name| Currency::named(name)) {
            covered.0[currency as usize] = true;
        }
        covered
    }

    fn currencies(&self) -> &[String] {
        match self {
            Self::Absolute { currencies, .. }
            | Self::Sliding { currencies, .. }
            | Self::Rollover { currencies, .. } => currencies.as_deref().unwrap_or_default(),
        }
    }

    fn warnings(&self, path: &str) -> Vec<Invalid> {
        let mut found = Vec::new();
        if let Self::Rollover { cron, .. } = self
            && !is_cron_expression(cron)
        {
            let reason = format!("{cron:?} is not a cron expression: the budget never resets");
            found.push(Invalid::new(format!("{path}.cron"), reason).with_hint(period::CRON_HINT));
        }
        for (at, name) in self.currencies().iter().enumerate() {
            if Currency::named(name).is_none() {
                let reason = format!("{name:?} is not a buzz type: the budget would limit nothing");
                let error = Invalid::new(format!("{path}.currencies[{at}]"), reason);
                let known = Currency::ALL.map(Currency::name);
                found.push(error.with_nearest(name, known, "choose yellow, blue or green"));
            }
        }
        found
    }
}

fn budget(value: &Value) -> Option<Budget> {
    let object = value.as_object()?;
    let limit = positive_integer(object.get("limit")?)?;
    let currencies = currencies(object)?;
    match object.get("type")?.as_str()? {
        "absolute" => Some(Budget::Absolute { limit, currencies }),
        "sliding" => Some(Budget::Sliding {
            limit,
            window: serde_json::from_value(object.get("window")?.clone()).ok()?,
            unit: positive_integer(object.get("unit")?)?,
            currencies,
        }),
        "rollover" => {
            let cron = object.get("cron")?.as_str()?.to_owned();
            (!cron.is_empty()).then_some(Budget::Rollover {
                limit,
                cron,
                currencies,
            })
        }
        _ => None,
    }
}

fn positive_integer(value: &Value) -> Option<u64> {
    whole(value).filter(|number| *number > 0)
}

/// The outer `Option` is `None` if the value is malformed, the inner one if it is absent.
fn currencies(object: &Map<String, Value>) -> Option<Option<Vec<String>>> {
    match object.get("currencies") {
        None => Some(None),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map(Some),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn well_formed_budgets_are_stored_unchanged() {
        let text = r#"[{"type":"sliding","limit":5000,"window":"day","unit":1},{"type":"absolute","limit":5,"currencies":["blue"]},{"type":"rollover","limit":9,"cron":"0 0 1 * *"}]"#;
        let parsed = BuzzLimit::parse(text).unwrap().unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
    }

    #[test]
    fn the_simple_form_makes_one_sliding_budget() {
        let made = BuzzLimit::per_days("5000", "7").unwrap();
        let text = r#"[{"type":"sliding","limit":5000,"window":"day","unit":7}]"#;
        assert_eq!(Ok(Some(made)), BuzzLimit::parse(text));
        for (amount, days) in [("0", "7"), ("-5", "7"), ("5.5", "7"), ("", "7"), ("5", "8")] {
            assert!(
                BuzzLimit::per_days(amount, days).is_err(),
                "{amount} {days}"
            );
        }
    }

    #[test]
    fn null_and_absent_mean_no_limit_and_an_empty_list_is_a_list() {
        assert_eq!(BuzzLimit::parse(""), Ok(None));
        assert_eq!(BuzzLimit::parse("null"), Ok(None));
        assert_eq!(BuzzLimit::parse("[]"), Ok(Some(BuzzLimit(vec![]))));
    }

    #[test]
    fn the_two_errors_are_civitais() {
        let description = |text| BuzzLimit::parse(text).unwrap_err().description.unwrap();
        assert_eq!(description("{"), "buzz_limit is not valid JSON");
        for wrong in [
            "{}",
            "5",
            r#"[{"type":"absolute","limit":0}]"#,
            r#"[{"type":"absolute","limit":1.5}]"#,
            r#"[{"type":"absolute","limit":"5"}]"#,
            r#"[{"type":"absolute","limit":5,"currencies":[1]}]"#,
            r#"[{"type":"sliding","limit":5,"window":"year","unit":1}]"#,
            r#"[{"type":"sliding","limit":5,"window":"day","unit":0}]"#,
            r#"[{"type":"rollover","limit":5,"cron":""}]"#,
            r#"[{"type":"weekly","limit":1}]"#,
            &format!(
                "[{}]",
                [r#"{"type":"absolute","limit":5}"#; MAX_BUDGETS + 1].join(",")
            ),
            &format!(
                r#"[{{"type":"rollover","limit":5,"cron":"{}"}}]"#,
                "0".repeat(MAX_LIMIT_BYTES)
            ),
        ] {
            assert_eq!(
                description(wrong),
                "buzz_limit failed validation",
                "{wrong}"
            );
        }
    }

    fn budgets() -> impl Strategy<Value = Budget> {
        let currencies = || proptest::option::of(proptest::collection::vec(".{0,8}", 0..3));
        let number = || 1..=crate::protocol::json::MAX_SAFE_INTEGER;
        let window = prop_oneof![
            Just(Window::Second),
            Just(Window::Minute),
            Just(Window::Hour),
            Just(Window::Day),
            Just(Window::Week),
            Just(Window::Month),
        ];
        prop_oneof![
            (number(), currencies())
                .prop_map(|(limit, currencies)| Budget::Absolute { limit, currencies }),
            (number(), window, number(), currencies()).prop_map(
                |(limit, window, unit, currencies)| Budget::Sliding {
                    limit,
                    window,
                    unit,
                    currencies,
                }
            ),
            (number(), ".{1,12}", currencies()).prop_map(|(limit, cron, currencies)| {
                Budget::Rollover {
                    limit,
                    cron,
                    currencies,
                }
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_limit_that_is_printed_can_be_read_again(budgets in proptest::collection::vec(budgets(), 0..4)) {
            let limit = BuzzLimit(budgets);
            let text = serde_json::to_string(&limit).unwrap();
            prop_assert_eq!(serde_json::from_str::<BuzzLimit>(&text).unwrap(), limit.clone());
            prop_assert_eq!(BuzzLimit::parse(&text).unwrap(), Some(limit));
        }
    }
}
