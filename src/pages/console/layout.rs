//! The layout of the console: app bar, navigation and status line. Each page of the console has a field `layout`, and its
//! template extends `console_layout.html`.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;

use super::epoch::epoch;
use super::navigation::{ConsolePage, NavGroup};
use super::status_line::StatusLine;
use super::theme::Theme;
use super::time_text::{ClockText, full_time};
use super::{navigation, status_line, theme};
use crate::contract::Contract;
use crate::http::access_guard;
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::pages::assets;
use crate::pages::view;

/// The most sandboxes in the switcher.
const MAX_SANDBOXES: usize = 20;

/// The values of `console_layout.html`.
#[derive(Debug, Clone)]
pub(crate) struct ConsoleLayout {
    pub(crate) style: String,
    pub(crate) icon: String,
    pub(crate) script: String,
    pub(crate) home: String,
    pub(crate) theme: Theme,
    pub(crate) theme_action: String,
    pub(crate) navigation: Vec<NavGroup>,
    /// None without access to the control API: the page then shows nothing of the server's state.
    pub(crate) bar: Option<StateBar>,
    /// The target of every form with an `act`.
    pub(crate) action: String,
    /// The page to return to after an action.
    pub(crate) back: String,
    /// What the last action has done.
    pub(crate) done: Option<StatusLine>,
    /// A further style sheet.
    pub(crate) extra_style: Option<String>,
    /// The URL of the reference of the control API, and whether the page is that.
    pub(crate) api_reference: Option<(String, bool)>,
}

/// The state of the server that the app bar shows.
#[derive(Debug, Clone)]
pub(crate) struct StateBar {
    pub(crate) sandbox: String,
    pub(crate) sandboxes: Vec<SandboxLink>,
    pub(crate) more_sandboxes: usize,
    pub(crate) contracts: [ContractChoice; 3],
    pub(crate) clock: ClockText,
    /// The URL of the events.
    pub(crate) events: String,
    /// The state that the page shows. Another one makes the page load its lists again.
    pub(crate) epoch: String,
}

/// A button of the contract switch.
#[derive(Debug, Clone)]
pub(crate) struct ContractChoice {
    pub(crate) value: &'static str,
    pub(crate) label: &'static str,
    pub(crate) meaning: &'static str,
    /// Whether it is in force.
    pub(crate) is_current: bool,
}

/// A link of the sandbox switcher.
#[derive(Debug, Clone)]
pub(crate) struct SandboxLink {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) is_current: bool,
}

impl ConsoleLayout {
    /// The layout of a page behind the guard of the control API.
    pub(crate) fn new(state: &ServerState, context: &RequestContext, current: ConsolePage) -> Self {
        let bar = state_bar(state, context);
        Self {
            navigation: navigation::groups(&context.base, current, Some(&context.sandbox)),
            bar: Some(bar),
            ..Self::without_state(context, current)
        }
    }

    /// The layout of a page that anybody may read: it shows the state only if the request may use the control API.
    pub(crate) fn public(
        state: &ServerState,
        context: &RequestContext,
        authority: Option<String>,
        current: ConsolePage,
    ) -> Self {
        match access_guard::check(state, &context.headers, authority) {
            Ok(()) => Self::new(state, context, current),
            Err(_) => Self::without_state(context, current),
        }
    }

    fn without_state(context: &RequestContext, current: ConsolePage) -> Self {
        Self {
            done: status_line::read(&context.headers),
            ..Self::bare(
                &context.base,
                Theme::from_headers(&context.headers),
                current,
            )
        }
    }

    /// The layout of a page without a sandbox.
    pub(crate) fn bare(base: &BaseUrl, theme: Theme, current: ConsolePage) -> Self {
        Self {
            style: base.path(&assets::CONSOLE_STYLE.path()),
            icon: base.path(&assets::CONSOLE_ICON.path()),
            script: base.path(&assets::CONSOLE_SCRIPT.path()),
            home: base.path("/"),
            theme,
            theme_action: base.path(theme::PATH),
            navigation: navigation::groups(base, current, None),
            bar: None,
            action: base.path(navigation::ACTIONS),
            back: base.path(current.path()),
            done: None,
            extra_style: None,
            api_reference: cfg!(feature = "openapi").then(|| {
                let page = ConsolePage::ApiReference;
                (base.path(page.path()), current == page)
            }),
        }
    }

    #[expect(clippy::unused_self, reason = "templates call methods of values")]
    pub(crate) fn themes(&self) -> [Theme; 3] {
        Theme::ALL
    }

    /// The same layout, from which actions return to this path.
    pub(crate) fn returning_to(self, back: String) -> Self {
        Self { back, ..self }
    }
}

fn state_bar(state: &ServerState, context: &RequestContext) -> StateBar {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let listed = state.registry.list_sandboxes().sandboxes;
    let more_sandboxes = listed.len().saturating_sub(MAX_SANDBOXES);
    let sandboxes = listed
        .into_iter()
        .take(MAX_SANDBOXES)
        .map(|one| SandboxLink {
            href: format!(
                "{}{}",
                one.path.trim_end_matches('/'),
                ConsolePage::Requests.path()
            ),
            is_current: one.name == sandbox.name(),
            name: one.name,
        });
    let contract = sandbox.settings().rules.contract;
    let contracts = Contract::ALL.map(|one| {
        let (label, meaning) = match one {
            Contract::Documented => ("Documented", "As Civitai's documentation describes"),
            Contract::Live => ("Live", "As Civitai's server answers today"),
            Contract::Live2026_08 => ("2026-08", "As Civitai's server answered in August 2026"),
        };
        ContractChoice {
            value: one.name(),
            label,
            meaning,
            is_current: one == contract,
        }
    });
    StateBar {
        sandbox: sandbox.name().to_owned(),
        sandboxes: sandboxes.collect(),
        more_sandboxes,
        contracts,
        clock: ClockText::new(&sandbox.clock),
        events: base.path(navigation::EVENTS),
        epoch: epoch(sandbox),
    }
}

impl StateBar {
    pub(crate) fn full_time(&self) -> String {
        full_time(self.clock.now)
    }
}

/// Renders a page of the console.
pub(crate) fn console_page(
    status: StatusCode,
    layout: &ConsoleLayout,
    template: &impl Template,
) -> Response {
    without_status_line(layout, view::page_with_script(status, template))
}

/// Renders a page of the console that frames our own pages.
pub(crate) fn framing_page(
    status: StatusCode,
    layout: &ConsoleLayout,
    template: &impl Template,
) -> Response {
    let response = view::render(status, view::POLICY_WITH_FRAME, template);
    without_status_line(layout, response)
}

/// Removes the cookie with the text of the status line, which the page shows.
fn without_status_line(layout: &ConsoleLayout, mut response: Response) -> Response {
    if layout.done.is_some()
        && let Ok(cookie) = status_line::clear_cookie().parse()
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
