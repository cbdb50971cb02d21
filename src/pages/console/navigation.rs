//! The navigation of the console: its pages in groups, with counts.

use crate::http::base_url::BaseUrl;
use crate::sandbox::Sandbox;

/// The path of the actions, below the prefix of a sandbox.
pub(crate) const ACTIONS: &str = "/_mock/actions";

/// The path of the events.
pub(crate) const EVENTS: &str = "/_mock/events";

/// A page of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsolePage {
    Start,
    Requests,
    Findings,
    Faults,
    Tokens,
    Users,
    Clients,
    Snapshots,
    Sandboxes,
    Settings,
    Playground,
    Gallery,
    Account,
    ApiReference,
    /// A page that is not in the navigation.
    Other,
}

impl ConsolePage {
    /// The pages whose path also has a list of the control API.
    const SHARED: [Self; 7] = [
        Self::Faults,
        Self::Tokens,
        Self::Users,
        Self::Clients,
        Self::Snapshots,
        Self::Sandboxes,
        Self::Settings,
    ];

    /// Whether a page has this path, which also has a list of the control API.
    pub(crate) fn shares_path(path: &str) -> bool {
        Self::SHARED.iter().any(|page| page.path() == path)
    }

    /// Its path, below the prefix of a sandbox.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Start => "/",
            Self::Requests | Self::Other => "/_mock",
            Self::Findings => "/_mock/findings",
            Self::Faults => "/_mock/faults",
            Self::Tokens => "/_mock/tokens",
            Self::Users => "/_mock/users",
            Self::Clients => "/_mock/clients",
            Self::Snapshots => "/_mock/snapshots",
            Self::Sandboxes => "/_mock/sandboxes",
            Self::Settings => "/_mock/settings",
            Self::Playground => "/_mock/playground",
            Self::Gallery => "/_mock/consent",
            Self::Account => "/user/account",
            Self::ApiReference => "/_mock/api",
        }
    }
}

/// A group of links with a heading.
#[derive(Debug, Clone)]
pub(crate) struct NavGroup {
    pub(crate) heading: Option<&'static str>,
    pub(crate) links: Vec<NavLink>,
}

/// A link of the navigation.
#[derive(Debug, Clone)]
pub(crate) struct NavLink {
    pub(crate) label: &'static str,
    /// The rest of the label where there is room.
    pub(crate) long: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) href: String,
    pub(crate) is_current: bool,
    pub(crate) count: Option<NavCount>,
}

/// A number beside a link.
#[derive(Debug, Clone)]
pub(crate) struct NavCount {
    pub(crate) number: u64,
    /// What it counts.
    pub(crate) of: &'static str,
    /// `refused` or `warn`.
    pub(crate) kind: &'static str,
}

/// The groups: heading and links, each with its page, label, rest of the label, and icon.
type Groups = [(
    Option<&'static str>,
    &'static [(ConsolePage, &'static str, &'static str, &'static str)],
); 4];

const GROUPS: Groups = [
    (None, &[(ConsolePage::Start, "Start", "", "start")]),
    (
        Some("Observe"),
        &[
            (ConsolePage::Requests, "Requests", "", "requests"),
            (ConsolePage::Findings, "Findings", "", "findings"),
        ],
    ),
    (
        Some("Control"),
        &[
            (ConsolePage::Faults, "Faults", "", "fault"),
            (ConsolePage::Tokens, "Tokens", "", "token"),
            (ConsolePage::Users, "Users", "", "users"),
            (ConsolePage::Clients, "Clients", "", "app"),
            (ConsolePage::Snapshots, "Snapshots", "", "snapshot"),
            (ConsolePage::Sandboxes, "Sandboxes", "", "sandbox"),
            (ConsolePage::Settings, "Settings", "", "settings"),
        ],
    ),
    (
        Some("Try"),
        &[
            (ConsolePage::Playground, "Playground", "", "play"),
            (ConsolePage::Gallery, "Consent", " page", "consent"),
            (ConsolePage::Account, "Account", "", "account"),
        ],
    ),
];

/// The navigation, with the counts of a sandbox if the page may show them.
pub(crate) fn groups(
    base: &BaseUrl,
    current: ConsolePage,
    sandbox: Option<&Sandbox>,
) -> Vec<NavGroup> {
    let link =
        |(page, label, long, icon): &(ConsolePage, &'static str, &'static str, &'static str)| {
            NavLink {
                label,
                long,
                icon,
                href: base.path(page.path()),
                is_current: *page == current,
                count: sandbox.and_then(|sandbox| count(*page, sandbox)),
            }
        };
    let group = |(heading, links): (_, &[_])| NavGroup {
        heading,
        links: links.iter().map(link).collect(),
    };
    GROUPS.into_iter().map(group).collect()
}

fn count(page: ConsolePage, sandbox: &Sandbox) -> Option<NavCount> {
    let (number, of, kind) = match page {
        ConsolePage::Requests => (sandbox.journal.kind_counts().refused, "refused", "refused"),
        ConsolePage::Faults => (sandbox.faults.count(), "active", "warn"),
        _ => return None,
    };
    Some(NavCount { number, of, kind })
}
