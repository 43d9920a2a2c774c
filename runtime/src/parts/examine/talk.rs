//! Reading what a service says, line by line, within bounds.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest line that is read, in bytes. SMTP and FTP promise 512; banners of real servers are longer.
pub(super) const LINE_MAX: usize = 4096;

/// Most that is read of one answer, in bytes.
pub(super) const ANSWER_MAX: usize = 32 * 1024;

/// What is wrong with a service.
#[derive(Debug, thiserror::Error)]
pub enum Complaint {
    /// Its host has no address.
    #[error("cannot resolve {name}: {source}")]
    Resolve {
        /// The host's name.
        name: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Its host's name resolves to nothing.
    #[error("its host has no address")]
    NoAddress,
    /// It does not take connections.
    #[error("no connection to {address}: {source}")]
    Connect {
        /// Where it should be.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broke(#[from] io::Error),
    /// It closed the connection in the middle of an answer, or before one.
    #[error("it closed the connection without {expected}")]
    Closed {
        /// What it should have said.
        expected: &'static str,
    },
    /// It says more than an honest service does.
    #[error("its answer is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// It says something else.
    #[error("expected {expected}, found {found:?}")]
    Unexpected {
        /// What it should have said.
        expected: String,
        /// The beginning of what it said.
        found: String,
    },
    /// It took too long.
    #[error("no complete answer within {:.1} s", limit.as_secs_f64())]
    TooLate {
        /// The time that it had.
        limit: Duration,
    },
    /// A plugin says that it fails.
    #[error("{0}")]
    Plugin(String),
}

impl Complaint {
    /// That `found` is not what was expected. Only the beginning of it is kept.
    pub(super) fn unexpected(expected: impl Into<String>, found: &[u8]) -> Self {
        let shown = &found[..found.len().min(80)];
        Self::Unexpected {
            expected: expected.into(),
            found: String::from_utf8_lossy(shown).into_owned(),
        }
    }
}

/// A talk over a connection.
#[derive(Debug)]
pub(super) struct Talk<'a, S> {
    stream: &'a mut S,
    /// What was read and not yet handed out.
    unread: Vec<u8>,
    /// Bytes read in all.
    read: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    pub(super) fn new(stream: &'a mut S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            read: 0,
        }
    }

    /// The next line, without its end (LF, or CR and LF). `expected` is for the complaint.
    pub(super) async fn line(&mut self, expected: &'static str) -> Result<Vec<u8>, Complaint> {
        let mut searched = 0;
        loop {
            let found = self.unread[searched..].iter().position(|b| *b == b'\n');
            if let Some(at) = found.map(|at| at + searched) {
                let mut line: Vec<u8> = self.unread.drain(..=at).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(line);
            }
            if self.unread.len() >= LINE_MAX {
                return Err(Complaint::TooLong { max: LINE_MAX });
            }
            searched = self.unread.len();
            self.read_more(expected).await?;
        }
    }

    /// All that was read and not yet handed out, after reading more of it.
    pub(super) async fn more(&mut self, expected: &'static str) -> Result<&[u8], Complaint> {
        self.read_more(expected).await?;
        Ok(&self.unread)
    }

    async fn read_more(&mut self, expected: &'static str) -> Result<(), Complaint> {
        if self.read >= ANSWER_MAX {
            return Err(Complaint::TooLong { max: ANSWER_MAX });
        }
        let mut buffer = [0; 2048];
        let n = self.stream.read(&mut buffer).await?;
        if n == 0 {
            return Err(Complaint::Closed { expected });
        }
        self.read += n;
        self.unread.extend_from_slice(&buffer[..n]);
        Ok(())
    }

    /// Sends `words`.
    pub(super) async fn say(&mut self, words: &[u8]) -> Result<(), Complaint> {
        Ok(self.stream.write_all(words).await?)
    }

    /// Takes leave with `words`, so that the service does not log a lost connection. The verdict
    /// stands already: nothing that goes wrong here changes it.
    pub(super) async fn leave(&mut self, words: &[u8]) {
        if self.stream.write_all(words).await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }
}
