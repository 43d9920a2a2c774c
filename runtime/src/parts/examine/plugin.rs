//! Programs that follow the guidelines of the Monitoring Plugins: exit code 0 is well, 1 a warning,
//! 2 critical, 3 unknown, and the first line that they print says why.

use std::net::IpAddr;
use std::time::Duration;

use super::spec::Plugin;
use super::{Complaint, Verdict};
use crate::parts::command::{self, CommandError};

/// Longest text of a plugin that is passed on, in characters.
const TEXT_MAX: usize = 200;

/// Runs the plugin. One that hangs counts as a failing service, as Nagios has it: what it hangs on is
/// most likely the service. One that cannot be run at all, or that crashes, says nothing.
pub(super) async fn examine(plugin: &Plugin, target: IpAddr, limit: Duration) -> Verdict {
    let arguments = plugin.arguments_for(target);
    let done = match command::run(plugin.program(), &arguments, b"", limit).await {
        Ok(done) => done,
        Err(error @ CommandError::TooLong { .. }) => {
            return Verdict::Fails(Complaint::Plugin(error.to_string()));
        }
        Err(error) => return Verdict::Unknown(error.to_string()),
    };
    // What comes after the bar is for graphs.
    let line = done
        .first_line()
        .split('|')
        .next()
        .unwrap_or_default()
        .trim();
    let text: String = line
        .chars()
        .filter(|c| !c.is_control())
        .take(TEXT_MAX)
        .collect();
    match done.status.code() {
        Some(0) => Verdict::Well,
        Some(1) => Verdict::Warning(text),
        Some(2) => Verdict::Fails(Complaint::Plugin(text)),
        Some(3) => Verdict::Unknown(text),
        _ => Verdict::Unknown(format!(
            "{}: {}: {text}",
            plugin.program().display(),
            done.status
        )),
    }
}
