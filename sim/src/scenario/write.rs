//! Writing a scenario as the file that would load as it.

use core::fmt::{Display, Write};

use tetrarch_core::{Span, Time, Version};
use toml_writer::{ToTomlValue, TomlStringBuilder};

use super::group::{ServerIndex, default_services};
use super::{Equipment, SEED_DEFAULT, Safety, Scenario, expect, fault, operation};
use crate::units::span_text;

impl Scenario {
    /// The scenario as a file that [`Scenario::load`] reads as an equal one, but for line numbers.
    ///
    /// What equals its default is left out; the timing is written as what differs from the paper's,
    /// so the file depends on no other file. A server index outside the group is written as a name
    /// that no group has, and is refused when the file is loaded.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = Writer {
            group: &self.group,
            text: String::new(),
        };
        out.text("name", &self.name);
        out.text("purpose", &self.purpose);
        let group = out.list(self.group.iter().map(String::as_str));
        out.bare("group", group);
        if self.safety != Safety::default() {
            out.text("safety", self.safety.name());
        }
        operation::write_failback(&self.policy, &mut out);
        if self.equipment.sightings != Equipment::of(self.safety).sightings {
            let sightings = out.list(self.equipment.sightings.names());
            out.bare("sightings", sightings);
        }
        if !self.equipment.fences.is_empty() {
            let places = self.equipment.fences.iter();
            let names = places.filter_map(|server| self.group.get(server.index()));
            let fences = out.list(names.map(String::as_str));
            out.bare("fences", fences);
        }
        if self.seed != SEED_DEFAULT {
            out.bare("seed", self.seed);
        }
        out.span("duration", self.duration);
        self.write_services(&mut out);
        self.write_versions(&mut out);
        operation::write_damping(&self.policy, &mut out);
        if self.parameters.changes().next().is_some() {
            out.header("[timing]");
        }
        for parameter in self.parameters.changes() {
            out.text(parameter.key, &parameter.get(&self.parameters).to_string());
        }
        for fault in &self.faults {
            fault::write_fault(fault, &mut out);
        }
        for expect in &self.expects {
            expect::write_expect(expect, self.end(), &mut out);
        }
        out.text
    }

    fn write_versions(&self, out: &mut Writer<'_>) {
        let mut header = Some("[versions]");
        for (server, version) in self.group.iter().zip(&self.equipment.versions) {
            if *version != Version::NEWEST {
                if let Some(header) = header.take() {
                    out.header(header);
                }
                out.bare(server, version.number());
            }
        }
    }

    fn write_services(&self, out: &mut Writer<'_>) {
        let mut header = Some("[services]");
        for (server, services) in self.group.iter().zip(&self.services) {
            if *services != default_services(server) {
                if let Some(header) = header.take() {
                    out.header(header);
                }
                let services = out.list(services.iter().map(String::as_str));
                out.bare(server, services);
            }
        }
    }
}

/// Collects `key = value` lines.
pub(super) struct Writer<'a> {
    group: &'a [String],
    text: String,
}

impl Writer<'_> {
    /// A table's header after an empty line.
    pub(super) fn header(&mut self, header: &str) {
        self.line(format_args!("\n{header}"));
    }

    /// A value that is already written as TOML.
    pub(super) fn bare(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key} = {value}"));
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.bare(key, string(text));
    }

    pub(super) fn span(&mut self, key: &str, span: Span) {
        self.text(key, &span_text(span));
    }

    pub(super) fn time(&mut self, key: &str, at: Time) {
        self.span(key, at - Time::ZERO);
    }

    pub(super) fn server(&mut self, key: &str, server: ServerIndex) {
        let name = self.name(server);
        self.bare(key, string(name));
    }

    pub(super) fn server_list(&self, servers: &[ServerIndex]) -> String {
        self.list(servers.iter().map(|&server| self.name(server)))
    }

    fn list<'n>(&self, names: impl Iterator<Item = &'n str>) -> String {
        let names: Vec<String> = names.map(string).collect();
        format!("[{}]", names.join(", "))
    }

    fn name(&self, server: ServerIndex) -> &str {
        self.group.get(server.index()).map_or("?", String::as_str)
    }

    fn line(&mut self, line: core::fmt::Arguments<'_>) {
        // Writing to a string cannot fail, so there is no error to hand on.
        let _ = writeln!(self.text, "{line}");
    }
}

fn string(text: &str) -> String {
    TomlStringBuilder::new(text).as_default().to_toml_value()
}
