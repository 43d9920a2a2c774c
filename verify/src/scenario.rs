//! A counterexample as a scenario file that the simulator runs.

use core::fmt::Write as _;

use tetrarch_core::{Members, ServerId, Span};
use thiserror::Error;

use crate::bounds::Bounds;
use crate::fault::Fault;
use crate::report::Finding;

/// Why a counterexample cannot be written as a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unwritable {
    /// The simulator has no fault that strikes a single message or job.
    #[error("the simulator knows no fault that strikes a single message or job")]
    Single,
    /// The simulator cannot let management programs stand still.
    #[error("the simulator cannot let management programs stand still")]
    Pause,
}

/// The faults of `finding` as a scenario file. Its expectation names the property, for whichever
/// server it breaks, since the run goes on after the first break; what else is to be expected is for
/// a reader to add.
///
/// # Errors
///
/// When the simulator does not know one of the faults.
pub fn scenario_of(bounds: &Bounds, finding: &Finding) -> Result<String, Unwritable> {
    let last = finding.lines.last().map_or(Span::ZERO, |line| line.at);
    let timing = bounds.parameters().timing();
    let duration = last + timing.judgement_max.times(6);
    let names: Vec<String> = ServerId::all(bounds.ring()).map(quoted).collect();
    let mut text = String::new();
    let purpose = "A run that the exhaustive check found; times are those of the check.";
    // Writing to a string cannot fail.
    let _ = writeln!(text, "name = \"Breaks {}\"", finding.property);
    let _ = writeln!(text, "purpose = \"{purpose}\"");
    let _ = writeln!(text, "group = [{}]", names.join(", "));
    let _ = writeln!(text, "duration = \"{}\"", seconds(duration));
    let changes: Vec<_> = bounds.parameters().changes().collect();
    if !changes.is_empty() {
        let _ = writeln!(text, "\n[timing]");
        for row in changes {
            let _ = writeln!(text, "{} = \"{}\"", row.key, row.get(bounds.parameters()));
        }
    }
    let mut heal = Span::ZERO;
    for (at, fault) in &finding.strikes {
        write_fault(&mut text, *at, *fault)?;
        if let Fault::Cut(_, _, spell) | Fault::Partition(_, _, spell) = fault {
            heal = heal.max(*at + bounds.spells()[usize::from(*spell)]);
        }
    }
    if heal > Span::ZERO {
        let _ = writeln!(
            text,
            "\n[[fault]]\nat = \"{}\"\nfault = \"heal\"",
            seconds(heal)
        );
    }
    let _ = writeln!(text, "\n[[expect]]\nviolation = \"{}\"", finding.property);
    Ok(text)
}

fn quoted(server: ServerId) -> String {
    format!("\"s{}\"", server.index() + 1)
}

fn seconds(span: Span) -> String {
    let ns = span.as_nanos();
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

fn write_fault(text: &mut String, at: Span, fault: Fault) -> Result<(), Unwritable> {
    let trouble = |name: &str, server| format!("trouble = \"{name}\"\nserver = {}", quoted(server));
    let list = |set: Members| set.iter().map(quoted).collect::<Vec<_>>().join(", ");
    let action = match fault {
        Fault::Crash(server) => format!("fault = \"crash\"\nserver = {}", quoted(server)),
        Fault::Restart(server) => trouble("N1t", server),
        Fault::Service(server) => trouble("S1t", server),
        Fault::Stuck(server) => trouble("S2t", server),
        Fault::Cut(from, to, _) => {
            format!("fault = \"cut\"\nfrom = {}\nto = {}", list(from), list(to))
        }
        Fault::Partition(one, other, _) => {
            format!(
                "fault = \"partition\"\nsides = [[{}], [{}]]",
                list(one),
                list(other)
            )
        }
        Fault::Pause(..) => return Err(Unwritable::Pause),
        Fault::Loss(_)
        | Fault::Duplicate(..)
        | Fault::Late(..)
        | Fault::Fail(_)
        | Fault::Hang(_)
        | Fault::Slow(..) => return Err(Unwritable::Single),
    };
    let _ = writeln!(text, "\n[[fault]]\nat = \"{}\"\n{action}", seconds(at));
    Ok(())
}
