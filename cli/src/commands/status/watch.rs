//! `status --watch`: the screen, its keys, and those who ask for it.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::overview::{FRESH_S_MAX, Overview};

use super::screen::Screen;
use crate::agent_socket::ask;
use crate::args::Exit;
use crate::commands::events::{in_words, unix_ms_now};
use crate::error::CliError;
use crate::output::Output;

/// How often the ring is asked for.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How often keys and signals are looked at, and what was found.
const LOOK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// How long a screen is shown on which nothing changes but ages.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// How far back the events go at the beginning, and how many are kept.
const EVENTS_BACK_MS: u64 = 24 * 3600 * 1000;
const EVENTS_MAX: usize = 1000;

/// How many events a page has.
const PAGE: usize = 10;

/// What those who ask have found.
enum Found {
    Overview(Result<Overview, String>),
    Event(String),
}

/// Shows the ring until somebody ends it.
pub(super) fn run(site: &Path, output: &Output) -> Result<Exit, CliError> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let why = "--watch: expected a terminal; without --watch the status is printed once";
        return Err(CliError::Usage(why.to_owned()));
    }
    // What is wrong with the settings or the socket is said before the screen is taken.
    drop(ask(site, Ask::Status)?);
    let is_over = Arc::new(AtomicBool::new(false));
    // SIGHUP ends this program as it ends any other: there is no terminal to put back then.
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&is_over)).map_err(CliError::Print)?;
    }
    let (tell, found) = channel();
    let wake = ask_on(site, &tell);
    follow_on(site, tell);
    // Panics put the terminal back, too.
    let mut terminal = ratatui::try_init().map_err(CliError::Print)?;
    let mut watch = Watch {
        found,
        wake,
        answered: None,
        failure: None,
        events: VecDeque::new(),
        scrolled: 0,
        has_colour: output.style().colour,
    };
    let ended = watch.show(&mut terminal, &is_over);
    if waited(&Timespec::default()).is_ok_and(|waited| waited == Waited::Gone) {
        // Neither can it be put back, nor complained to.
        core::mem::forget(terminal);
        return Ok(Exit::Fine);
    }
    ratatui::restore();
    ended.map_err(CliError::Print)?;
    Ok(Exit::Fine)
}

/// What waiting for keys came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    /// There are keys, or a signal came: the terminal may have another size.
    Keys,
    /// There are none.
    Nothing,
    /// The terminal has gone. Who still reads from it reads nothing, for ever.
    Gone,
}

/// Waits for keys, for `limit` at most.
fn waited(limit: &Timespec) -> io::Result<Waited> {
    let stdin = io::stdin();
    let mut terminal = [PollFd::new(&stdin, PollFlags::IN)];
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    match poll(&mut terminal, Some(limit)) {
        Ok(0) => Ok(Waited::Nothing),
        Ok(_) if terminal[0].revents().intersects(gone) => Ok(Waited::Gone),
        Ok(_) | Err(Errno::INTR) => Ok(Waited::Keys),
        Err(error) => Err(error.into()),
    }
}

