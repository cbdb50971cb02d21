//! `/_mock/consent`: previews of the consent page for demos and screenshots. The buttons of a preview grant nothing.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::invalid::Invalid;
use crate::model::client::Client;
use crate::model::user::{User, UserRef};
use crate::pages::assets;
use crate::pages::site::consent::{BudgetForm, ConsentQuery, consent};
use crate::pages::view::{Layout, NavItem, page};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::params::Params;
use crate::protocol::scope::{PRESETS, Scope, ScopeBit};
use crate::protocol::scope_rules::scope_bits;

const PATH: &str = "/_mock/consent";

#[derive(Template)]
#[template(path = "gallery.html")]
struct Gallery {
    layout: Layout,
    here: String,
    problem: Option<String>,
    options: GalleryOptions,
    clients: Vec<(String, String)>,
    /// The text that identifies a user, and the name to show.
    users: Vec<(String, String)>,
    presets: Vec<(String, &'static str)>,
    /// The link to the preview.
    link: Option<String>,
}

/// The chosen options, as text.
#[derive(Debug, Default)]
struct GalleryOptions {
    client_id: String,
    user: String,
    preset: String,
    scope: String,
    budget: String,
    days: String,
    verified: String,
    scheme: String,
}

/// The fixed choices: form value and label.
const VERIFIED: [(&str, &str); 3] = [
    ("", "as registered"),
    ("yes", "verified"),
    ("no", "not verified"),
];
const SCHEMES: [(&str, &str); 3] = [
    ("", "browser default"),
    ("light", "light"),
    ("dark", "dark"),
];
const DAYS: [(&str, &str); 3] = [("1", "24 hours"), ("7", "7 days"), ("30", "30 days")];

impl GalleryOptions {
    fn parse(query: Option<String>) -> Self {
        let params = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
        let text = |name| params.text(name).unwrap_or_default().trim().to_owned();
        Self {
            client_id: text("client_id"),
            user: text("user"),
            preset: text("preset"),
            scope: text("scope"),
            budget: text("budget"),
            days: text("days"),
            verified: text("verified"),
            scheme: text("scheme"),
        }
    }

    fn query(&self) -> String {
        let fields = [
            ("client_id", &self.client_id),
            ("user", &self.user),
            ("preset", &self.preset),
            ("scope", &self.scope),
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

    fn choices(
        &self,
        name: &str,
    ) -> impl Iterator<Item = (&'static str, &'static str, bool)> + use<'_> {
        let (all, options) = match name {
            "verified" => (VERIFIED, &self.verified),
            "scheme" => (SCHEMES, &self.scheme),
            _ => (DAYS, &self.days),
        };
        all.into_iter()
            .map(move |(value, shown)| (value, shown, value == options.as_str()))
    }

    /// The requested scope: the typed bits, else the preset.
    fn scope(&self, rules: &ContractRules) -> Result<Scope, Invalid> {
        if self.scope.is_empty() {
            let preset = match self.preset.as_str() {
                "" => "AI Services",
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

    fn budget(&self) -> Result<BudgetForm, Invalid> {
        let mut form = BudgetForm::default();
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
            form.on = true;
            form.amount.clone_from(&self.budget);
        }
        Ok(form)
    }
}

fn one_of<const N: usize>(
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

/// `GET /_mock/consent`.
pub(crate) async fn get(context: RequestContext, RawQuery(query): RawQuery) -> Response {
    let options = GalleryOptions::parse(query);
    let problem = if options.client_id.is_empty() {
        None
    } else {
        match preview_of(&context, &options) {
            Err(ControlError::Invalid(error) | ControlError::NotFound(error)) => Some(error),
            Err(ControlError::Store(error)) => return respond::failure(&error),
            _ => None,
        }
    };
    show(&context, options, problem)
}

fn show(context: &RequestContext, options: GalleryOptions, problem: Option<Invalid>) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let (clients, users) = (sandbox.data().list_clients(), sandbox.data().list_users());
    let shows = !options.client_id.is_empty() && problem.is_none();
    let link = shows.then(|| format!("{base}{PATH}/preview?{}", options.query()));
    let status = match problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let usernames = User::usernames(&users);
    let gallery = Gallery {
        layout: Layout::at(base, NavItem::Gallery).with_script(base, &assets::COPY),
        here: base.path(PATH),
        problem: problem.map(|error| error.to_string()),
        clients: clients
            .into_iter()
            .map(|client| (client.id.to_string(), client.name))
            .collect(),
        users: users
            .iter()
            .filter(|user| !user.deleted)
            .map(|user| {
                let text = UserRef::text_for(user, &usernames);
                let text = text.unwrap_or_else(|| user.id.to_string());
                (text, user.display_name())
            })
            .collect(),
        presets: PRESETS
            .iter()
            .map(|(name, scope)| (scope.to_string(), *name))
            .collect(),
        options,
        link,
    };
    page(status, &gallery.layout, &gallery)
}

/// The content of a preview.
struct ConsentPreview {
    user: User,
    client: Client,
    scope: Scope,
    budget: BudgetForm,
    scheme: Option<&'static str>,
}

fn preview_of(
    context: &RequestContext,
    options: &GalleryOptions,
) -> Result<ConsentPreview, ControlError> {
    let sandbox = &context.sandbox;
    let mut client = sandbox.read_client(&options.client_id)?;
    let user = match options.user.as_str() {
        "" => {
            let first = sandbox.list_users().into_iter().find(|user| !user.deleted);
            first.ok_or_else(|| {
                Invalid::new("user", "there are no users")
                    .with_hint("create one with POST /_mock/users")
            })?
        }
        named => sandbox.read_user(&UserRef::from(named))?,
    };
    match one_of("verified", &options.verified, VERIFIED)? {
        "yes" => client.verified = true,
        "no" => client.verified = false,
        _ => {}
    }
    let scheme = one_of("scheme", &options.scheme, SCHEMES)?;
    Ok(ConsentPreview {
        user,
        client,
        scope: options.scope(context.rules())?,
        budget: options.budget()?,
        scheme: (!scheme.is_empty()).then_some(scheme),
    })
}

/// `GET /_mock/consent/preview?…`: the preview.
pub(crate) async fn preview(context: RequestContext, RawQuery(query): RawQuery) -> Response {
    let options = GalleryOptions::parse(query);
    match preview_of(&context, &options) {
        Ok(preview) => {
            let query = ConsentQuery::parse(&format!("scope={}", preview.scope));
            let mut shown = consent(&context, &preview.user, &preview.client, &query);
            let inert = context.base.path(&format!("{PATH}/preview"));
            shown.approve_action.clone_from(&inert);
            shown.deny_action = inert;
            shown.switch = context.base.path(PATH);
            shown.with_budget |= preview.budget.on;
            shown.budget = preview.budget;
            shown.layout.scheme = preview.scheme;
            page(StatusCode::OK, &shown.layout, &shown)
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(ControlError::Invalid(error) | ControlError::NotFound(error)) => {
            show(&context, options, Some(error))
        }
        Err(_) => show(&context, options, None),
    }
}

/// `POST /_mock/consent/preview`: grants nothing, whichever button was pressed.
pub(crate) async fn back(context: RequestContext) -> Response {
    respond::see_other(&context.base.path(PATH))
}
