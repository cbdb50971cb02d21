//! The form of an app: its fields, the rules of a registration, and the problems of each field. Its checkboxes are in
//! `grid.rs`. The difference `registration-rules` covers the rules that depend on the contract.

use super::grid::{self, Row};
use crate::contract::Difference;
use crate::model::client::{AccessMode, Client, MAX_CLIENT_BYTES};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::grant_type::GrantType;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::params::Params;
use crate::protocol::redirect_uri;
use crate::protocol::scope::{PRESETS, Scope};

const MAX_NAME_CHARS: usize = 128;
const MAX_DESCRIPTION_CHARS: usize = 500;

/// The entry in the list of presets that leaves the choice to the grid.
const BY_GRID: &str = "custom";

/// The form, with its fields as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppForm {
    pub(crate) name: String,
    pub(crate) description: String,
    /// One per line.
    pub(crate) redirect_uris: String,
    /// One per line.
    pub(crate) origins: String,
    pub(crate) preset: String,
    pub(crate) scope: Scope,
    pub(crate) confidential: bool,
    /// The problems of the form.
    pub(crate) problems: Vec<Problem>,
}

/// A problem of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

/// The valid content of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Registration {
    name: String,
    description: String,
    redirect_uris: Vec<String>,
    allowed_origins: Vec<String>,
    allowed_scopes: Scope,
    /// The scope comes from the checkboxes and not from a preset.
    by_grid: bool,
    confidential: bool,
}

impl AppForm {
    /// An empty form.
    pub(crate) fn empty() -> Self {
        Self {
            preset: "Full Access".to_owned(),
            scope: Scope::FULL,
            confidential: true,
            ..Self::default()
        }
    }

    /// The form of an existing app.
    pub(crate) fn for_client(client: &Client) -> Self {
        let preset = PRESETS
            .iter()
            .find(|(_, scope)| *scope == client.allowed_scopes);
        Self {
            name: client.name.clone(),
            description: client.description.clone(),
            redirect_uris: client.redirect_uris.join("\n"),
            origins: client.allowed_origins.join("\n"),
            preset: preset.map_or(BY_GRID, |(name, _)| name).to_owned(),
            scope: client.allowed_scopes,
            confidential: client.confidential,
            problems: Vec::new(),
        }
    }

    /// Parses a submitted form. The preset or the checkboxes win, whichever was changed.
    pub(crate) fn parse(params: &Params) -> Self {
        let text = |name| params.text(name).unwrap_or_default().to_owned();
        let mut form = Self {
            name: text("name").trim().to_owned(),
            description: text("description").trim().to_owned(),
            redirect_uris: text("redirect_uris"),
            origins: text("origins"),
            scope: grid::boxes(params),
            confidential: text("kind") != "public",
            preset: text("preset"),
            problems: Vec::new(),
        };
        let Some((name, preset)) = PRESETS.iter().find(|(name, _)| *name == form.preset) else {
            return form;
        };
        // The state of the form when it was rendered. Clients without a browser may omit it, and the checkboxes too.
        let shown = params
            .text("shown_boxes")
            .and_then(Scope::parse_leading_digits);
        let untouched = form.scope == shown.unwrap_or_default().with_user_read();
        if untouched || form.scope == grid::part_of(*preset).with_user_read() {
            form.scope = preset.with_user_read();
            return form;
        }
        if params.text("shown_preset") != Some(name) {
            form.problems.push(Problem {
                field: "preset",
                text: format!(
                    "The preset and the individual permissions were both changed, and they differ. The form shows the \
                     individual permissions: save them, or choose {name} again."
                ),
            });
        }
        BY_GRID.clone_into(&mut form.preset);
        form
    }

    /// The checkboxes that were checked when the form was rendered.
    pub(crate) fn shown_boxes(&self) -> Scope {
        grid::part_of(self.scope)
    }

    fn check_texts(&self, report: &mut impl FnMut(&'static str, String)) {
        match self.name.chars().count() {
            1..=MAX_NAME_CHARS => {}
            0 => report(
                "name",
                "Enter a name: users see it on the consent page.".to_owned(),
            ),
            length => report(
                "name",
                format!("A name has at most {MAX_NAME_CHARS} characters; this one has {length}."),
            ),
        }
        let length = self.description.chars().count();
        if length > MAX_DESCRIPTION_CHARS {
            report(
                "description",
                format!(
                    "A description has at most {MAX_DESCRIPTION_CHARS} characters; this one has {length}."
                ),
            );
        }
    }

    /// Checks the form. Errors: the form with its problems.
    pub(crate) fn check(mut self, rules: &ContractRules) -> Result<Registration, Box<Self>> {
        let redirect_uris = lines(&self.redirect_uris);
        let mut problems = std::mem::take(&mut self.problems);
        let mut report = |field, text: String| problems.push(Problem { field, text });
        self.check_texts(&mut report);
        if redirect_uris.is_empty() {
            report(
                "redirect_uris",
                "Enter at least one redirect URI, such as http://localhost:3000/callback."
                    .to_owned(),
            );
        }
        let strict = rules.follows_documentation(Difference::RegistrationRules);
        for uri in &redirect_uris {
            let https_elsewhere = redirect_uri::check_registration(uri, true);
            let differs = https_elsewhere.is_err() != redirect_uri::check(uri).is_err();
            rules.record_divergence(Difference::RegistrationRules, differs);
            if let Err(problem) = redirect_uri::check_registration(uri, strict) {
                report("redirect_uris", problem);
            }
        }
        let mut allowed_origins = lines(&self.origins);
        for origin in &allowed_origins {
            if let Err(problem) = redirect_uri::check_origin(origin) {
                report("origins", problem);
            }
        }
        if self.redirect_uris.len() + self.origins.len() > MAX_CLIENT_BYTES / 2 {
            let most = MAX_CLIENT_BYTES / 2;
            let text = format!("Redirect URIs and origins have at most {most} bytes in total.");
            report("redirect_uris", text);
        }
        if allowed_origins.is_empty() {
            allowed_origins = redirect_uri::origins(&redirect_uris);
        }
        if problems.is_empty() {
            return Ok(Registration {
                name: self.name,
                description: self.description,
                redirect_uris,
                allowed_origins,
                allowed_scopes: self.scope,
                by_grid: !PRESETS.iter().any(|(name, _)| *name == self.preset),
                confidential: self.confidential,
            });
        }
        self.problems = problems;
        Err(Box::new(self))
    }

    /// The problems of a field.
    pub(crate) fn problems_of<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        let of_field = self.problems.iter().filter(move |one| one.field == field);
        of_field.map(|one| one.text.as_str())
    }

