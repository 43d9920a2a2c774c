//! Until when what may be on this server: a file of the running system, beside the control socket.
//!
//! The agent writes it, at each [`Output::Hold`](tetrarch_core::Output), and the [guard](crate::guard)
//! reads it and ends what has come to its end. Instants in it are `CLOCK_BOOTTIME`, which all programs of a
//! machine share, and the file says of which boot; so it also tells the next agent what the last one
//! was told, and for how long that one may have given votes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tetrarch_core::{Claim, Span};
use tracing::warn;

use crate::clock::since_boot;

/// How far ahead an agent says that it may be giving votes. Until then it need not say so again.
const VOTING_AHEAD: Span = Span::from_secs(2);

/// The name of the file in the folder of the running system.
const FILE: &str = "holds.json";

/// The kernel's name for this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How something that this server may no longer hold is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ending {
    /// The address is taken off whatever interface has it.
    Address(IpAddr),
    /// The virtual server whose sockets are in this folder is killed.
    Kill(PathBuf),
    /// A program of the site's own does it.
    Program {
        /// The program.
        program: PathBuf,
        /// What it is told.
        arguments: Vec<String>,
        /// The folder of the management data, which it finds in its environment.
        data: PathBuf,
    },
}

/// One thing that this server may hold until an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Whether it is an image; otherwise it is an address.
    image: bool,
    /// Whose, by its place in the ring.
    function: usize,
    /// Nanoseconds after the machine's start.
    until_ns: u64,
    /// What is done then.
    ending: Ending,
    /// By which grant it is held.
    #[serde(skip)]
    grant: Grant,
}

/// Tells a hold that was given anew, after the last one had ended or when there was none, from one that only became
/// longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant(u64);

#[cfg(test)]
impl Grant {
    pub(crate) const fn for_tests(number: u64) -> Self {
        Self(number)
    }
}

impl Held {
    /// When it ends, after the machine's start.
    #[must_use]
    pub const fn until(&self) -> Span {
        Span::from_nanos(self.until_ns)
    }

    /// What is done then.
    #[must_use]
    pub const fn ending(&self) -> &Ending {
        &self.ending
    }

    fn is(&self, claim: Claim) -> bool {
        self.image == matches!(claim, Claim::Image(_)) && self.function == claim.function().index()
    }
}

/// What is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The boot in whose time the instants are.
    boot: String,
    /// Until when the management programs may have given votes.
    voting_until_ns: u64,
    /// The same as the file has it, once it was written here.
    #[serde(skip)]
    written_until_ns: u64,
    /// Everything that was ever held in this boot, with its last end.
    held: Vec<Held>,
}

/// What a hold is to whoever has read the file before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The end that he knows of has not come, and he finds the later one when it does.
    Longer,
    /// He has to read the file now.
    New,
}

/// What this server may hold, as its agent keeps it.
#[derive(Debug)]
pub struct Holds {
    path: PathBuf,
    endings: BTreeMap<Claim, Ending>,
    kept: Mutex<Kept>,
    /// The last grant that was given.
    granted: AtomicU64,
    silent: Span,
}

impl Holds {
    /// The holds in `folder`, a folder that does not outlive the running system, or says so by its age. What
    /// an earlier agent was told counts on. `endings` says how each thing that a node may hold is ended.
    ///
    /// # Errors
    ///
    /// When the folder cannot be used.
    pub fn open(folder: &Path, endings: BTreeMap<Claim, Ending>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let boot = boot_id()?;
        let (path, now) = (folder.join(FILE), since_boot());
        let read = read(&path);
        let silent = match &read {
            // Nothing was told since this system started, so nothing ran.
            None => system_age(now).unwrap_or(Span::ZERO),
            Some(kept) if kept.boot == boot => {
                now.saturating_sub(Span::from_nanos(kept.voting_until_ns))
            }
            Some(_) => now,
        };
        let kept = read
            .filter(|kept| kept.boot == boot)
            .unwrap_or_else(|| Kept {
                boot,
                ..Kept::default()
            });
        Ok(Self {
            path,
            endings,
            kept: Mutex::new(kept),
            granted: AtomicU64::new(0),
            silent,
        })
    }

    /// For how long at least no management program has given votes before this value was made.
    #[must_use]
    pub const fn silent(&self) -> Span {
        self.silent
    }

    /// How much longer `claim` may be on this server; none when it may not.
    #[must_use]
    pub fn left(&self, claim: Claim) -> Option<Span> {
        let until = self.lock().find(claim)?.until();
        let now = since_boot();
        (until > now).then(|| until.saturating_sub(now))
    }

