//! The layout of the pages that Civitai's users see. They are dark as at Civitai, unless the user has chosen light.

use askama::Template;
use axum::http::header::X_FRAME_OPTIONS;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::http::context::RequestContext;
use crate::http::{respond, session};
use crate::pages::assets::{self, Asset};
use crate::pages::view::{self, POLICY, POLICY_WITH_SCRIPT};
use crate::protocol::params::Params;

/// The cookie with the theme. All sandboxes share it.
const THEME_COOKIE: &str = "mock-theme";

/// The parameter that chooses and stores the theme.
const THEME_PARAM: &str = "scheme";

/// Content security policy of a page that only our own pages may frame.
const POLICY_FRAMED: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                             frame-ancestors 'self'";

/// The colors of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    #[default]
    Dark,
    Light,
}

impl Theme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Dark, Self::Light]
            .into_iter()
            .find(|theme| theme.name() == name)
    }

    fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }
}

/// Who may frame the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    /// The page is shown in a frame of our own pages.
    Framed,
}

/// The values of `site_layout.html`.
#[derive(Debug, Clone)]
pub(crate) struct SiteLayout {
    pub(crate) style: String,
    pub(crate) icon: String,
    pub(crate) script: Option<String>,
    /// None for a preview, which has no links to other pages.
    pub(crate) console: Option<String>,
    pub(crate) theme: Theme,
    /// The link to this page in the other theme, and the name of that theme.
    pub(crate) other_theme: Option<(String, &'static str)>,
    /// The cookie of a newly chosen theme.
    theme_cookie: Option<String>,
    framing: Framing,
}

impl SiteLayout {
    pub(crate) fn new(context: &RequestContext) -> Self {
        let base = &context.base;
        let mut chosen = session::cookies(&context.headers, THEME_COOKIE);
        Self {
            style: base.path(&assets::SITE_STYLE.path()),
            icon: base.path(&assets::ICON.path()),
            script: None,
            console: Some(base.path("/_mock")),
            theme: chosen
                .find_map(|name| Theme::parse(&name))
                .unwrap_or_default(),
            other_theme: None,
            theme_cookie: None,
            framing: Framing::None,
        }
    }

    /// The layout of a page at this path and query. The query may choose another theme, which a cookie then stores.
    pub(crate) fn at(context: &RequestContext, path: &str, query: Option<&str>) -> Self {
        let query = query.unwrap_or_default();
        let params = Params::from_urlencoded(query.as_bytes());
        let chosen = params.text(THEME_PARAM).and_then(Theme::parse);
        let mut layout = Self::new(context);
        if let Some(theme) = chosen {
            layout.theme = theme;
            layout.theme_cookie = Some(theme_cookie(context, theme));
        }
        let other = layout.theme.other().name();
        let mut link = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if name != THEME_PARAM {
                link.append_pair(&name, &value);
            }
        }
        let link = link.append_pair(THEME_PARAM, other).finish();
        layout.other_theme = Some((format!("{}?{link}", context.base.path(path)), other));
        layout
    }

    /// The layout of a preview: only our own pages may frame it, and it leads nowhere.
    pub(crate) fn preview(context: &RequestContext, theme: Theme) -> Self {
        Self {
            theme,
            console: None,
            framing: Framing::Framed,
            ..Self::new(context)
        }
    }

    pub(crate) fn with_script(self, context: &RequestContext, script: &Asset) -> Self {
        Self {
            script: Some(context.base.path(&script.path())),
            ..self
        }
    }

    fn policy(&self) -> &'static str {
        match (self.framing, &self.script) {
            (Framing::Framed, _) => POLICY_FRAMED,
            (Framing::None, Some(_)) => POLICY_WITH_SCRIPT,
            (Framing::None, None) => POLICY,
        }
    }
}

fn theme_cookie(context: &RequestContext, theme: Theme) -> String {
    let cookie = Cookie::build((THEME_COOKIE, theme.name()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(context.base.is_https());
    format!("{cookie}; Max-Age=31536000")
}

/// Renders a page with this layout.
pub(crate) fn site_page(
    status: StatusCode,
    layout: &SiteLayout,
    template: &impl Template,
) -> Response {
    let mut response = view::render(status, layout.policy(), template);
    if layout.framing == Framing::Framed {
        let headers = response.headers_mut();
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    }
    respond::with_cookie(response, layout.theme_cookie.as_deref())
}
