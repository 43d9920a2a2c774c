//! The file server as a shared link: readers at the same time share its rate fairly.

use tetrarch_core::{Members, ServerId, Span, Time};

use crate::parameters::Parameters;

/// Who reads, and what the read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    /// The reading server.
    pub(crate) server: ServerId,
    /// Its life, so that a read of a server that died meanwhile is dropped.
    pub(crate) life: u32,
    /// What goes on when the read is complete.
    pub(crate) purpose: Purpose,
}

/// What a read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The start of a server.
    Boot,
    /// The start of a virtual server, with the rest of the start still to come.
    VirtualServer {
        function: ServerId,
        job: tetrarch_core::JobId,
        rest: Span,
    },
}

/// Work is counted in fractions of a nanosecond at full rate, so that shares of up to 16 readers
/// come out exact: 720 720 is the least common multiple of 1 to 16.
const FRACTIONS: u128 = 720_720;

#[derive(Clone, Debug)]
struct Read {
    reader: Reader,
    left: u128,
}

#[derive(Clone, Debug)]
pub(crate) struct FileServer {
    up: bool,
    /// The servers that do not reach it; their reads stand still.
    cut: Members,
    /// Time at the reference rate becomes time at this server's rate by this factor.
    rate: (u64, u64),
    slowdown: u32,
    reads: Vec<Read>,
    /// Up to when the work done is accounted for.
    at: Time,
    /// Counts changes of the readers or the rate; an announced end with another count is stale.
    change: u32,
}

impl FileServer {
    pub(crate) fn new(parameters: &Parameters) -> Self {
        Self {
            up: true,
            cut: Members::NONE,
            rate: (parameters.link_rate.0, parameters.file_server_rate.0),
            slowdown: 1,
            reads: Vec::new(),
            at: Time::ZERO,
            change: 0,
        }
    }

    /// Up, at its own rate, and without readers, at time zero.
    pub(crate) fn reset(&mut self) {
        self.up = true;
        self.cut = Members::NONE;
        self.slowdown = 1;
        self.reads.clear();
        self.at = Time::ZERO;
        self.change = 0;
    }

    /// Whether `server` gets answers from it.
    pub(crate) const fn answers(&self, server: ServerId) -> bool {
        self.up && !self.cut.contains(server)
    }

    /// From now on `server` does not reach it.
    pub(crate) fn cut(&mut self, now: Time, server: ServerId) {
        self.advance(now);
        self.cut = self.cut.with(server);
        self.change += 1;
    }

    /// Everybody reaches it again.
    pub(crate) fn heal(&mut self, now: Time) {
        if !self.cut.is_empty() {
            self.advance(now);
            self.cut = Members::NONE;
            self.change += 1;
        }
    }

    /// Begins a read that takes `alone` at the reference rate when nobody else reads.
    pub(crate) fn begin(&mut self, now: Time, reader: Reader, alone: Span) {
        self.advance(now);
        let left = u128::from(alone.as_nanos()) * FRACTIONS * u128::from(self.rate.0)
            / u128::from(self.rate.1);
        self.reads.push(Read { reader, left });
        self.change += 1;
    }

    pub(crate) fn set_up(&mut self, now: Time, up: bool) {
        self.advance(now);
        self.up = up;
        self.change += 1;
    }

    pub(crate) fn set_slowdown(&mut self, now: Time, factor: u32) {
        self.advance(now);
        self.slowdown = factor.max(1);
        self.change += 1;
    }

    /// When the next read is complete, and the count of changes that this holds for.
    pub(crate) fn next_end(&self) -> Option<(Time, u32)> {
        let left = self.moving().map(|read| read.left).min()?;
        let wait = (left * self.share()).div_ceil(FRACTIONS);
        let wait = Span::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX));
        Some((self.at + wait, self.change))
    }

    /// Takes a read that is complete, when the announcement is not stale.
    pub(crate) fn take_complete(&mut self, now: Time, change: u32) -> Option<Reader> {
        if change != self.change {
            return None;
        }
        self.advance(now);
        let is_complete = |read: &Read| read.left == 0 && self.answers(read.reader.server);
        let complete = self.reads.iter().position(is_complete)?;
        self.change += 1;
        Some(self.reads.remove(complete).reader)
    }

    /// The reads that go on at this moment.
    fn moving(&self) -> impl Iterator<Item = &Read> {
        let answers = |read: &&Read| self.answers(read.reader.server);
        self.reads.iter().filter(answers)
    }

    fn share(&self) -> u128 {
        self.moving().count() as u128 * u128::from(self.slowdown)
    }

    fn advance(&mut self, now: Time) {
        let elapsed = u128::from((now - self.at).as_nanos());
        self.at = now;
        let share = self.share();
        if share == 0 {
            return;
        }
        let done = elapsed * FRACTIONS / share;
        for read in &mut self.reads {
            if !self.cut.contains(read.reader.server) {
                read.left = read.left.saturating_sub(done);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(place: usize) -> Reader {
        let server = ServerId::new(place).unwrap();
        Reader {
            server,
            life: 0,
            purpose: Purpose::Boot,
        }
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn two_readers_share_the_rate() {
        let mut file_server = FileServer::new(&Parameters::paper());
        file_server.begin(at(0), reader(0), Span::from_millis(1000));
        file_server.begin(at(400), reader(1), Span::from_millis(1000));
        // The first has 600 ms of work left and gets half the rate.
        let (end, change) = file_server.next_end().unwrap();
        assert_eq!(end, at(1600));
        assert_eq!(file_server.take_complete(end, change), Some(reader(0)));
        assert_eq!(file_server.next_end().unwrap().0, at(2000));
    }

    #[test]
    fn a_faster_or_slower_server_scales_the_read_and_a_dead_one_stops_it() {
        let mut parameters = Parameters::paper();
        parameters.file_server_rate.0 *= 2;
        let mut file_server = FileServer::new(&parameters);
        file_server.begin(at(0), reader(0), Span::from_millis(1000));
        assert_eq!(file_server.next_end().unwrap().0, at(500));
        file_server.set_slowdown(at(100), 4);
        assert_eq!(file_server.next_end().unwrap().0, at(1700));
        file_server.set_up(at(100), false);
        assert_eq!(file_server.next_end(), None);
        file_server.set_up(at(9000), true);
        assert_eq!(file_server.next_end().unwrap().0, at(10_600));
    }

    #[test]
    fn a_server_that_is_cut_off_reads_nothing_and_leaves_the_rate_to_the_others() {
        let mut file_server = FileServer::new(&Parameters::paper());
        file_server.begin(at(0), reader(0), Span::from_millis(1000));
        file_server.begin(at(0), reader(1), Span::from_millis(1000));
        // Each has 800 ms of work left at 400 ms.
        file_server.cut(at(400), reader(0).server);
        assert!(!file_server.answers(reader(0).server));
        let (end, change) = file_server.next_end().unwrap();
        assert_eq!(end, at(1200));
        assert_eq!(file_server.take_complete(end, change), Some(reader(1)));
        assert_eq!(file_server.next_end(), None);
        file_server.heal(at(9000));
        assert_eq!(file_server.next_end().unwrap().0, at(9800));
    }

    #[test]
    fn a_stale_announcement_completes_nothing() {
        let mut file_server = FileServer::new(&Parameters::paper());
        file_server.begin(at(0), reader(0), Span::from_millis(10));
        let (end, change) = file_server.next_end().unwrap();
        file_server.begin(at(1), reader(1), Span::from_millis(10));
        assert_eq!(file_server.take_complete(end, change), None);
    }
}