    /// Lets this server hold `claim` until an instant after the machine's start.
    pub fn hold(&self, claim: Claim, until: Span) -> Change {
        let Some(ending) = self.endings.get(&claim) else {
            warn!(?claim, "nobody could end this, so it is not held");
            return Change::New;
        };
        let mut kept = self.lock();
        let (known, now) = (kept.find(claim), since_boot());
        let longer = known.filter(|known| now < known.until() && known.until() <= until);
        let grant = longer.map_or_else(
            || Grant(self.granted.fetch_add(1, Ordering::Relaxed) + 1),
            |known| known.grant,
        );
        let is_longer = longer.is_some();
        kept.held.retain(|held| !held.is(claim));
        kept.held.push(Held {
            image: matches!(claim, Claim::Image(_)),
            function: claim.function().index(),
            until_ns: until.as_nanos(),
            ending: ending.clone(),
            grant,
        });
        kept.voting_until_ns = (now + VOTING_AHEAD).as_nanos().max(kept.voting_until_ns);
        self.write(&mut kept, Some(claim));
        if is_longer {
            Change::Longer
        } else {
            Change::New
        }
    }

    /// By which grant `claim` is held, or was last.
    #[must_use]
    pub fn grant(&self, claim: Claim) -> Grant {
        let kept = self.lock();
        kept.find(claim).map_or(Grant::default(), |held| held.grant)
    }

    /// `claim` is known to be off this server, by something that began under `grant`: nothing is left to end. A virtual
    /// server that has dropped its address and is being suspended would else be killed at the end of the address.
    /// A hold that was given since is for what comes next, and stays.
    pub fn is_off(&self, claim: Claim, grant: Grant) {
        let mut kept = self.lock();
        let before = kept.held.len();
        kept.held
            .retain(|held| !held.is(claim) || held.grant != grant);
        if kept.held.len() < before {
            self.write(&mut kept, None);
        }
    }

    /// Notes, before the node is told anything at `now`, that it may give votes. False when the file does not
    /// say so: the next agent would count votes as ended that were given then.
    pub fn living(&self, now: Span) -> bool {
        let mut kept = self.lock();
        if kept.voting_until_ns < now.as_nanos() {
            kept.voting_until_ns = (now + VOTING_AHEAD).as_nanos();
            self.write(&mut kept, None);
        }
        kept.voting_until_ns >= now.as_nanos()
    }

