//! The witness: a register of votes on the shared area, which each server of a guarded group reads and
//! writes itself, as nobody else is there to do it.
//!
//! A vote in memory ends by the voter's own clock. This voter has none, and the clocks of the servers
//! that read it count from instants of their own. So the file holds no instants at all: every time that
//! a vote is given or renewed it gets a new serial number, and each reader counts by its own clock for
//! how long it has seen that number unchanged. Another server's vote has ended for a reader once that
//! is a whole term. The vote was given before the reader first saw it, so it really has ended by then,
//! whatever the reader's clock says about anything else.
//!
//! A register that is missing or broken has forgotten its votes. The new one that is made in its place is
//! `unsettled`, and gives no votes until somebody has seen it for a whole term.
//!
//! Reading and writing go together under a lock of the whole file `lock`, which NFS carries to its server
//! (flock(2)); the register itself is replaced by one rename.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tetrarch_core::{Claim, Claims, ServerId, Span};
use thiserror::Error;

/// The most bytes that are read as a register: several times what sixteen votes need.
const BYTES_MAX: u64 = 16 * 1024;

/// More bytes than a register of eight servers that hold their own addresses has.
const BYTES_USUAL: usize = 2 * 1024;

/// Work under the lock that took longer than this is thrown away. A file server takes a lock back from
/// a client that it has not heard of for a while, a minute and a half by default, and this client would
/// not know.
const LOCKED_MAX: Span = Span::from_secs(5);

/// Why the witness gave no answer.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// The shared area does not do what it should.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It took so long that the lock may have been lost.
    #[error("the shared area took too long")]
    TooLong,
    /// The server has asked again meanwhile, so this question counts no more.
    #[error("a newer question has taken the place of this one")]
    Old,
}

/// One vote in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vote {
    /// Whether it is for an image; otherwise it is for an address.
    image: bool,
    /// Whose, by its place in the ring.
    function: usize,
    /// Who has it.
    holder: usize,
    /// New at each giving and renewal.
    serial: u64,
}

/// What is in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    /// Tells this register from one that was there before it.
    born: String,
    /// The last serial number.
    serial: u64,
    /// Whether no vote of an earlier register can still count.
    settled: bool,
    votes: Vec<Vote>,
}

impl Vote {
    fn claim(&self) -> Option<Claim> {
        let function = ServerId::new(self.function)?;
        Some(if self.image {
            Claim::Image(function)
        } else {
            Claim::Address(function)
        })
    }
}

/// What one server remembers of the register.
#[derive(Debug, Default)]
struct Memory {
    born: String,
    /// When this register was first seen.
    since: Span,
    /// Each vote's serial number, and when it was first seen.
    votes: BTreeMap<Claim, (u64, Span)>,
    /// The number of the newest question.
    asked: u64,
}

/// The witness as one server sees it. Its calls may hang as long as the shared area does, so they belong on
/// threads of their own.
#[derive(Clone, Debug)]
pub struct Witness {
    folder: PathBuf,
    me: ServerId,
    term: Span,
    memory: Arc<Mutex<Memory>>,
}

/// A question to the witness, numbered in the order in which they were asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    number: u64,
    claims: Claims,
}

impl Witness {
    /// The witness in `folder` of the shared area, for the server `me` of a group whose votes last for
    /// `term`.
    #[must_use]
    pub fn new(folder: &Path, me: ServerId, term: Span) -> Self {
        Self {
            folder: folder.to_owned(),
            me,
            term,
            memory: Arc::default(),
        }
    }

    /// Numbers a question. Whoever asks does so before it goes to a thread: a question that is carried out
    /// after a newer one would free what that one got.
    #[must_use]
    pub fn question(&self, claims: Claims) -> Question {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.asked += 1;
        Question {
            number: memory.asked,
            claims,
        }
    }

    /// Asks for exactly the question's claims: votes that this server has for anything else are free again.
    /// Gives the votes that it got or kept. `now` is this server's clock, one that goes on while the
    /// machine is suspended.
    ///
    /// # Errors
    ///
    /// When the shared area fails or took too long, or the question has become old. Nothing was given then,
    /// as far as anybody may count on it.
    pub fn ask(&self, question: Question, now: impl Fn() -> Span) -> Result<Claims, WitnessError> {
        let lock_file = self.open_lock()?;
        lock_file.lock().map_err(at(&self.folder))?;
        let locked = now();
        // The lock of the memory is taken second by everybody, and never while the shared area is waited
        // for, as nobody may ask for a question's number in vain.
        let read = self.read()?;
        let (register, granted) = self.decide(read.clone(), question, now())?;
        if read.as_ref() != Some(&register) {
            self.write(&register, || {
                now().saturating_sub(locked) <= LOCKED_MAX && self.is_newest(question)
            })?;
        }
        drop(lock_file);
        Ok(granted)
    }