/// Asks for the ring again and again, and at once when it is told to.
fn ask_on(site: &Path, tell: &Sender<Found>) -> Sender<()> {
    let (wake, woken) = channel();
    let (site, tell) = (site.to_owned(), tell.clone());
    thread::spawn(move || {
        loop {
            let found = match overview(&site) {
                Ok(Some(overview)) => Ok(overview),
                Ok(None) => Err("the agent has given no status".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            let is_unheard = tell.send(Found::Overview(found)).is_err();
            let waited = woken.recv_timeout(ASK_EVERY);
            if is_unheard || waited == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    });
    wake
}

fn overview(site: &Path) -> Result<Option<Overview>, CliError> {
    match ask(site, Ask::Ring)?.next().transpose()? {
        Some(Answer::Ring(overview)) => Ok(Some(overview)),
        _ => Ok(None),
    }
}

/// Follows the journal, over restarts of the agent.
fn follow_on(site: &Path, tell: Sender<Found>) {
    let site = site.to_owned();
    thread::spawn(move || {
        let mut since_unix_ms = unix_ms_now().saturating_sub(EVENTS_BACK_MS);
        loop {
            let question = Ask::Journal {
                since_unix_ms,
                follow: true,
            };
            for answer in ask(&site, question).into_iter().flatten() {
                if let Ok(Answer::Entry(entry)) = answer {
                    since_unix_ms = since_unix_ms.max(entry.unix_ms + 1);
                    if tell.send(Found::Event(in_words(&entry))).is_err() {
                        return;
                    }
                }
            }
            thread::sleep(ASK_EVERY);
        }
    });
}

struct Watch {
    found: Receiver<Found>,
    wake: Sender<()>,
    answered: Option<(Instant, Overview)>,
    failure: Option<String>,
    events: VecDeque<String>,
    scrolled: usize,
    has_colour: bool,
}

impl Watch {
    fn show(&mut self, terminal: &mut DefaultTerminal, is_over: &AtomicBool) -> io::Result<()> {
        let mut drawn = None;
        while !is_over.load(Ordering::Relaxed) {
            let is_old = drawn.is_none_or(|at: Instant| at.elapsed() >= DRAW_EVERY);
            if self.take_in() || is_old {
                let screen = self.screen();
                terminal.draw(|frame| screen.draw(frame))?;
                drawn = Some(Instant::now());
            }
            match waited(&LOOK_EVERY)? {
                Waited::Nothing => continue,
                Waited::Gone => break,
                // A key moves the screen, and a terminal of another size needs a new one.
                Waited::Keys => drawn = None,
            }
            while event::poll(Duration::ZERO)? {
                if let Event::Key(key) = event::read()?
                    && self.is_end(key)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes in what was found meanwhile, and tells whether that was anything.
    fn take_in(&mut self) -> bool {
        let mut is_new = false;
        while let Ok(found) = self.found.try_recv() {
            is_new = true;
            match found {
                Found::Overview(Ok(overview)) => {
                    self.answered = Some((Instant::now(), overview));
                    self.failure = None;
                }
                Found::Overview(Err(why)) => self.failure = Some(why),
                Found::Event(event) => {
                    self.events.push_back(event);
                    // Who reads old events is not moved by new ones.
                    if self.scrolled > 0 {
                        self.scroll(1);
                    }
                }
            }
        }
        while self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
        is_new
    }

    fn screen(&self) -> Screen {
        let age = self.answered.as_ref().map(|(at, _)| at.elapsed());
        let age_s = age.map_or(0.0, |age| age.as_secs_f64());
        let overview = self.answered.as_ref().map(|(_, overview)| overview.clone());
        Screen {
            overview: if age_s > FRESH_S_MAX {
                overview.map(Overview::outdated)
            } else {
                overview
            },
            age_s: age_s as u32,
            failure: self.failure.clone(),
            events: self.events.iter().cloned().collect(),
            scrolled: self.scrolled,
            has_colour: self.has_colour,
        }
    }

    fn scroll(&mut self, events: usize) {
        let most = self.events.len().saturating_sub(1);
        self.scrolled = self.scrolled.saturating_add(events).min(most);
    }

    fn is_end(&mut self, key: KeyEvent) -> bool {
        if key.kind != KeyEventKind::Press {
            return false;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
            KeyCode::Char('r') => {
                // A thread that is asking at this moment asks once more after that.
                let _ = self.wake.send(());
            }
            KeyCode::Up => self.scroll(1),
            KeyCode::PageUp => self.scroll(PAGE),
            KeyCode::Down => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::PageDown => self.scrolled = self.scrolled.saturating_sub(PAGE),
            KeyCode::End => self.scrolled = 0,
            _ => {}
        }
        false
    }
}
