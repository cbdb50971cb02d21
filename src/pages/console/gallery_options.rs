//! The options of the consent gallery: their form fields, their query, and what they mean.

use crate::invalid::Invalid;
use crate::pages::site::consent::BudgetForm;
use crate::pages::site::layout::Theme;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::params::Params;
use crate::protocol::scope::{PRESETS, Scope, ScopeBit};
use crate::protocol::scope_rules::scope_bits;

/// The preset without any choice.
const DEFAULT_PRESET: &str = "AI Services";

/// The entry in the list of presets that leaves the choice to the scope number.
const CUSTOM: &str = "custom";

/// The fixed choices: form value and label.
pub(super) const VERIFIED: [(&str, &str); 3] = [
    ("", "As registered"),
    ("yes", "Verified"),
    ("no", "Not verified"),
];
const SCHEMES: [(&str, &str); 2] = [("dark", "Dark"), ("light", "Light")];
const DAYS: [(&str, &str); 3] = [
    ("1", "per 24 hours"),
    ("7", "per 7 days"),
    ("30", "per 30 days"),
];
const LIMITS: [(&str, &str); 2] = [("on", "On"), ("off", "Off")];

/// The chosen options, as text.
#[derive(Debug, Default)]
pub(super) struct GalleryOptions {
    pub(super) client_id: String,
    pub(super) user: String,
    preset: String,
    pub(super) scope: String,
    limit: String,
    pub(super) budget: String,
    days: String,
    pub(super) verified: String,
    scheme: String,
    /// A button of the preview was pressed.
    pub(super) is_pressed: bool,
}

impl GalleryOptions {
    /// Parses the options. Of the preset and the scope number, and of the limit and its amount, one remains.
    pub(super) fn parse(query: Option<String>) -> Self {
        let params = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
        let text = |name| params.text(name).unwrap_or_default().trim().to_owned();
        let mut options = Self {
            client_id: text("client_id"),
            user: text("user"),
            preset: text("preset"),
            scope: text("scope"),
            limit: text("limit"),
            budget: text("budget"),
            days: text("days"),
            verified: text("verified"),
            scheme: text("scheme"),
            is_pressed: params.text("pressed").is_some(),
        };
        if options.preset == CUSTOM {
            options.preset.clear();
        } else if !options.preset.is_empty() {
            options.scope.clear();
        }
        if options.limit == "off" {
            options.budget.clear();
            options.days.clear();
        }
        options
    }

    pub(super) fn query(&self) -> String {
        let fields = [
            ("client_id", &self.client_id),
            ("user", &self.user),
            ("preset", &self.preset),
            ("scope", &self.scope),
            ("limit", &self.limit),
            ("budget", &self.budget),
            ("days", &self.days),
            ("verified", &self.verified),
            ("scheme", &self.scheme),
        ];
        let filled = fields.into_iter().filter(|(_, value)| !value.is_empty());
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(filled)
            .finish()
    }

    /// The choices of a field: value, label, and whether it is selected.
    pub(super) fn choices(&self, name: &str) -> Vec<(&'static str, &'static str, bool)> {
        let (all, chosen): (&[_], _) = match name {
            "verified" => (&VERIFIED, &self.verified),
            "scheme" => (&SCHEMES, &self.scheme),
            "limit" => (&LIMITS, &self.limit),
            _ => (&DAYS, &self.days),
        };
        all.iter()
            .map(|(value, label)| (*value, *label, value == chosen))
            .collect()
    }

    /// The presets and the scope number: value, label, and whether it is selected.
    pub(super) fn presets(&self) -> Vec<(&'static str, String, bool)> {
        let chosen = match (self.preset.as_str(), self.scope.as_str()) {
            ("", "") => DEFAULT_PRESET,
            ("", _) => CUSTOM,
            (preset, _) => preset,
        };
        let presets = PRESETS
            .iter()
            .map(|(name, scope)| (*name, format!("{name} ({scope})"), *name == chosen));
        let custom = (CUSTOM, "Scope number…".to_owned(), chosen == CUSTOM);
        presets.chain([custom]).collect()
    }

    /// The requested scope.
    pub(super) fn scope(&self, rules: &ContractRules) -> Result<Scope, Invalid> {
        if self.scope.is_empty() {
            let preset = match self.preset.as_str() {
                "" => DEFAULT_PRESET,
                preset => preset,
            };
            let known = PRESETS.iter().map(|(name, _)| *name);
            let found = PRESETS.iter().find(|(name, _)| *name == preset);
            return found.map(|(_, scope)| *scope).ok_or_else(|| {
                Invalid::new("preset", format!("no preset {preset:?}")).with_nearest(
                    preset,
                    known,
                    "choose one from the list",
                )
            });
        }
        let known = scope_bits(rules).map(ScopeBit::scope);
        let known = known.fold(Scope::default(), Scope::union);
        let bits = self.scope.parse().ok().map(Scope::from_any_bits);
        bits.filter(|bits| known.covers(*bits)).ok_or_else(|| {
            Invalid::new("scope", format!("{:?} is not a bitmask", self.scope))
                .with_hint(format!("write a number from 0 to {known}"))
        })
    }

    /// The initial values of the limit.
    pub(super) fn budget(&self) -> Result<BudgetForm, Invalid> {
        let mut form = BudgetForm::default();
        if !self.limit.is_empty() {
            form.on = one_of("limit", &self.limit, LIMITS)? == "on";
        }
        if !self.days.is_empty() {
            one_of("days", &self.days, DAYS)?;
            form.days.clone_from(&self.days);
        }
        if !self.budget.is_empty() {
            if !self.budget.parse::<u64>().is_ok_and(|amount| amount > 0) {
                let message = format!("{:?} is not an amount of buzz", self.budget);
                return Err(Invalid::new("budget", message)
                    .with_hint("write a whole number of at least 1, or leave it empty"));
            }
            form.amount.clone_from(&self.budget);
        }
        Ok(form)
    }

    pub(super) fn theme(&self) -> Result<Theme, Invalid> {
        if self.scheme.is_empty() {
            return Ok(Theme::default());
        }
        Ok(match one_of("scheme", &self.scheme, SCHEMES)? {
            "light" => Theme::Light,
            _ => Theme::Dark,
        })
    }
}

/// The value, if it is one of the choices.
pub(super) fn one_of<const N: usize>(
    name: &str,
    value: &str,
    all: [(&'static str, &'static str); N],
) -> Result<&'static str, Invalid> {
    let found = all.iter().find(|(known, _)| *known == value);
    found.map(|(known, _)| *known).ok_or_else(|| {
        let known: Vec<&str> = all
            .iter()
            .map(|(known, _)| *known)
            .filter(|known| !known.is_empty())
            .collect();
        Invalid::new(name, format!("{value:?} is not a valid choice"))
            .with_hint(format!("choose one of {}", known.join(", ")))
    })
}
