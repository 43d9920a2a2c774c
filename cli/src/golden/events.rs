//! The logs of a table's experiments in one file: for each experiment a heading `== S2t` and its events.

use std::path::Path;

use tetrarch_report::check::{LineDiff, Tolerance, compare_trace};

use crate::experiments::Experimented;

const HEADING: &str = "== ";

/// The logs as they are now, and where they differ from those in the file.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    file: String,
    fresh: String,
    experiments: usize,
    differences: Vec<(String, LineDiff)>,
    vanished: Vec<String>,
}

impl Events {
    /// Compares the log of each experiment with that in `old`, the text of `path`.
    pub(crate) fn new(
        path: &Path,
        old: Option<&str>,
        fresh: &Experimented,
        tolerance: Tolerance,
    ) -> Self {
        let old_sections = sections(old.unwrap_or_default());
        let mut events = Self {
            file: path.display().to_string(),
            fresh: String::new(),
            experiments: fresh.runs.len(),
            differences: Vec::new(),
            vanished: Vec::new(),
        };
        for run in &fresh.runs {
            let log = run.log();
            let found = old_sections
                .iter()
                .find(|section| section.name == run.trouble);
            let (before, text) = found.map_or((0, String::new()), |section| {
                (section.heading_line, section.text.clone())
            });
            if let Some(mut diff) = compare_trace(&text, &log, tolerance) {
                // Counted within the file, so that it can be looked up there.
                diff.line += before;
                events.differences.push((run.trouble.clone(), diff));
            }
            events
                .fresh
                .push_str(&format!("{HEADING}{}\n{log}", run.trouble));
        }
        let is_known = |name: &str| fresh.runs.iter().any(|run| run.trouble == name);
        let names = old_sections.into_iter().map(|section| section.name);
        events.vanished = names.filter(|name| !is_known(name)).collect();
        events
    }

    /// The file as it should be.
    pub(crate) fn fresh_text(&self) -> String {
        self.fresh.clone()
    }

    /// The first event of an experiment that is not what it was.
    pub(crate) fn first_of(&self, trouble: &str) -> Option<String> {
        let (_, diff) = self.differences.iter().find(|(name, _)| name == trouble)?;
        Some(format!("{} {diff}", self.file))
    }

    /// The line of the first difference.
    pub(crate) fn first_line(&self) -> Option<usize> {
        self.differences.first().map(|(_, diff)| diff.line)
    }

    /// How many experiments differ, and the first of them.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut lines = Vec::new();
        if let Some((trouble, diff)) = self.differences.first() {
            let (count, all) = (self.differences.len(), self.experiments);
            lines.push(format!(
                "{count} of {all} experiments run differently; first {trouble}: {diff}"
            ));
        }
        for name in &self.vanished {
            lines.push(format!("there is no experiment {name} any more"));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

struct Section {
    name: String,
    heading_line: usize,
    text: String,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix(HEADING) {
            sections.push(Section {
                name: name.to_owned(),
                heading_line: index + 1,
                text: String::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            section.text.push_str(line);
            section.text.push('\n');
        }
    }
    sections
}
