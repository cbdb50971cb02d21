//! Tests of the search for imports and for cycles, on small made-up files.

use super::imports::{cycles, imports};

/// Imports as `from > to: name`.
fn shown(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    let found = imports(&files.collect::<Vec<_>>());
    found
        .iter()
        .map(|import| format!("{} > {}: {}", import.from, import.to, import.name))
        .collect()
}

fn cycles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let files = files
        .iter()
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    cycles(&imports(&files.collect::<Vec<_>>()))
}

#[test]
fn imports_are_found_in_every_form() {
    let target = (
        "b.rs",
        "pub struct B; pub fn f() {} macro_rules! words { () => {} } pub(crate) use words;",
    );
    let forms = [
        ("use crate::b::B;", "B"),
        ("use crate::{b::{B as Other}};", "B"),
        ("use super::b::B;", "B"),
        ("#[cfg(feature = \"tls\")] use crate::b::B;", "B"),
        ("fn g() { crate::b::f(); }", "f"),
        ("fn g() { let _ = vec![crate::b::f()]; }", "f"),
        ("use crate::b; fn g() { b::f(); }", "f"),
        ("use crate::b::{self}; fn g() { b::f(); }", "f"),
        ("use crate::b as c; fn g() { c::f(); }", "f"),
        ("mod tests { use crate::b::f; }", "f"),
        ("crate::b::words!();", "words"),
        ("struct A(crate::b::B);", "B"),
    ];
    for (form, name) in forms {
        let lib = ("lib.rs", "mod a; mod b;");
        assert_eq!(
            shown(&[lib, ("a.rs", form), target]),
            [format!("a.rs > b.rs: {name}")],
            "{form}"
        );
    }
}

#[test]
fn re_exports_lead_to_the_file_that_defines_the_item() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::{C, D};"),
        (
            "b/mod.rs",
            "mod c; mod d; pub(crate) use c::C; pub(crate) use d::*;",
        ),
        ("b/c.rs", "pub(crate) struct C;"),
        ("b/d.rs", "pub(crate) struct D;"),
    ];
    assert_eq!(shown(&files), ["a.rs > b/c.rs: C", "a.rs > b/d.rs: D"]);
}

#[test]
fn items_of_macros_belong_to_the_file_that_calls_them() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::Word;"),
        ("b.rs", "words! { Word { One, Two } }"),
    ];
    assert_eq!(shown(&files), ["a.rs > b.rs: Word"]);
}

#[test]
fn import_cycle_is_found() {
    let acyclic = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "pub struct C;"),
    ];
    assert!(cycles_of(&acyclic).is_empty());
    let mut cyclic = acyclic;
    cyclic[3] = (
        "c.rs",
        "pub struct C; #[cfg(test)] mod tests { use crate::a::A; }",
    );
    assert_eq!(cycles_of(&cyclic), [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn a_module_and_its_child_can_be_a_cycle() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod b; pub struct A(b::B);"),
        ("a/b.rs", "use super::A; pub struct B(Option<Box<A>>);"),
    ];
    assert_eq!(cycles_of(&files), [["a/b.rs", "a/mod.rs"]]);
}
