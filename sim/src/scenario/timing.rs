//! The key `timing`: the paper's parameters, a timing file, or overrides of either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{Place, Problem, ScenarioError, Source};
use super::reader::{Item, Section, parse_toml, read_text};
use super::value::{Table, flawed};
use crate::parameters::{Parameter, Parameters, TABLE, UnitKind, Value};

/// The name of the paper's parameters.
const PAPER: &str = "paper";

const TIMING_EXPECTED: &str = r#""paper", the path of a timing file, or a table of parameters"#;
const BASE_EXPECTED: &str = r#""paper" or the path of a timing file"#;

/// One value of one file.
struct Override {
    parameter: &'static Parameter,
    value: Value,
    place: Place,
}

/// What the values of a file are put on top of.
enum Base {
    Paper,
    File { path: PathBuf, named_at: Place },
}

/// The files from the scenario to the innermost base, and their overrides in the same order.
struct Chain {
    /// Names as errors show them.
    names: Vec<String>,
    /// The timing files' unique paths, to notice a circle.
    paths: Vec<PathBuf>,
    overrides: Vec<Vec<Override>>,
}

/// Reads `timing`; paths are relative to `base_dir`.
pub(super) fn read_timing(
    item: Option<Item<'_>>,
    base_dir: &Path,
) -> Result<Parameters, ScenarioError> {
    let Some(item) = item else {
        return Ok(Parameters::paper());
    };
    let place = item.place();
    let mut chain = Chain {
        names: vec![place.file.to_string()],
        paths: Vec::new(),
        overrides: Vec::new(),
    };
    let mut base = if item.is_table() {
        let section = item.section("timing", TIMING_EXPECTED)?;
        chain.add(&section, base_dir)?
    } else {
        read_base(item, base_dir, TIMING_EXPECTED)?
    };
    while let Base::File { path, named_at } = base {
        base = chain.follow(&path, named_at)?;
    }
    chain.apply(place)
}

/// Reads the timing file at `path` with all its bases.
///
/// # Errors
/// When the file, or one that it refers to, cannot be read or is not a valid timing file.
pub fn load_timing(path: impl AsRef<Path>) -> Result<Parameters, ScenarioError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let text = read_text(path, &name)?;
    let source = Source {
        file: &name,
        text: &text,
    };
    let table: Table = parse_toml(source)?;
    let mut chain = Chain {
        names: vec![name.clone()],
        // Reading has shown that the path leads to a file; without a unique path a circle is seen one
        // turn later.
        paths: path.canonicalize().into_iter().collect(),
        overrides: Vec::new(),
    };
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut base = chain.add(&Section::of_file(source, "a timing file", &table), dir)?;
    while let Base::File { path, named_at } = base {
        base = chain.follow(&path, named_at)?;
    }
    chain.apply(Place::whole(&name))
}

/// Reads a reference to the paper or to a file in `dir`.
fn read_base(item: Item<'_>, dir: &Path, expected: &str) -> Result<Base, ScenarioError> {
    match item.text(expected)? {
        PAPER => Ok(Base::Paper),
        "" => Err(item.refuse(expected)),
        path => Ok(Base::File {
            path: dir.join(path),
            named_at: item.place(),
        }),
    }
}

impl Chain {
    /// Takes over the values of one table and returns what they are put on top of.
    fn add(&mut self, section: &Section<'_>, dir: &Path) -> Result<Base, ScenarioError> {
        let keys: Vec<&str> = TABLE.iter().map(|row| row.key).chain(["base"]).collect();
        section.refuse_unknown(&keys)?;
        let mut overrides = Vec::new();
        for parameter in TABLE {
            if let Some(item) = section.get(parameter.key) {
                overrides.push(Override {
                    parameter,
                    value: read_value(item, parameter)?,
                    place: item.place(),
                });
            }
        }
        self.overrides.push(overrides);
        match section.get("base") {
            None => Ok(Base::Paper),
            Some(item) => read_base(item, dir, BASE_EXPECTED),
        }
    }

    /// Reads the timing file at `path`, which another file names at `named_at`.
    fn follow(&mut self, path: &Path, named_at: Place) -> Result<Base, ScenarioError> {
        let name = path.display().to_string();
        let unusable = |reason: String| ScenarioError {
            place: named_at.clone(),
            problem: Problem::TimingFile {
                file: name.clone(),
                reason,
                chain: self.shown(),
            },
        };
        let unique = path.canonicalize();
        let unique = unique.map_err(|error| unusable(format!("cannot be read ({error})")))?;
        if self.paths.contains(&unique) {
            self.names.push(name);
            return Err(ScenarioError {
                place: named_at,
                problem: Problem::TimingCircle {
                    chain: self.shown(),
                },
            });
        }
        let text = read_text(path, &name).map_err(|error| match error.problem {
            // These concern the file as a whole, so the one who names it is to be told.
            Problem::Directory => unusable("is a directory".to_owned()),
            Problem::Unreadable { reason } => unusable(format!("cannot be read ({reason})")),
            _ => error,
        })?;
        self.names.push(name.clone());
        self.paths.push(unique);
        let source = Source {
            file: &name,
            text: &text,
        };
        let table: Table = parse_toml(source)?;
        let dir = path.parent().unwrap_or(Path::new(""));
        self.add(&Section::of_file(source, "a timing file", &table), dir)
    }

    fn shown(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| format!("{name:?}")).collect();
        names.join(" -> ")
    }

    /// Puts all values on top of the paper's, the innermost base first, and checks the result.
    fn apply(&self, timing_key: Place) -> Result<Parameters, ScenarioError> {
        let mut parameters = Parameters::paper();
        let mut places: BTreeMap<&str, &Place> = BTreeMap::new();
        for each in self.overrides.iter().rev().flatten() {
            let set = each.parameter.set(&mut parameters, each.value);
            set.map_err(|error| ScenarioError {
                place: each.place.clone(),
                problem: error.into(),
            })?;
            places.insert(each.parameter.key, &each.place);
        }
        match parameters.validate() {
            Ok(()) => Ok(parameters),
            Err(error) => {
                let place = error.keys().find_map(|key| places.get(key).copied());
                Err(ScenarioError {
                    place: place.cloned().unwrap_or(timing_key),
                    problem: error.into(),
                })
            }
        }
    }
}

/// Reads a value of `parameter`; only a ratio may be a bare number, because it has no unit.
fn read_value(item: Item<'_>, parameter: &Parameter) -> Result<Value, ScenarioError> {
    let number = match parameter.unit {
        UnitKind::Ratio => item.decimal(),
        _ => None,
    };
    let text = match number {
        Some(ref number) => number,
        None => item.text(parameter.unit.expected())?,
    };
    parameter
        .parse(text)
        .map_err(|error| item.refuse(flawed(&error)))
}