    pub(crate) fn has_problem(&self, field: &str) -> bool {
        self.problems.iter().any(|one| one.field == field)
    }

    /// The presets: name, label, and whether it is selected.
    pub(crate) fn presets(&self) -> Vec<(&'static str, &'static str, bool)> {
        let presets = PRESETS.iter().map(|(name, _)| (*name, *name));
        let all = presets.chain([(BY_GRID, "Individual permissions")]);
        let chosen = |name| name == self.preset;
        all.map(|(name, shown)| (name, shown, chosen(name)))
            .collect()
    }

    /// The grid, with the checkboxes of the scope checked.
    pub(crate) fn grid(&self) -> Vec<Row> {
        grid::rows(self.scope)
    }
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

impl Registration {
    /// A new client. The difference `registration-rules` determines its grants.
    pub(crate) fn into_client(self, id: ClientId, owner: UserId, rules: &ContractRules) -> Client {
        let mut grants = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
        rules.record_divergence(Difference::RegistrationRules, self.confidential);
        if self.confidential && rules.follows_documentation(Difference::RegistrationRules) {
            grants.push(GrantType::ClientCredentials);
        }
        Client {
            id,
            name: self.name,
            description: self.description,
            logo_url: None,
            confidential: self.confidential,
            redirect_uris: self.redirect_uris,
            any_loopback_redirect: false,
            allowed_origins: self.allowed_origins,
            grants,
            allowed_scopes: self.allowed_scopes,
            verified: false,
            access_mode: AccessMode::Open,
            may_introspect: false,
            owner,
            auto_registered: false,
            secret: None,
        }
    }

    /// Applies the form to a client. Whether the client is confidential cannot change after registration.
    pub(crate) fn onto(self, client: Client) -> Client {
        // Scopes without a checkbox remain: the form cannot uncheck them.
        let boxless = if self.by_grid {
            client.allowed_scopes.without(grid::part_of(Scope::ALL))
        } else {
            Scope::default()
        };
        Client {
            name: self.name,
            description: self.description,
            redirect_uris: self.redirect_uris,
            allowed_origins: self.allowed_origins,
            allowed_scopes: self.allowed_scopes.union(boxless),
            ..client
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contract;

    fn rules(contract: Contract) -> ContractRules {
        ContractRules {
            contract,
            ..ContractRules::default()
        }
    }

    fn form(redirect_uris: &str) -> AppForm {
        AppForm {
            name: "App".to_owned(),
            redirect_uris: redirect_uris.to_owned(),
            ..AppForm::empty()
        }
    }

    #[test]
    fn the_documented_server_wants_https_except_for_localhost() {
        let good = "https://app.example/cb\nhttp://localhost:3000/cb\n\n http://127.0.0.1/cb ";
        let registration = form(good).check(&rules(Contract::Documented)).unwrap();
        assert_eq!(registration.redirect_uris.len(), 3);
        assert_eq!(
            registration.allowed_origins,
            [
                "https://app.example",
                "http://localhost:3000",
                "http://127.0.0.1"
            ]
        );
        let plain = "http://app.example/cb\nmyapp://cb";
        let refused = form(plain).check(&rules(Contract::Documented)).unwrap_err();
        assert_eq!(refused.problems_of("redirect_uris").count(), 2);
        assert!(form(plain).check(&rules(Contract::Live)).is_ok());
    }

    #[test]
    fn a_confidential_app_gets_client_credentials_where_it_is_documented() {
        let grants = |contract, confidential| {
            let form = AppForm {
                confidential,
                ..form("https://a.example/")
            };
            let rules = rules(contract);
            let client = form.check(&rules).unwrap();
            client
                .into_client(ClientId("x".to_owned()), UserId(1), &rules)
                .grants
                .len()
        };
        assert_eq!(grants(Contract::Documented, true), 3);
        assert_eq!(grants(Contract::Documented, false), 2);
        assert_eq!(grants(Contract::Live, true), 2);
    }
}
