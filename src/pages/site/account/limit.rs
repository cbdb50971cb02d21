//! The form of a buzz limit: one row for each budget, and an empty row for another. `connected.rs` has the app that it
//! belongs to.

use serde_json::{Value, json};

use crate::model::buzz::{Budget, BuzzLimit, MAX_BUDGETS};
use crate::model::period::{Window, last_tick};
use crate::protocol::json::MAX_SAFE_INTEGER;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;

/// The windows of a rolling budget.
const WINDOWS: [&str; 6] = ["second", "minute", "hour", "day", "week", "month"];

/// The kinds of a budget: the form value and the label.
const KINDS: [(&str, &str); 4] = [
    ("none", "No limit"),
    ("absolute", "Total"),
    ("sliding", "Per rolling window"),
    ("rollover", "Reset by a cron expression"),
];

/// The form of a limit.
#[derive(Debug, Clone)]
pub(crate) struct LimitForm(pub(crate) Vec<BudgetForm>);

/// The row of one budget. All fields are text, so that invalid input is shown again as typed.
#[derive(Debug, Clone)]
pub(crate) struct BudgetForm {
    /// Number of the row, from 1; the suffix of its field names.
    pub(crate) at: usize,
    kind: String,
    pub(crate) limit: String,
    pub(crate) unit: String,
    window: String,
    pub(crate) cron: String,
    /// Kinds of buzz, separated by commas; empty for all.
    pub(crate) currencies: String,
    pub(crate) remove: bool,
    /// The problem of this row.
    pub(crate) problem: Option<String>,
}

impl BudgetForm {
    /// An empty row for another budget.
    fn empty(at: usize) -> Self {
        Self {
            at,
            kind: "none".to_owned(),
            limit: "5000".to_owned(),
            unit: "1".to_owned(),
            window: "day".to_owned(),
            cron: "0 0 1 * *".to_owned(),
            currencies: String::new(),
            remove: false,
            problem: None,
        }
    }

    fn new(at: usize, budget: &Budget) -> Self {
        let mut row = Self::empty(at);
        budget.kind().clone_into(&mut row.kind);
        row.limit = budget.limit().to_string();
        let currencies = match budget {
            Budget::Absolute { currencies, .. } => currencies,
            Budget::Sliding {
                window,
                unit,
                currencies,
                ..
            } => {
                window_name(*window).clone_into(&mut row.window);
                row.unit = unit.to_string();
                currencies
            }
            Budget::Rollover {
                cron, currencies, ..
            } => {
                row.cron.clone_from(cron);
                currencies
            }
        };
        row.currencies = currencies.as_deref().unwrap_or_default().join(", ");
        row
    }

    fn parse(at: usize, params: &Params) -> Option<Self> {
        let text = |name| {
            let value = params.text(&format!("{name}-{at}")).unwrap_or_default();
            value.trim().to_owned()
        };
        params.text(&format!("kind-{at}"))?;
        Some(Self {
            at,
            kind: text("kind"),
            limit: text("limit"),
            unit: text("unit"),
            window: text("window"),
            cron: text("cron"),
            currencies: text("currencies"),
            remove: params.text(&format!("remove-{at}")).is_some(),
            problem: None,
        })
    }

    pub(crate) fn is_new(&self) -> bool {
        self.kind == "none"
    }

    pub(crate) fn kinds(&self) -> Vec<(&'static str, &'static str, bool)> {
        let chosen = |(name, label)| (name, label, name == self.kind);
        KINDS.map(chosen).into()
    }

    pub(crate) fn windows(&self) -> [(&'static str, bool); 6] {
        WINDOWS.map(|window| (window, window == self.window))
    }

    /// Parses the budget of the row; None if the row is empty or removed. Errors: the problem, as a message for the
    /// user.
    fn read(&self, now: Timestamp) -> Result<Option<Budget>, String> {
        if self.remove {
            return Ok(None);
        }
        let mut budget = match &*self.kind {
            "none" => return Ok(None),
            "absolute" => json!({}),
            "sliding" if !WINDOWS.contains(&&*self.window) => {
                return Err(format!(
                    "A rolling window must be a second, minute, hour, day, week or month, not {:?}.",
                    self.window
                ));
            }
            "sliding" => {
                let unit = number(&self.unit, "The number of windows")?;
                json!({ "window": self.window, "unit": unit })
            }
            "rollover" if last_tick(&self.cron, now).0 == i64::MIN => {
                return Err(format!(
                    "{:?} is not a cron expression that fires: write five fields, such as \"0 0 1 * *\" for the first day of \
                     each month.",
                    self.cron
                ));
            }
            "rollover" => json!({ "cron": self.cron }),
            other => return Err(format!("{other:?} is not a kind of limit.")),
        };
        budget["type"] = Value::from(&*self.kind);
        budget["limit"] = number(&self.limit, "The amount")?.into();
        let currencies: Vec<&str> = self.currencies.split(',').map(str::trim).collect();
        let currencies: Vec<&str> = currencies.into_iter().filter(|c| !c.is_empty()).collect();
        if !currencies.is_empty() {
            budget["currencies"] = currencies.into();
        }
        serde_json::from_value(budget)
            .map(Some)
            .map_err(|error| error.to_string())
    }
}

/// An integer that JSON can represent exactly.
fn number(text: &str, what: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 1..=MAX_SAFE_INTEGER) => Ok(number),
        _ => Err(format!(
            "{what} must be a whole number of at least 1, not {text:?}."
        )),
    }
}