    /// Writes what is kept. What cannot be written is not held, as nobody else could end it, and no vote
    /// may be given by it.
    fn write(&self, kept: &mut Kept, new: Option<Claim>) {
        match write(&self.path, kept) {
            Ok(()) => kept.written_until_ns = kept.voting_until_ns,
            Err(why) => {
                warn!(%why, path = %self.path.display(), "holds cannot be written");
                kept.voting_until_ns = kept.written_until_ns;
                kept.held
                    .retain(|held| !new.is_some_and(|claim| held.is(claim)));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // The value is whole whoever panicked while it was held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn find(&self, claim: Claim) -> Option<&Held> {
        self.held.iter().find(|held| held.is(claim))
    }
}

/// What is held by the file in `folder`, with its ends in the boot called `boot`; nothing when there is no file.
///
/// # Errors
///
/// When the file cannot be read, or is not what an agent writes.
pub fn held(folder: &Path, boot: &str) -> io::Result<Vec<Held>> {
    match fs::read(folder.join(FILE)) {
        Ok(text) => {
            let kept: Kept = serde_json::from_slice(&text)?;
            let is_ours = kept.boot == boot;
            Ok(if is_ours { kept.held } else { Vec::new() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> Option<Kept> {
    let text = fs::read(path).ok()?;
    serde_json::from_slice(&text)
        .inspect_err(|why| warn!(%why, path = %path.display(), "holds cannot be read"))
        .ok()
}

/// By one rename, so that whoever reads finds all or nothing. It is not synchronised: a machine that loses
/// its power loses what it held.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, serde_json::to_vec(kept)?)?;
    fs::rename(&new, path)
}

/// The kernel's name for this boot.
///
/// # Errors
///
/// When the kernel does not tell.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string(BOOT_ID)?.trim().to_owned())
}

/// For how long the running system has been on: a container's is younger than its machine's.
fn system_age(now: Span) -> Option<Span> {
    let text = fs::read_to_string("/proc/1/stat").ok()?;
    // The name in brackets may hold blanks; the fields behind it do not, and the 20th of them is
    // the start in hundredths of a second (proc_pid_stat(5)).
    let fields = text.rsplit_once(')')?.1;
    let start: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    Some(now.saturating_sub(Span::from_millis(
        start.saturating_add(1).saturating_mul(10),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tetrarch_core::ServerId;

    fn own() -> Claim {
        Claim::Address(ServerId::new(0).unwrap())
    }

    fn open(folder: &Path) -> Holds {
        let ending = Ending::Address("10.0.0.201".parse().unwrap());
        Holds::open(folder, [(own(), ending)].into()).unwrap()
    }

    fn on_file(folder: &Path) -> Vec<Held> {
        held(folder, &boot_id().unwrap()).unwrap()
    }

    #[test]
    fn what_was_held_is_told_to_the_next_agent() {
        let folder = tempfile::tempdir().unwrap();
        let holds = open(folder.path());
        assert_eq!(holds.left(own()), None);
        holds.hold(own(), since_boot() + Span::from_secs(1000));
        assert!(holds.left(own()) > Some(Span::from_secs(900)));
        drop(holds);
        assert!(open(folder.path()).left(own()) > Some(Span::from_secs(900)));
        let held = on_file(folder.path());
        assert_eq!(held.len(), 1);
        assert!(held[0].until() > since_boot());
        open(folder.path()).hold(own(), since_boot());
        assert_eq!(open(folder.path()).left(own()), None);
    }

    #[test]
    fn nothing_is_left_to_end_of_what_is_known_to_be_off() {
        let folder = tempfile::tempdir().unwrap();
        let holds = open(folder.path());
        holds.hold(own(), since_boot() + Span::from_secs(1000));
        holds.is_off(own(), holds.grant(own()));
        assert_eq!(holds.left(own()), None);
        assert!(on_file(folder.path()).is_empty());
    }

    #[test]
    fn a_hold_that_came_meanwhile_is_not_dropped_with_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let holds = open(folder.path());
        let end = since_boot() + Span::from_secs(1000);
        holds.hold(own(), end);
        let grant = holds.grant(own());
        // One that only became longer is the same.
        holds.hold(own(), end + Span::from_secs(1));
        assert_eq!(holds.grant(own()), grant);
        // It ends, something is taken off for that, and the next one comes before that is done.
        holds.hold(own(), since_boot());
        let ended = holds.grant(own());
        holds.hold(own(), end);
        holds.is_off(own(), ended);
        assert!(holds.left(own()).is_some());
        holds.is_off(own(), holds.grant(own()));
        assert_eq!(holds.left(own()), None);
    }

    #[test]
    fn what_nobody_could_end_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let holds = open(folder.path());
        let image = Claim::Image(ServerId::new(1).unwrap());
        holds.hold(image, Span::MAX);
        assert_eq!(holds.left(image), None);
        // The file cannot be written any more.
        fs::remove_dir_all(folder.path()).unwrap();
        holds.hold(own(), Span::MAX);
        assert_eq!(holds.left(own()), None);
    }

    #[test]
    fn an_agent_that_ran_until_just_now_was_not_silent() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path());
        assert!(
            first.silent() > Span::ZERO,
            "this system is older than this test"
        );
        assert!(first.living(since_boot()));
        drop(first);
        assert_eq!(open(folder.path()).silent(), Span::ZERO);
    }

    #[test]
    fn no_votes_are_given_that_the_next_agent_would_not_know_of() {
        let folder = tempfile::tempdir().unwrap();
        let holds = open(folder.path());
        let start = since_boot();
        assert!(holds.living(start));
        // A folder in the place of the new file: it cannot be written any more.
        fs::create_dir(folder.path().join("holds.new")).unwrap();
        assert!(holds.living(start + VOTING_AHEAD));
        let later = start + VOTING_AHEAD.times(2);
        assert!(!holds.living(later));
        assert!(
            !holds.living(later),
            "it was not noted the second time either"
        );
        fs::remove_dir(folder.path().join("holds.new")).unwrap();
        assert!(holds.living(later));
        let silent = open(folder.path()).silent();
        assert_eq!(silent, Span::ZERO);
    }

    #[test]
    fn whoever_has_read_the_file_is_told_of_what_he_cannot_know() {
        let folder = tempfile::tempdir().unwrap();
        let holds = open(folder.path());
        let end = since_boot() + Span::from_secs(1000);
        assert_eq!(holds.hold(own(), end), Change::New);
        assert_eq!(holds.hold(own(), end + Span::from_secs(1)), Change::Longer);
        assert_eq!(holds.hold(own(), end), Change::New);
        holds.is_off(own(), holds.grant(own()));
        assert_eq!(holds.hold(own(), end), Change::New);
        // The end that was known has come, and nobody looks out for the next one.
        assert_eq!(holds.hold(own(), since_boot()), Change::New);
        assert_eq!(holds.hold(own(), end), Change::New);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let boot = boot_id().unwrap();
        assert!(held(folder.path(), &boot).unwrap().is_empty());
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(held(folder.path(), &boot).is_err());
    }

    #[test]
    fn what_another_boot_was_told_counts_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let holds = open(folder.path());
        assert!(holds.living(since_boot()));
        holds.hold(own(), Span::MAX);
        let path = folder.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        let boot = boot_id().unwrap();
        fs::write(&path, text.replace(&boot, "another")).unwrap();
        let next = open(folder.path());
        assert_eq!(next.left(own()), None);
        assert!(next.silent() > Span::ZERO);
        assert!(on_file(folder.path()).is_empty());
    }
}
