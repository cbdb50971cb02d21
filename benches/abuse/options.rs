//! The command line.

use std::path::PathBuf;

use harness::options::{beside_this_one, value};

use crate::shapes::SHAPES;

pub(crate) const USAGE: &str = "\
usage: abuse [OPTION]…

  --program FILE   the program to attack (default: civitai-oauth-mock in the folder of this program)
  --short          about a minute: smaller attacks, for CI
  --only NAME      only this shape
  --tolerate-latency
                   succeed even if the innocent client had to wait, for machines that are shared
  --json FILE      write the results to this file too
  --help           print this and the list of shapes

exits with status 1 if a bound is broken";

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) program: String,
    pub(crate) short: bool,
    pub(crate) tolerate_latency: bool,
    pub(crate) only: Option<String>,
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// Errors: what is wrong, and the usage.
    pub(crate) fn read(given: Vec<String>) -> Result<Self, String> {
        let mut options = Self {
            program: beside_this_one("civitai-oauth-mock"),
            short: false,
            tolerate_latency: false,
            only: None,
            json: None,
        };
        let mut given = given.into_iter();
        while let Some(option) = given.next() {
            match option.as_str() {
                "--short" => options.short = true,
                "--tolerate-latency" => options.tolerate_latency = true,
                "--program" => options.program = value(&option, &mut given, USAGE)?,
                "--only" => options.only = Some(value(&option, &mut given, USAGE)?),
                "--json" => options.json = Some(value(&option, &mut given, USAGE)?),
                other => return Err(format!("unknown option {other:?}\n\n{USAGE}")),
            }
        }
        if let Some(name) = &options.only
            && !SHAPES.iter().any(|shape| shape.name == name)
        {
            let known: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
            let known = known.join(", ");
            return Err(format!("--only {name:?}: unknown shape; known: {known}"));
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, shape: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == shape)
    }
}
