//! `GET /_mock/tokens`: the tokens and codes of the sandbox, and a form that issues tokens.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::choices::{self, Choice, ListPage};
use super::form::{Form, FormInput};
use super::shown_once;
use super::token_row::{Listed, TokenRow, list};
use crate::control::{ControlError, GrantFilter, NewTokens};
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::protocol::params::Params;
use crate::protocol::scope::PRESETS;
use crate::protocol::secret::{Secret, SecretHash};

const FIELDS: &[&str] = &["client_id", "user", "scope", "expires_in", "exact_scope"];

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    layout: ConsoleLayout,
    here: String,
    problem: Option<String>,
    kinds: Vec<KindChip>,
    filter: Filter,
    tokens: ListPage<TokenRow>,
    clients: Vec<Choice>,
    users: Vec<Choice>,
    scopes: Vec<Choice>,
    /// The form that issues tokens, if it is open.
    form: Option<Form>,
    issued: Vec<(&'static str, String)>,
}

/// A link that shows the tokens of one kind.
struct KindChip {
    label: &'static str,
    href: String,
    count: usize,
    is_current: bool,
}

/// The filter of the list, as typed.
#[derive(Debug, Default, Clone)]
struct Filter {
    kind: String,
    client: String,
    user: String,
}

impl Filter {
    fn parse(query: &Params) -> Self {
        let text = |name| query.text(name).unwrap_or_default().trim().to_owned();
        Self {
            kind: text("kind"),
            client: text("client"),
            user: text("user"),
        }
    }

    fn is_empty(&self) -> bool {
        self.client.is_empty() && self.user.is_empty()
    }

    fn as_grant_filter(&self) -> GrantFilter {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        GrantFilter {
            client_id: given(&self.client),
            user: given(&self.user).map(UserRef::from),
        }
    }

    /// The query of the list with this filter, for tokens of this kind.
    fn query(&self, kind: &str) -> String {
        let given = [
            ("kind", kind),
            ("client", &self.client),
            ("user", &self.user),
        ];
        let given = given.iter().filter(|(_, value)| !value.is_empty());
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(given)
            .finish()
    }
}

/// The kinds of tokens, and what the filter calls them.
const KINDS: [(&str, &str); 4] = [
    ("", "All"),
    ("access", "Access tokens"),
    ("refresh", "Refresh tokens"),
    ("code", "Codes"),
];

/// A field of the filter: its name, its label, the choice of all, the choices, and the value.
type Select<'a> = (
    &'static str,
    &'static str,
    &'static str,
    &'a [Choice],
    &'a str,
);

impl TokensPage {
    fn selects(&self) -> [Select<'_>; 2] {
        let filter = &self.filter;
        [
            (
                "client",
                "Client",
                "All clients",
                &self.clients,
                &filter.client,
            ),
            ("user", "User", "All users", &self.users, &filter.user),
        ]
    }

    fn newer(&self) -> Option<String> {
        Some(self.page_at(self.tokens.previous?))
    }

    fn older(&self) -> Option<String> {
        Some(self.page_at(self.tokens.next?))
    }

    /// The list from this row on.
    fn page_at(&self, from: usize) -> String {
        match self.filter.query(&self.filter.kind).as_str() {
            "" => format!("{}?from={from}", self.here),
            query => format!("{}?{query}&from={from}", self.here),
        }
    }
}

/// `GET /_mock/tokens`. With `issue`, the form is open.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let form = query
        .text("issue")
        .map(|_| Form::new(FIELDS).with("scope", "UserRead"));
    show(&state, &context, StatusCode::OK, &query, form)
}

fn show(
    state: &ServerState,
    context: &RequestContext,
    status: StatusCode,
    query: &Params,
    form: Option<Form>,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let filter = Filter::parse(query);
    let here = base.path(ConsolePage::Tokens.path());
    let (all, problem) = match list(sandbox, filter.as_grant_filter()) {
        Ok(rows) => (rows, None),
        Err(ControlError::Store(error)) => return respond::failure(&error),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let count = |kind: &str| {
        all.iter()
            .filter(|listed| kind.is_empty() || listed.kind() == kind)
            .count()
    };
    let kinds = KINDS.map(|(kind, label)| {
        let query = filter.query(kind);
        let separator = if query.is_empty() { "" } else { "?" };
        KindChip {
            label,
            href: format!("{here}{separator}{query}"),
            count: count(kind),
            is_current: kind == filter.kind,
        }
    });
    let shown_kind = |listed: &Listed| filter.kind.is_empty() || listed.kind() == filter.kind;
    let tokens: Vec<Listed> = all.into_iter().filter(shown_kind).collect();
    let status = match problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => status,
    };
    let issued = shown_once::read(&context.headers).map(|values| issued(context, &values));
    let query_text = filter.query(&filter.kind);
    let separator = if query_text.is_empty() { "" } else { "?" };
    let back = format!("{here}{separator}{query_text}");
    let tokens = ListPage::new(tokens, query);
    let shown = TokensPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Tokens).returning_to(back),
        here,
        problem,
        kinds: kinds.into(),
        filter,
        tokens: tokens.map(|listed| listed.into_row(sandbox, base)),
        clients: choices::clients(sandbox),
        users: choices::users(sandbox),
        scopes: Choice::of_words(PRESETS.iter().map(|(name, _)| *name)),
        form,
        issued: issued.clone().unwrap_or_default(),
    };
    let response = console_page(status, &shown.layout, &shown);
    match issued {
        Some(_) => shown_once::forget(context, ConsolePage::Tokens.path(), response),
        None => response,
    }
}

/// The tokens to show once. Tokens of another server on this host are left out.
fn issued(context: &RequestContext, values: &Params) -> Vec<(&'static str, String)> {
    let names = [("access", "Access token"), ("refresh", "Refresh token")];
    let found = names.into_iter().filter_map(|(name, label)| {
        let value = values.text(name)?;
        context
            .sandbox
            .data()
            .find_token(&Secret::new(value).hash())?;
        Some((label, value.to_owned()))
    });
    found.collect()
}

/// Issues the tokens of the form.
pub(super) async fn issue(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let input = FormInput::new(params)
        .text("client_id")
        .text("user")
        .text_if_any("scope")
        .text_if_any("expires_in")
        .flag("exact_scope");
    let issued = match input.read::<NewTokens>() {
        Ok(input) => context.sandbox.issue_tokens(input).await,
        Err(error) => Err(error.into()),
    };
    match issued {
        Ok(tokens) => {
            let mut values = vec![("access", tokens.access_token.reveal())];
            let refresh = tokens.refresh_token.as_ref();
            values.extend(refresh.map(|refresh| ("refresh", refresh.reveal())));
            let path = ConsolePage::Tokens.path();
            shown_once::redirect(context, path, "Tokens issued", &values)
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            let form = Some(Form::failed(FIELDS, params, error));
            show(
                state,
                context,
                StatusCode::BAD_REQUEST,
                &Params::none(),
                form,
            )
        }
    }
}

/// The hash of a token, from a button of the list.
pub(super) fn hash(digits: &str) -> Result<SecretHash, Invalid> {
    SecretHash::from_hex(digits).ok_or_else(|| {
        let error = Invalid::new("sha256", format!("{digits:?} is not a hash"));
        error.with_hint("use the buttons of the page")
    })
}
