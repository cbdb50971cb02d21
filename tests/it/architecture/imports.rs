//! Imports between source files: `use` items and paths, those in macros included, resolved through re-exports to the file
//! that defines the item.
//!
//! A re-export is not an import: what is used through it counts as an import from the file that defines it. Method calls
//! are not seen; the type whose method is called has been named somewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Ident, Item, UseTree, Visibility};

/// A path of the crate: `crate::store::tables` is `["store", "tables"]`.
type ModulePath = Vec<String>;

/// A file that names an item of another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    /// The last segment of the path in the source.
    pub(super) name: String,
}

/// Every import between two different files. `files` are the paths below `src` with their text.
pub(super) fn imports(files: &[(String, String)]) -> BTreeSet<Import> {
    let krate = Crate::new(files);
    let references = krate.references.iter();
    let found = references.filter_map(|reference| {
        let to = krate.defining_file(&reference.module, &reference.path)?;
        (to != reference.file).then(|| Import {
            from: reference.file.clone(),
            to,
            name: reference.path.last().cloned().unwrap_or_default(),
        })
    });
    found.collect()
}

/// Groups of files that import each other, each in alphabetical order.
pub(super) fn cycles(imports: &BTreeSet<Import>) -> Vec<Vec<String>> {
    let mut targets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        targets.entry(&import.from).or_default().insert(&import.to);
    }
    let reachable = |start: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = targets.get(start).into_iter().flatten().copied().collect();
        while let Some(file) = next.pop() {
            if seen.insert(file) {
                next.extend(targets.get(file).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = targets
        .keys()
        .map(|file| (*file, reachable(file)))
        .collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(file) {
            let is_back =
                |other: &&&str| reached.get(**other).is_some_and(|all| all.contains(file));
            let group = others.iter().filter(is_back);
            found.insert(group.map(|file| (*file).to_owned()).collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

/// A path in the source of a module.
struct Reference {
    file: String,
    module: ModulePath,
    path: ModulePath,
}

#[derive(Default)]
struct Module {
    file: String,
    children: HashSet<String>,
    items: HashSet<String>,
    /// Names that `use` items bring in, with the paths that they stand for, as they are written.
    aliases: HashMap<String, ModulePath>,
    globs: Vec<ModulePath>,
    /// Macros define items that are not seen here.
    has_macros: bool,
}

#[derive(Default)]
struct Crate {
    modules: HashMap<ModulePath, Module>,
    references: Vec<Reference>,
}

impl Crate {
    fn new(files: &[(String, String)]) -> Self {
        let mut krate = Self::default();
        for (file, text) in files {
            let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let module = module_path(file);
            krate.add(file, &module, &syntax.items);
        }
        krate
    }

    /// Adds a module: its items, and those of the modules inside it.
    fn add(&mut self, file: &str, path: &[String], items: &[Item]) {
        let module = self.modules.entry(path.to_vec()).or_default();
        file.clone_into(&mut module.file);
        let mut collector = Collector {
            module,
            paths: Vec::new(),
            inline: Vec::new(),
            depth: 0,
        };
        for item in items {
            collector.visit_item(item);
        }
        let Collector { paths, inline, .. } = collector;
        let reference = |used| Reference {
            file: file.to_owned(),
            module: path.to_vec(),
            path: used,
        };
        self.references.extend(paths.into_iter().map(reference));
        for (name, items) in inline {
            let child = [path, &[name]].concat();
            self.add(file, &child, &items);
        }
    }

    /// The file that defines what a path in a module names. None: another crate does, or it is a module or a local name.
    fn defining_file(&self, module: &ModulePath, path: &[String]) -> Option<String> {
        self.resolve(module, path, &mut HashSet::new())
    }

    fn resolve(
        &self,
        module: &ModulePath,
        path: &[String],
        seen: &mut HashSet<(ModulePath, ModulePath)>,
    ) -> Option<String> {
        if !seen.insert((module.clone(), path.to_vec())) {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let parent = || module.split_last().map(|(_, above)| above.to_vec());
        match first.as_str() {
            "crate" => return self.resolve_below(&Vec::new(), rest, seen),
            "self" => return self.resolve_below(module, rest, seen),
            "super" => {
                let parent = parent()?;
                // `super::super::x` goes on from the parent; anything else is a name in it.
                return if rest.first().is_some_and(|next| next == "super") {
                    self.resolve(&parent, rest, seen)
                } else {
                    self.resolve_below(&parent, rest, seen)
                };
            }
            _ => {}
        }
        self.resolve_below(module, path, seen)
    }

    /// Resolves a path whose first segment is a name in a module.
    fn resolve_below(
        &self,
        module: &ModulePath,
        path: &[String],
        seen: &mut HashSet<(ModulePath, ModulePath)>,
    ) -> Option<String> {
        let here = self.modules.get(module)?;
        let (name, rest) = path.split_first()?;
        if here.items.contains(name) {
            return Some(here.file.clone());
        }
        if here.children.contains(name) {
            let child = [&module[..], std::slice::from_ref(name)].concat();
            return self.resolve_below(&child, rest, seen);
        }
        if let Some(target) = here.aliases.get(name) {
            return self.resolve(module, &[&target[..], rest].concat(), seen);
        }
        let by_glob = here
            .globs
            .iter()
            // A glob of the very name that is looked for, such as the variants of an enum of a macro.
            .filter(|glob| glob.first() != Some(name))
            .find_map(|glob| self.resolve(module, &[&glob[..], path].concat(), seen));
        by_glob.or_else(|| here.has_macros.then(|| here.file.clone()))
    }
}

/// `store/tables/users.rs` is `["store", "tables", "users"]`.
fn module_path(file: &str) -> ModulePath {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if ["lib", "main"].contains(&path) {
        return Vec::new();
    }
    path.split('/').map(str::to_owned).collect()
}

/// Collects what a module defines and names.
struct Collector<'a> {
    module: &'a mut Module,
    paths: Vec<ModulePath>,
    inline: Vec<(String, Vec<Item>)>,
    /// Functions and blocks around the item: its name is not one of the module.
    depth: usize,
}

impl Collector<'_> {
    fn define(&mut self, name: &Ident) {
        if self.depth == 0 {
            self.module.items.insert(name.to_string());
        }
    }

    fn add_use(&mut self, tree: &UseTree, prefix: &[String], is_import: bool) {
        match tree {
            UseTree::Path(path) => {
                let prefix = [prefix, &[path.ident.to_string()]].concat();
                self.add_use(&path.tree, &prefix, is_import);
            }
            UseTree::Name(name) => self.add_name(&name.ident, &name.ident, prefix, is_import),
            UseTree::Rename(renamed) => {
                self.add_name(&renamed.ident, &renamed.rename, prefix, is_import);
            }
            UseTree::Glob(_) => self.module.globs.push(prefix.to_vec()),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(tree, prefix, is_import);
                }
            }
        }
    }

    fn add_name(&mut self, name: &Ident, alias: &Ident, prefix: &[String], is_import: bool) {
        let (mut path, mut alias) = (prefix.to_vec(), alias.to_string());
        if name == "self" {
            if alias == "self" {
                alias = prefix.last().cloned().unwrap_or_default();
            }
        } else {
            path.push(name.to_string());
        }
        // `use name;` of a macro of this file stands for itself.
        if path != [alias.clone()] {
            self.module.aliases.insert(alias, path.clone());
        }
        if is_import {
            self.paths.push(path);
        }
    }

    /// Adds the paths in tokens, which are not parsed: macros have a syntax of their own.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: ModulePath = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string());
                }
                other => {
                    self.add_path(std::mem::take(&mut path));
                    match other {
                        TokenTree::Ident(ident) => path.push(ident.to_string()),
                        TokenTree::Group(group) => self.add_tokens(group.stream()),
                        TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                    }
                }
            }
            colons = 0;
        }
        self.add_path(path);
    }

    fn add_path(&mut self, path: ModulePath) {
        if !path.is_empty() {
            self.paths.push(path);
        }
    }
}

impl<'a> Visit<'a> for Collector<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        match item {
            Item::Const(item) => self.define(&item.ident),
            Item::Enum(item) => self.define(&item.ident),
            Item::Fn(item) => self.define(&item.sig.ident),
            Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    self.define(name);
                } else if self.depth == 0 {
                    self.module.has_macros = true;
                }
            }
            Item::Static(item) => self.define(&item.ident),
            Item::Struct(item) => self.define(&item.ident),
            Item::Trait(item) => self.define(&item.ident),
            Item::Type(item) => self.define(&item.ident),
            Item::Union(item) => self.define(&item.ident),
            Item::Mod(item) => {
                self.module.children.insert(item.ident.to_string());
                if let Some((_, items)) = &item.content {
                    self.inline.push((item.ident.to_string(), items.clone()));
                }
                return;
            }
            Item::Use(item) => {
                let is_import = matches!(item.vis, Visibility::Inherited);
                self.add_use(&item.tree, &[], is_import);
                return;
            }
            _ => {}
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_block(&mut self, block: &'a syn::Block) {
        self.depth += 1;
        syn::visit::visit_block(self, block);
        self.depth -= 1;
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.paths.push(segments.collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        self.visit_path(&called.path);
        self.add_tokens(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }
}
