//! The grid of checkboxes in the form of an app: a row for each subject of permissions, a column for each action.

use crate::protocol::params::Params;
use crate::protocol::scope::{SCOPES, Scope};

/// The grid of permissions as Civitai shows it: the subject, and the scopes for reading, writing and deleting.
const GRID: [(&str, [Option<&str>; 3]); 11] = [
    (
        "Profile & Settings",
        [Some("UserRead"), Some("UserWrite"), None],
    ),
    (
        "Models",
        [
            Some("ModelsRead"),
            Some("ModelsWrite"),
            Some("ModelsDelete"),
        ],
    ),
    (
        "Media & Posts",
        [Some("MediaRead"), Some("MediaWrite"), Some("MediaDelete")],
    ),
    (
        "Articles",
        [
            Some("ArticlesRead"),
            Some("ArticlesWrite"),
            Some("ArticlesDelete"),
        ],
    ),
    (
        "Bounties",
        [
            Some("BountiesRead"),
            Some("BountiesWrite"),
            Some("BountiesDelete"),
        ],
    ),
    (
        "AI Services",
        [Some("AIServicesRead"), Some("AIServicesWrite"), None],
    ),
    ("Buzz", [Some("BuzzRead"), None, None]),
    (
        "Collections",
        [Some("CollectionsRead"), Some("CollectionsWrite"), None],
    ),
    ("Social", [None, Some("SocialWrite"), None]),
    (
        "Notifications",
        [Some("NotificationsRead"), Some("NotificationsWrite"), None],
    ),
    ("Vault", [Some("VaultRead"), Some("VaultWrite"), None]),
];

const COLUMNS: [&str; 3] = ["Read", "Write", "Delete"];

/// One row of the grid.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) cells: [Option<Cell>; 3],
}

/// One checkbox of the grid.
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    /// Label for screen readers.
    pub(crate) label: String,
    pub(crate) checked: bool,
    /// Always checked: every app may read its user's identity.
    pub(crate) fixed: bool,
}

/// The checkboxes of a submitted form. Browsers omit the one that is fixed.
pub(crate) fn boxes(params: &Params) -> Scope {
    let ticked = SCOPES.iter().filter(|bit| params.text(&bit.name).is_some());
    let scope = ticked.fold(Scope::default(), |all, bit| all.union(bit.scope()));
    scope.with_user_read()
}

/// The part of a scope that has checkboxes.
pub(crate) fn part_of(scope: Scope) -> Scope {
    let boxes = SCOPES.iter().filter(|bit| has_box(&bit.name));
    let grid = boxes.fold(Scope::default(), |all, bit| all.union(bit.scope()));
    scope.intersection(grid)
}

fn has_box(name: &str) -> bool {
    GRID.iter().any(|(_, cells)| cells.contains(&Some(name)))
}

/// The grid, with the checkboxes of the scope checked.
pub(crate) fn rows(scope: Scope) -> Vec<Row> {
    let cell = |row: &str, column: &str, name: &'static str| Cell {
        name,
        label: format!("{row}: {column}"),
        checked: SCOPES
            .iter()
            .any(|bit| bit.name == name && scope.covers(bit.scope())),
        fixed: name == "UserRead",
    };
    let row = |(name, scopes): &(&'static str, [Option<&'static str>; 3])| Row {
        name,
        cells: std::array::from_fn(|at| scopes[at].map(|scope| cell(name, COLUMNS[at], scope))),
    };
    GRID.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_of_the_grid_is_one() {
        for name in GRID.iter().flat_map(|(_, cells)| cells.iter().flatten()) {
            assert!(SCOPES.iter().any(|bit| bit.name == *name), "{name}");
        }
    }
}
