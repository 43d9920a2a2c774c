//! How things stand on one server, as Prometheus reads it (text format, version 0.0.4).

pub mod http;
#[cfg(test)]
mod tests;

use core::fmt::Write;

use crate::happened::Kind;
use crate::journal::Counts;
use crate::status::{ServerStatus, Status};

/// What the metrics are made of.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    /// The host names in ring order.
    pub ring: &'a [String],
    /// What the executer is busy with, and everything that it may be.
    pub executer: &'a str,
    /// How things stand; none while the management programs are stopped or their driver is silent.
    pub status: Option<&'a Status>,
    /// How much has happened since the agent's start.
    pub counts: &'a Counts,
    /// What has become of notifications; none without a hook.
    pub notifications: Option<Notifications>,
    /// When this server's certificate ends, in seconds since 1970; none of one that never does, or before the
    /// agent knows its group.
    pub certificate_end: Option<u64>,
}

/// What has become of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notifications {
    /// How many the hook has taken since the agent's start.
    pub taken: u64,
    /// How often it has failed.
    pub failed: u64,
    /// How many entries of the journal it has not taken yet.
    pub pending: u64,
}

#[derive(Clone, Copy)]
enum Type {
    Counter,
    Gauge,
}

/// The text of one family after the other.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: Type, help: &str) {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
        };
        // Writing to a string never fails.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            self.0.push(if place == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, Type::Gauge, help);
        self.sample(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, Type::Counter, help);
        self.sample(name, &[], value);
    }

    /// A gauge of each server for which there is a value.
    fn of_servers(
        &mut self,
        ring: &[String],
        status: &Status,
        name: &str,
        help: &str,
        value: impl Fn(&ServerStatus) -> Option<f64>,
    ) {
        self.family(name, Type::Gauge, help);
        for server in &status.servers {
            if let Some(value) = value(server) {
                self.sample(name, &[("server", host(ring, server.server))], value);
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

const fn flag(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

/// The figures as text.
#[must_use]
pub fn render(figures: &Figures<'_>) -> String {
    let mut text = Text(String::new());
    let name = "tetrarch_build_info";
    text.family(name, Type::Gauge, "The version of the agent.");
    text.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let name = "tetrarch_executer_phase";
    text.family(name, Type::Gauge, "What the executer is busy with.");
    text.sample(name, &[("phase", figures.executer)], 1.0);
    let managing = figures.status.is_some_and(|status| status.managing);
    text.gauge(
        "tetrarch_managing",
        "Whether this server manages others.",
        flag(managing),
    );
    if let Some(status) = figures.status {
        of_status(&mut text, figures.ring, status);
    }
    let name = "tetrarch_events_total";
    text.family(
        name,
        Type::Counter,
        "Events noted since the agent's start, by kind.",
    );
    for kind in Kind::ALL {
        let count = figures.counts.kinds.get(&kind).copied().unwrap_or(0);
        text.sample(name, &[("kind", kind.name())], count as f64);
    }
    text.counter(
        "tetrarch_events_missed_total",
        "Events that came too fast to be kept in the journal.",
        figures.counts.missed as f64,
    );
    if let Some(told) = figures.notifications {
        of_notifications(&mut text, told);
    }
    if let Some(end) = figures.certificate_end {
        text.gauge(
            "tetrarch_certificate_end_timestamp_seconds",
            "When this server's certificate ends, in seconds since 1970.",
            end as f64,
        );
    }
    text.0
}

fn of_status(text: &mut Text, ring: &[String], status: &Status) {
    text.gauge(
        "tetrarch_agent_uptime_seconds",
        "Seconds since the agent's start, suspension included.",
        status.up_s,
    );
    text.gauge(
        "tetrarch_own_address_held",
        "Whether this server holds its own virtual IP address.",
        flag(status.holds_own_address),
    );
    let stale = f64::from(status.stale_results);
    text.counter(
        "tetrarch_stale_results_total",
        "Results of jobs that nobody waited for any more, in this life of the programs.",
        stale,
    );
    text.of_servers(
        ring,
        status,
        "tetrarch_member",
        "Whether a server is in the ring as far as this one knows.",
        |server| Some(flag(server.member)),
    );
    text.of_servers(
        ring,
        status,
        "tetrarch_virtual_server_serving",
        "Whether a virtual server on this one serves the function of a server.",
        |server| Some(flag(server.served_here)),
    );
    text.of_servers(
        ring,
        status,
        "tetrarch_heard_age_seconds",
        "Seconds since the last message from a server; absent before the first.",
        |server| server.heard_age_s,
    );
    of_orders(text, ring, status);
    of_hosts(text, ring, status);
    let name = "tetrarch_recovering";
    text.family(
        name,
        Type::Gauge,
        "Whether this server is recovering a target, by the priority that it has for it.",
    );
    for target in &status.targets {
        let priority = target.priority.to_string();
        let labels = [
            ("server", host(ring, target.server)),
            ("priority", &*priority),
        ];
        text.sample(name, &labels, flag(target.recovering));
    }
}

fn of_orders(text: &mut Text, ring: &[String], status: &Status) {
    text.gauge(
        "tetrarch_frozen",
        "Whether operators have ordered that nothing moves in the group, as far as this server knows.",
        flag(status.frozen),
    );
    text.of_servers(
        ring,
        status,
        "tetrarch_maintenance",
        "Whether operators have ordered that a server is left alone, as far as this one knows.",
        |server| Some(flag(server.maintenance)),
    );
}

fn of_hosts(text: &mut Text, ring: &[String], status: &Status) {
    let name = "tetrarch_function_host";
    text.family(
        name,
        Type::Gauge,
        "The host of each function as far as this server knows.",
    );
    for server in &status.servers {
        if let Some(at) = server.host {
            let labels = [
                ("server", host(ring, server.server)),
                ("host", host(ring, at)),
            ];
            text.sample(name, &labels, 1.0);
        }
    }
}

fn host(ring: &[String], place: usize) -> &str {
    ring.get(place).map_or("", String::as_str)
}

fn of_notifications(text: &mut Text, told: Notifications) {
    text.counter(
        "tetrarch_notifications_taken_total",
        "Notifications that the hook has taken.",
        told.taken as f64,
    );
    text.counter(
        "tetrarch_notification_failures_total",
        "How often the hook has not taken a notification.",
        told.failed as f64,
    );
    text.gauge(
        "tetrarch_notifications_pending",
        "Entries of the journal that the hook has not taken yet.",
        told.pending as f64,
    );
}
