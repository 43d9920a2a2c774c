//! JSON objects, one a line, over a Unix socket: what QEMU's monitor and its guest agent speak.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Longest line that is read, in bytes. A guest agent repeats what a program in the guest has printed,
/// so it is not to be trusted with more.
const LINE_MAX: usize = 256 * 1024;

/// The byte that the guest agent puts before the answer to a synchronisation.
const SENTINEL: u8 = 0xff;

/// Why a talk with QEMU or its guest agent broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TalkError {
    /// Nobody listens there.
    #[error("cannot connect to {}: {source}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broke(#[from] io::Error),
    /// The other side hung up.
    #[error("the other side has hung up")]
    Ended,
    /// It says more than it ever has to.
    #[error("a line is longer than {LINE_MAX} bytes")]
    TooLong,
    /// What it says is not JSON.
    #[error("expected a line of JSON, found {found:?}")]
    NotJson {
        /// The beginning of the line.
        found: String,
    },
    /// It is something else than was expected.
    #[error("expected {expected}, found {found:?}")]
    Unexpected {
        /// What should have come.
        expected: &'static str,
        /// The beginning of what came.
        found: String,
    },
}

impl TalkError {
    /// Whether nobody listens at the socket, or there is none.
    pub(super) fn nobody_there(&self) -> bool {
        matches!(
            self,
            Self::Connect { source, .. }
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
        )
    }

    pub(super) fn unexpected(expected: &'static str, found: &Value) -> Self {
        Self::Unexpected {
            expected,
            found: found.to_string().chars().take(200).collect(),
        }
    }
}

/// A talk over a Unix socket.
#[derive(Debug)]
pub(super) struct JsonLines {
    stream: BufReader<UnixStream>,
}

impl JsonLines {
    pub(super) async fn connect(path: &Path) -> Result<Self, TalkError> {
        match UnixStream::connect(path).await {
            Ok(stream) => Ok(Self {
                stream: BufReader::new(stream),
            }),
            Err(source) => Err(TalkError::Connect {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Sends `words` as one line.
    pub(super) async fn say(&mut self, words: &Value) -> Result<(), TalkError> {
        let line = format!("{words}\n");
        self.stream.write_all(line.as_bytes()).await?;
        Ok(())
    }

    /// Sends a sentinel, which makes a guest agent forget half a line that somebody else left.
    pub(super) async fn say_sentinel(&mut self) -> Result<(), TalkError> {
        Ok(self.stream.write_all(&[SENTINEL]).await?)
    }

    /// The next line. What stands before a sentinel is thrown away: it was not meant for this talk.
    pub(super) async fn hear(&mut self) -> Result<Value, TalkError> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.stream).take(LINE_MAX as u64);
        bounded.read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            return Err(match line.len() {
                LINE_MAX => TalkError::TooLong,
                _ => TalkError::Ended,
            });
        }
        let begin = line
            .iter()
            .rposition(|b| *b == SENTINEL)
            .map_or(0, |at| at + 1);
        serde_json::from_slice(&line[begin..]).map_err(|_| TalkError::NotJson {
            found: String::from_utf8_lossy(&line[begin..line.len().min(begin + 200)]).into_owned(),
        })
    }
}