    /// The file of the lock, made with its folder where there is none yet.
    fn open_lock(&self) -> Result<File, WitnessError> {
        let path = self.folder.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let opened = match options.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(&self.folder).map_err(at(&self.folder))?;
                options.open(&path)
            }
            opened => opened,
        };
        opened.map_err(at(&path))
    }

    fn is_newest(&self, question: Question) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.asked == question.number
    }

    /// The register after the question, and the votes that it gives. `read` is none for a register that is
    /// missing or broken.
    fn decide(
        &self,
        read: Option<Register>,
        question: Question,
        now: Span,
    ) -> Result<(Register, Claims), WitnessError> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.asked != question.number {
            return Err(WitnessError::Old);
        }
        let mut register = read.unwrap_or_else(|| Register {
            born: birth(),
            serial: 0,
            settled: false,
            votes: Vec::new(),
        });
        memory.look(&register, now);
        let me = self.me.index();
        register.votes.retain(|vote| {
            let is_wanted = |claim| question.claims.contains(claim);
            // A vote for nothing that there is was not written by this program.
            vote.claim()
                .is_some_and(|claim| vote.holder != me || is_wanted(claim))
        });
        if !register.settled {
            register.settled = now.saturating_sub(memory.since) >= self.term;
        }
        if !register.settled {
            return Ok((register, Claims::NONE));
        }
        let mut granted = Claims::NONE;
        for claim in question.claims.iter_after(self.me) {
            if self.take(&mut register, &mut memory, claim, now) {
                granted = granted.with(claim);
            }
        }
        Ok((register, granted))
    }

    /// Gives this server the vote for `claim`, or renews it, unless another one has it.
    fn take(&self, register: &mut Register, memory: &mut Memory, claim: Claim, now: Span) -> bool {
        let me = self.me.index();
        let found = register
            .votes
            .iter()
            .find(|vote| vote.claim() == Some(claim));
        let has_ended = |vote: &Vote| {
            memory.votes.get(&claim).is_some_and(|(serial, since)| {
                *serial == vote.serial && now.saturating_sub(*since) >= self.term
            })
        };
        if found.is_some_and(|vote| vote.holder != me && !has_ended(vote)) {
            return false;
        }
        register.votes.retain(|vote| vote.claim() != Some(claim));
        register.serial += 1;
        register.votes.push(Vote {
            image: matches!(claim, Claim::Image(_)),
            function: claim.function().index(),
            holder: me,
            serial: register.serial,
        });
        true
    }

    /// The register in the file; none when it is missing, or nothing that this program wrote.
    fn read(&self) -> Result<Option<Register>, WitnessError> {
        let path = self.register();
        // Room for a usual register, which is then read at once.
        let mut text = Vec::with_capacity(BYTES_USUAL);
        match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
            Ok(file) => file
                .take(BYTES_MAX)
                .read_to_end(&mut text)
                .map_err(at(&path))?,
        };
        Ok(serde_json::from_slice(&text).ok())
    }

    /// Puts a new register in the place of the old one, if `still` says so just before.
    fn write(&self, register: &Register, still: impl Fn() -> bool) -> Result<(), WitnessError> {
        let path = self.register();
        // One name for each server: what it left when it died is overwritten.
        let new = self.folder.join(format!("register.{}", self.me.index()));
        let text = serde_json::to_vec(register).map_err(|error| at(&new)(error.into()))?;
        let mut file = File::create(&new).map_err(at(&new))?;
        file.write_all(&text)
            .and_then(|()| file.sync_all())
            .map_err(at(&new))?;
        if !still() {
            return Err(WitnessError::TooLong);
        }
        fs::rename(&new, &path).map_err(at(&path))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(at(&self.folder))
    }

    fn register(&self) -> PathBuf {
        self.folder.join("register")
    }
}

impl Memory {
    /// Notes what the register says at `now`, an instant after it was read.
    fn look(&mut self, register: &Register, now: Span) {
        if self.born != register.born {
            self.born.clone_from(&register.born);
            self.since = now;
            self.votes.clear();
        }
        let votes = register.votes.iter();
        let seen = votes.filter_map(|vote| {
            let claim = vote.claim()?;
            let known = self.votes.get(&claim).copied();
            let known = known.filter(|(serial, _)| *serial == vote.serial);
            Some((claim, known.unwrap_or((vote.serial, now))))
        });
        self.votes = seen.collect();
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> WitnessError {
    let path = path.to_owned();
    move |source| WitnessError::Io { path, source }
}

/// A name that no other register has, from the kernel's dice.
fn birth() -> String {
    let dice = fs::read_to_string("/proc/sys/kernel/random/uuid");
    dice.map_or_else(
        |_| crate::clock::since_boot().as_nanos().to_string(),
        |text| text.trim().to_owned(),
    )
}

#[cfg(test)]
mod tests;
