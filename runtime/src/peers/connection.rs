//! One connection whose other end is known: frames in, frames out, until either fails.

use std::sync::Arc;
use std::time::Duration;

use tetrarch_core::ServerId;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::frame::{Frame, FrameError};
use super::greeting::{Difference, Greeting};
use super::{Arrivals, Asked, HANDSHAKE_MAX, Inner, Reply};

/// How many frames may wait for the network. What does not fit is dropped.
pub(super) const OUTGOING_MAX: usize = 64;

/// How many frames a peer may send at once, and per second over time. A busy group sends a few a
/// second.
const FRAMES_BURST: u32 = 256;
const FRAMES_PER_S: u32 = 64;

/// Why a connection ended.
#[derive(Debug, Error)]
pub(super) enum Ended {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("cannot write: {0}")]
    Write(std::io::Error),
    #[error("it did not greet, or not first")]
    Silent,
    #[error(transparent)]
    Different(#[from] Difference),
    #[error("it is in a life that has ended")]
    Outlived,
    #[error("more than {FRAMES_PER_S} frames a second")]
    Flood,
    #[error("a newer connection has taken its place")]
    Replaced,
}

/// Counts what a peer may still send: a bucket that fills with time.
#[derive(Debug)]
pub(super) struct Allowance {
    frames: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn full(now: Instant) -> Self {
        Self {
            frames: FRAMES_BURST.into(),
            at: now,
        }
    }

    /// Takes one frame out; false when there is none left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.at);
        let filled = self.frames + passed.as_secs_f64() * f64::from(FRAMES_PER_S);
        self.frames = filled.min(FRAMES_BURST.into());
        self.at = now;
        if self.frames < 1.0 {
            return false;
        }
        self.frames -= 1.0;
        true
    }
}

/// Carries frames until the connection ends, and tells why.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Send>(
    inner: &Arc<Inner>,
    arrivals: &Arrivals,
    peer: ServerId,
    stream: S,
) -> Ended {
    let (send, outgoing) = mpsc::channel(OUTGOING_MAX);
    let (mut source, mut sink) = tokio::io::split(stream);
    let greeted = timeout(HANDSHAKE_MAX, greet(inner, &mut source, &mut sink)).await;
    let greeting = match greeted.unwrap_or(Err(Ended::Silent)) {
        Ok(greeting) => greeting,
        Err(ended) => return ended,
    };
    let version = match inner.compare(peer, &greeting) {
        Ok(version) => version,
        Err(difference) => return difference.into(),
    };
    let added = inner.add(peer, send.clone(), version, greeting.life);
    let Some((number, replaced)) = added else {
        return Ended::Outlived;
    };
    let from = Sender {
        peer,
        life: greeting.life,
    };
    let ended = tokio::select! {
        ended = receive(inner, arrivals, from, &mut source, &send) => ended,
        ended = transmit(sink, outgoing) => ended,
        // The end that is waited for is an error: the other half was dropped.
        _ = replaced => Ended::Replaced,
    };
    inner.remove(peer, number);
    ended
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
struct Sender {
    peer: ServerId,
    life: u64,
}

/// Greets, and gives the other side's greeting.
async fn greet<S: AsyncRead + AsyncWrite>(
    inner: &Inner,
    source: &mut ReadHalf<S>,
    sink: &mut WriteHalf<S>,
) -> Result<Greeting, Ended> {
    write(sink, Frame::Greeting(inner.greeting)).await?;
    match Frame::read(source).await? {
        Frame::Greeting(greeting) => Ok(greeting),
        _ => Err(Ended::Silent),
    }
}

async fn write<S: AsyncWrite>(sink: &mut WriteHalf<S>, frame: Frame) -> Result<(), Ended> {
    let written = async {
        sink.write_all(&frame.encode()).await?;
        sink.flush().await
    };
    written.await.map_err(Ended::Write)
}

async fn receive(
    inner: &Arc<Inner>,
    arrivals: &Arrivals,
    from: Sender,
    source: &mut (impl AsyncRead + Unpin),
    answers: &mpsc::Sender<Frame>,
) -> Ended {
    let mut allowance = Allowance::full(Instant::now());
    let Sender { peer, life } = from;
    loop {
        let frame = match Frame::read(source).await {
            Ok(frame) => frame,
            Err(error) => return error.into(),
        };
        if !allowance.take(Instant::now()) {
            return Ended::Flood;
        }
        match frame {
            Frame::Greeting(_) => return Ended::Silent,
            Frame::Message { sequence, message } => {
                if !inner.is_in_order(peer, life, sequence) {
                    continue;
                }
                if let Some(handle) = &*arrivals.handle.borrow() {
                    handle.message(peer, message);
                }
            }
            Frame::Answer { number, done } => inner.answered(peer, number, Reply::Done(done)),
            Frame::Report { number, report } => {
                inner.answered(peer, number, Reply::Report(report));
            }
            Frame::Question { number } => {
                // A driver that does not answer leaves the question open: nothing is known then.
                if let Some(report) = arrivals.report().await {
                    // Whoever asked may ask again.
                    let _ = answers.try_send(Frame::Report { number, report });
                }
            }
            Frame::Ask { number, request } => {
                let asked = Asked {
                    from: peer,
                    request,
                    number,
                    answer: answers.clone(),
                };
                if let Err(refused) = arrivals.asked.try_send(asked) {
                    // The manager then tries its next means, as with any command that is not taken.
                    refused.into_inner().answer(false);
                }
            }
        }
    }
}

async fn transmit<S: AsyncWrite>(
    mut sink: WriteHalf<S>,
    mut outgoing: mpsc::Receiver<Frame>,
) -> Ended {
    while let Some(frame) = outgoing.recv().await {
        if let Err(ended) = write(&mut sink, frame).await {
            return ended;
        }
    }
    Ended::Replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_send_in_bursts_but_not_for_ever() {
        let start = Instant::now();
        let mut allowance = Allowance::full(start);
        let at_once = (0..1000).filter(|_| allowance.take(start)).count();
        assert_eq!(at_once, FRAMES_BURST as usize);
        let later = start + Duration::from_secs(1);
        let then = (0..1000).filter(|_| allowance.take(later)).count();
        assert_eq!(then, FRAMES_PER_S as usize);
        let much_later = start + Duration::from_secs(3600);
        let then = (0..1000).filter(|_| allowance.take(much_later)).count();
        assert_eq!(then, FRAMES_BURST as usize);
    }
}
