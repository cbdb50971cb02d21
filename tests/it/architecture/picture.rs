//! The picture of modules in `docs/development/architecture.md` is drawn from the source. `UPDATE_DOCS=1 cargo test --test it
//! architecture` draws it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::imports::imports;
use super::{LAYERS, module, source};

const BEGIN: &str = "<!-- modules: begin -->\n";
const END: &str = "<!-- modules: end -->";

/// The imports between modules, without those that follow from others.
fn direct_imports() -> BTreeMap<usize, BTreeSet<usize>> {
    let layer = |file: &str| LAYERS.iter().position(|name| *name == module(file));
    let mut targets: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for import in imports(&source()) {
        if let (Some(from), Some(to)) = (layer(&import.from), layer(&import.to))
            && from != to
        {
            targets.entry(from).or_default().insert(to);
        }
    }
    let reachable = |start: usize| {
        let mut found = BTreeSet::new();
        let mut next: Vec<usize> = targets.get(&start).into_iter().flatten().copied().collect();
        while let Some(at) = next.pop() {
            if found.insert(at) {
                next.extend(targets.get(&at).into_iter().flatten());
            }
        }
        found
    };
    let is_implied = |from: usize, to: usize| {
        let others = targets.get(&from).into_iter().flatten();
        others
            .copied()
            .any(|other| other != to && reachable(other).contains(&to))
    };
    let direct = targets.iter().map(|(from, all)| {
        let all = all.iter().copied().filter(|to| !is_implied(*from, *to));
        (*from, all.collect())
    });
    direct.collect()
}

fn picture() -> String {
    let mut text = "```mermaid\nflowchart TD\n".to_owned();
    for (from, targets) in direct_imports() {
        for to in targets {
            // Never fails: it is a String.
            let _ = writeln!(text, "    {} --> {}", LAYERS[from], LAYERS[to]);
        }
    }
    text + "```\n"
}

#[test]
fn module_diagram_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/development/architecture.md");
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = text.split_once(BEGIN).expect("the beginning is marked");
    let (_, after) = rest.split_once(END).expect("the end is marked");
    let drawn = format!("{before}{BEGIN}{}{END}{after}", picture());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, drawn).expect("the page can be written");
        return;
    }
    assert!(
        text == drawn,
        "the picture of modules is out of date; run: UPDATE_DOCS=1 cargo test --test it architecture"
    );
}
