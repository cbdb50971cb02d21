//! `/_mock/consent`: previews of the consent page for demos and screenshots. The buttons of a preview grant nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::model::client::Client;
use crate::model::user::{User, UserRef};
use crate::pages::console::gallery_options::{GalleryOptions, VERIFIED, one_of};
use crate::pages::console::layout::{ConsoleLayout, framing_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::site::consent::{BudgetForm, ConsentQuery, consent};
use crate::pages::site::layout::{SiteLayout, Theme, site_page};
use crate::protocol::scope::Scope;

const PATH: &str = "/_mock/consent";

#[derive(Template)]
#[template(path = "gallery.html")]
struct Gallery {
    layout: ConsoleLayout,
    here: String,
    problem: Option<String>,
    options: GalleryOptions,
    clients: Vec<(String, String)>,
    /// The text that identifies a user, and the name to show.
    users: Vec<(String, String)>,
    preview: Option<PreviewLinks>,
}

/// The URL of a preview, and its path.
struct PreviewLinks {
    link: String,
    frame: String,
}

impl PreviewLinks {
    /// The command that draws the preview at this size.
    fn png_command(&self, size: &str) -> String {
        format!(
            "chromium --headless --hide-scrollbars --screenshot=consent.png --window-size={size} '{}'",
            self.link
        )
    }
}

/// `GET /_mock/consent`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let mut options = GalleryOptions::parse(query);
    if options.client_id.is_empty()
        && let Some(first) = context.sandbox.data().list_clients().into_iter().next()
    {
        options.client_id = first.id.to_string();
    }
    let problem = match preview_of(&context, &options) {
        // Without a client there is nothing to preview.
        _ if options.client_id.is_empty() => None,
        Err(ControlError::Invalid(error) | ControlError::NotFound(error)) => Some(error),
        Err(ControlError::Store(error)) => return respond::failure(&error),
        _ => None,
    };
    show(&state, &context, options, problem)
}

fn show(
    state: &ServerState,
    context: &RequestContext,
    options: GalleryOptions,
    problem: Option<Invalid>,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let (clients, users) = (sandbox.data().list_clients(), sandbox.data().list_users());
    let shows = !options.client_id.is_empty() && problem.is_none();
    let preview = shows.then(|| {
        let path = preview_path(&options);
        PreviewLinks {
            link: format!("{base}{path}"),
            frame: base.path(&path),
        }
    });
    let status = match problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let usernames = User::usernames(&users);
    let gallery = Gallery {
        layout: ConsoleLayout::new(state, context, ConsolePage::Gallery),
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
        options,
        preview,
    };
    framing_page(status, &gallery.layout, &gallery)
}

fn preview_path(options: &GalleryOptions) -> String {
    format!("{PATH}/preview?{}", options.query())
}

/// The content of a preview.
struct ConsentPreview {
    user: User,
    client: Client,
    scope: Scope,
    budget: BudgetForm,
    theme: Theme,
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
    Ok(ConsentPreview {
        user,
        client,
        scope: options.scope(context.rules())?,
        budget: options.budget()?,
        theme: options.theme()?,
    })
}

/// `GET /_mock/consent/preview?…`: the preview.
pub(crate) async fn preview(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let options = GalleryOptions::parse(query);
    match preview_of(&context, &options) {
        Ok(preview) => {
            let query = ConsentQuery::parse(&format!("scope={}", preview.scope));
            let layout = SiteLayout::preview(&context, preview.theme);
            let mut shown = consent(&context, layout, &preview.user, &preview.client, &query);
            let inert = context.base.path(&preview_path(&options));
            shown.switch = format!("{inert}&pressed=switch");
            shown.approve_action.clone_from(&inert);
            shown.deny_action = inert;
            shown.with_budget |= !options.budget.is_empty();
            shown.budget = preview.budget;
            shown.preview_pressed = options.is_pressed;
            site_page(StatusCode::OK, &shown.layout, &shown)
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(ControlError::Invalid(error) | ControlError::NotFound(error)) => {
            show(&state, &context, options, Some(error))
        }
        Err(_) => show(&state, &context, options, None),
    }
}

/// `POST /_mock/consent/preview?…`: grants nothing, whichever button was pressed. The preview then says so.
pub(crate) async fn back(context: RequestContext, RawQuery(query): RawQuery) -> Response {
    let options = GalleryOptions::parse(query);
    if options.client_id.is_empty() {
        return respond::see_other(&context.base.path(PATH));
    }
    let preview = context.base.path(&preview_path(&options));
    respond::see_other(&format!("{preview}&pressed=button"))
}
