//! Questions to the agent of this server.

use std::path::Path;

use tetrarch_runtime::agent::control::{self, Answer, Ask};
use tetrarch_runtime::site::Site;

use crate::error::CliError;

/// Asks the agent whose settings are in the file `site`; errors name its socket.
pub(crate) fn ask(
    site: &Path,
    ask: Ask,
) -> Result<impl Iterator<Item = Result<Answer, CliError>> + use<>, CliError> {
    let socket = Site::load(site)?.socket;
    let answers = control::ask(&socket, &ask).map_err(|source| CliError::NoAgent {
        socket: socket.clone(),
        source,
    })?;
    Ok(answers.map(move |answer| match answer {
        Ok(Answer::Error { why }) => Err(CliError::Usage(why)),
        other => other.map_err(CliError::path(&socket, "read the agent's answer")),
    }))
}