/// The name of a window in the form.
pub(crate) fn window_name(window: Window) -> &'static str {
    match window {
        Window::Second => "second",
        Window::Minute => "minute",
        Window::Hour => "hour",
        Window::Day => "day",
        Window::Week => "week",
        Window::Month => "month",
    }
}

impl LimitForm {
    /// The form of an existing limit, with an empty row.
    pub(crate) fn new(limit: Option<&BuzzLimit>) -> Self {
        let budgets = limit.iter().flat_map(|limit| limit.budgets()).enumerate();
        let mut rows: Vec<_> = budgets
            .map(|(at, budget)| BudgetForm::new(at + 1, budget))
            .collect();
        rows.push(BudgetForm::empty(rows.len() + 1));
        Self(rows)
    }

    /// Parses a submitted form. The rows are numbered without gaps.
    pub(crate) fn parse(params: &Params) -> Self {
        let rows = (1..).map_while(|at| BudgetForm::parse(at, params));
        // One row more than permitted, for the error: each row is searched for its cron expression.
        Self(rows.take(MAX_BUDGETS + 2).collect())
    }

    /// Parses the limit. Errors: the form with the problem of each row.
    pub(crate) fn read(mut self, now: Timestamp) -> Result<Option<BuzzLimit>, Self> {
        let mut budgets = Vec::new();
        if self.0.is_empty() {
            // A request without rows does not ask to remove all budgets.
            let mut row = BudgetForm::empty(1);
            row.problem = Some("The form had no limit: nothing was changed.".to_owned());
            return Err(Self(vec![row]));
        }
        for row in &mut self.0 {
            match row.read(now) {
                Ok(budget) => budgets.extend(budget),
                Err(problem) => row.problem = Some(problem),
            }
        }
        let size = serde_json::to_value(&budgets).unwrap_or_default();
        let rows = self.0.len();
        if rows > MAX_BUDGETS + 1
            && let Some(last) = self.0.last_mut()
        {
            last.problem = Some(format!("At most {MAX_BUDGETS} limits are possible."));
        }
        if let (Err(reason), Some(last)) = (BuzzLimit::check_size(&size), self.0.last_mut()) {
            last.problem = Some(format!("The limit has {reason}."));
        }
        if self.has_problem() {
            return Err(self);
        }
        Ok((!budgets.is_empty()).then_some(BuzzLimit(budgets)))
    }

    pub(crate) fn has_problem(&self) -> bool {
        self.0.iter().any(|row| row.problem.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_770_000_000_000);

    fn read(text: &str) -> Result<String, String> {
        let form = LimitForm::parse(&Params::from_urlencoded(text.as_bytes()));
        match form.read(NOW) {
            Ok(limit) => Ok(serde_json::to_string(&limit).unwrap()),
            Err(form) => Err(form.0.into_iter().filter_map(|row| row.problem).collect()),
        }
    }

    #[test]
    fn each_row_is_a_budget_or_a_problem() {
        assert_eq!(read("kind-1=none").unwrap(), "null");
        assert_eq!(
            read("kind-1=absolute&limit-1=9&currencies-1=blue,+green&kind-2=sliding&limit-2=8&unit-2=2&window-2=week").unwrap(),
            r#"[{"type":"absolute","limit":9,"currencies":["blue","green"]},{"type":"sliding","limit":8,"window":"week","unit":2}]"#
        );
        assert_eq!(
            read(
                "kind-1=absolute&limit-1=9&remove-1=on&kind-2=rollover&limit-2=9&cron-2=0+0+*+*+*"
            )
            .unwrap(),
            r#"[{"type":"rollover","limit":9,"cron":"0 0 * * *"}]"#
        );
        for invalid in [
            "",
            "kind-1=weekly",
            "kind-1=absolute&limit-1=0",
            "kind-1=absolute&limit-1=1.5",
            "kind-1=absolute&limit-1=9007199254740992",
            "kind-1=sliding&limit-1=1&unit-1=1&window-1=year",
            "kind-1=sliding&limit-1=1&unit-1=x&window-1=day",
            "kind-1=rollover&limit-1=1&cron-1=",
            "kind-1=rollover&limit-1=1&cron-1=not+a+cron",
        ] {
            assert!(read(invalid).is_err(), "{invalid}");
        }
    }
}
