//! Command-line options, and their defaults.

use std::path::PathBuf;

use harness::options::{beside_this_one, value};

use crate::worker::Scenario;

pub(crate) const USAGE: &str = "\
usage: load [OPTION]…

  --program FILE   what is measured; the release program beside this one
  --quick          less than a minute: fewer cells, shorter spans, no peers unless they are installed, few tokens
  --check          exit with 1 where a floor is not reached
  --no-peers       without the servers of npm
  --only PART      speed, standing, tokens or advice
  --scenario NAME  of the speed, only this scenario: flow, userinfo, refresh or client_credentials
  --seconds S      how long each cell takes (1; quick: 0.3)
  --rounds N       how often each is measured (5; quick: 3)
  --tokens N       how many live tokens are many (1000000; quick: 20000)
  --sandboxes N    (1000; quick: 100)
  --starts N       (50; quick: 15)
  --build          also build the program from nothing, which takes minutes
  --page FILE      also write the results as a page of the documentation
  --json FILE      where the figures go (target/bench/load.json)";

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) program: String,
    pub(crate) quick: bool,
    pub(crate) check: bool,
    pub(crate) peers: bool,
    pub(crate) only: Option<String>,
    pub(crate) scenario: Option<Scenario>,
    pub(crate) seconds: f64,
    pub(crate) rounds: usize,
    pub(crate) tokens: usize,
    pub(crate) sandboxes: usize,
    pub(crate) starts: usize,
    pub(crate) build: bool,
    pub(crate) page: Option<PathBuf>,
    pub(crate) json: PathBuf,
}

impl Options {
    /// Errors: what is wrong, and the usage.
    pub(crate) fn read(given: Vec<String>) -> Result<Self, String> {
        let quick = given.iter().any(|one| one == "--quick");
        let either = |if_quick, normal| if quick { if_quick } else { normal };
        let mut options = Self {
            program: beside_this_one("civitai-oauth-mock"),
            quick,
            check: false,
            peers: true,
            only: None,
            scenario: None,
            seconds: if quick { 0.3 } else { 1.0 },
            rounds: either(3, 5),
            tokens: either(20_000, 1_000_000),
            sandboxes: either(100, 1000),
            starts: either(15, 50),
            build: false,
            page: None,
            json: concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench/load.json").into(),
        };
        let mut given = given.into_iter();
        while let Some(option) = given.next() {
            match option.as_str() {
                "--quick" => {}
                "--check" => options.check = true,
                "--no-peers" => options.peers = false,
                "--build" => options.build = true,
                "--program" => options.program = value(&option, &mut given, USAGE)?,
                "--only" => options.only = Some(value(&option, &mut given, USAGE)?),
                "--scenario" => options.scenario = Some(value(&option, &mut given, USAGE)?),
                "--seconds" => options.seconds = value(&option, &mut given, USAGE)?,
                "--rounds" => options.rounds = value(&option, &mut given, USAGE)?,
                "--tokens" => options.tokens = value(&option, &mut given, USAGE)?,
                "--sandboxes" => options.sandboxes = value(&option, &mut given, USAGE)?,
                "--starts" => options.starts = value(&option, &mut given, USAGE)?,
                "--page" => options.page = Some(value(&option, &mut given, USAGE)?),
                "--json" => options.json = value(&option, &mut given, USAGE)?,
                other => return Err(format!("no option {other:?}\n\n{USAGE}")),
            }
        }
        if let Some(part) = &options.only
            && !["speed", "standing", "tokens", "advice"].contains(&part.as_str())
        {
            return Err(format!("no part {part:?}\n\n{USAGE}"));
        }
        Ok(options)
    }

    /// Whether this part is asked for.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == part)
    }
}
