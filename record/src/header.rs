//! The beginning of a record: whose inputs these are, under which settings.

use std::io::Read;

use tetrarch_core::{
    Config, Damping, Failback, Life, Members, Safety, ServerId, Span, Timing, Version,
};

use crate::VERSION;
use crate::bytes::{Buffer, take, take_byte};
use crate::error::{ReadError, WriteError};
use crate::reader::fill;

/// The longest version of the software that a record keeps, in bytes.
pub const SOFTWARE_BYTES_MAX: usize = 64;

const MAGIC: &[u8; 8] = b"TETRAREC";
const FRONT_BYTES: usize = MAGIC.len() + 2 + 2;
const CHECKSUM_BYTES: usize = 4;
const SPANS: usize = 11;
const POLICY_BYTES: usize = 1 + 8 + 1 + 1 + 3 * 8;
const SETTINGS_BYTES_MIN: usize = 10 + POLICY_BYTES + SPANS * 8 + 1;
const SETTINGS_BYTES_MAX: usize = SETTINGS_BYTES_MIN + SOFTWARE_BYTES_MAX;
const HEADER_BYTES_MAX: usize = FRONT_BYTES + SETTINGS_BYTES_MAX + CHECKSUM_BYTES;

/// What is wrong with a header whose parts do not add up to the length that it states.
const LENGTH: &str = "no header has the length that it states";

/// What the header of a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) config: Config,
    pub(crate) software: String,
}

/// A header as bytes, and the checksum that the first frame's continues.
pub(crate) struct Encoded {
    pub(crate) bytes: Buffer<HEADER_BYTES_MAX>,
    pub(crate) checksum: u32,
}

fn is_software(text: &str) -> bool {
    // Printable, because it comes from a file and goes to a terminal.
    (1..=SOFTWARE_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

fn spans(timing: &Timing) -> [Span; SPANS] {
    [
        timing.inter_monitoring,
        timing.reexamination_wait,
        timing.judgement_max,
        timing.hand_off,
        timing.poll_pause,
        timing.sync_grace,
        timing.join_wait,
        timing.examination_max,
        timing.job_max,
        timing.lease_term,
        timing.lease_margin,
    ]
}

fn timing(spans: [Span; SPANS]) -> Timing {
    let [
        inter_monitoring,
        reexamination_wait,
        judgement_max,
        hand_off,
        poll_pause,
        sync_grace,
        join_wait,
        examination_max,
        job_max,
        lease_term,
        lease_margin,
    ] = spans;
    Timing {
        inter_monitoring,
        reexamination_wait,
        judgement_max,
        hand_off,
        poll_pause,
        sync_grace,
        join_wait,
        examination_max,
        job_max,
        lease_term,
        lease_margin,
    }
}

const POLICY: &str = "its failback policy is unknown";

/// Failback as a kind and a span, damping as a flag and its four values; what there is not is zero.
fn put_policy(bytes: &mut Buffer<HEADER_BYTES_MAX>, config: &Config) {
    let (kind, delay) = match config.failback() {
        Failback::Automatic => (0, Span::ZERO),
        Failback::Delayed(delay) => (1, delay),
        Failback::Manual => (2, Span::ZERO),
    };
    bytes.put(&[kind]);
    bytes.put(&delay.as_nanos().to_le_bytes());
    let damping = config.damping();
    let values = damping.map_or((0, [Span::ZERO; 3]), |damping| {
        let spans = [damping.window, damping.hold, damping.hold_max];
        (damping.recoveries_max, spans)
    });
    bytes.put(&[u8::from(damping.is_some()), values.0]);
    for span in values.1 {
        bytes.put(&span.as_nanos().to_le_bytes());
    }
}

/// Strict: what is not there must be zero.
fn policy(bytes: &mut &[u8]) -> Option<(Failback, Option<Damping>)> {
    let kind = take_byte(bytes)?;
    let failback = match (kind, span(bytes)?) {
        (0, Span::ZERO) => Failback::Automatic,
        (1, delay) => Failback::Delayed(delay),
        (2, Span::ZERO) => Failback::Manual,
        _ => return None,
    };
    let [is_damped, recoveries_max] = take(bytes)?;
    let damping = Damping {
        recoveries_max,
        window: span(bytes)?,
        hold: span(bytes)?,
        hold_max: span(bytes)?,
    };
    let none = Damping {
        recoveries_max: 0,
        window: Span::ZERO,
        hold: Span::ZERO,
        hold_max: Span::ZERO,
    };
    match is_damped {
        0 if damping == none => Some((failback, None)),
        1 => Some((failback, Some(damping))),
        _ => None,
    }
}

fn span(bytes: &mut &[u8]) -> Option<Span> {
    Some(Span::from_nanos(u64::from_le_bytes(take(bytes)?)))
}

/// The place of a safety setting in the table of settings.
const SAFETIES: [Safety; 2] = [Safety::Paper, Safety::Guarded];

pub(crate) fn encode(config: &Config, software: &str) -> Result<Encoded, WriteError> {
    if !is_software(software) {
        return Err(WriteError::Software {
            found: software.to_owned(),
        });
    }
    let mut bytes = Buffer::new();
    bytes.put(MAGIC);
    bytes.put(&VERSION.to_le_bytes());
    let length = SETTINGS_BYTES_MIN + software.len();
    bytes.put(&(length as u16).to_le_bytes());
    bytes.put(&[
        config.me().index() as u8,
        config.size() as u8,
        config.guests_max(),
        match config.safety() {
            Safety::Paper => 0,
            Safety::Guarded => 1,
        },
        config.version().number(),
        config.fenceable().bits(),
    ]);
    bytes.put(&config.life().number().to_le_bytes());
    put_policy(&mut bytes, config);
    for span in spans(config.timing()) {
        bytes.put(&span.as_nanos().to_le_bytes());
    }
    bytes.put(&[software.len() as u8]);
    bytes.put(software.as_bytes());
    let checksum = crc32fast::hash(bytes.as_slice());
    bytes.put(&checksum.to_le_bytes());
    Ok(Encoded { bytes, checksum })
}

/// Reads a header; also gives the checksum that the first frame's continues, and the header's length.
pub(crate) fn read(source: &mut impl Read) -> Result<(Header, u32, u64), ReadError> {
    let mut bytes = [0; HEADER_BYTES_MAX];
    let found = fill(source, &mut bytes[..FRONT_BYTES])?;
    let known = found.min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] || found == 0 {
        return Err(ReadError::NotARecord);
    }
    let short = |expected, found| ReadError::Short { expected, found };
    if found < FRONT_BYTES {
        return Err(short(
            FRONT_BYTES + SETTINGS_BYTES_MIN + CHECKSUM_BYTES,
            found,
        ));
    }
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    if version != VERSION {
        return Err(ReadError::Version { found: version });
    }
    let length = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
    if !(SETTINGS_BYTES_MIN..=SETTINGS_BYTES_MAX).contains(&length) {
        return Err(ReadError::Header(LENGTH));
    }
    let summed = FRONT_BYTES + length;
    let whole = summed + CHECKSUM_BYTES;
    let found = FRONT_BYTES + fill(source, &mut bytes[FRONT_BYTES..whole])?;
    if found < whole {
        return Err(short(whole, found));
    }
    let checksum = crc32fast::hash(&bytes[..summed]);
    if checksum.to_le_bytes() != bytes[summed..whole] {
        return Err(ReadError::Header("its checksum differs"));
    }
    let header = settings(&bytes[FRONT_BYTES..summed])?;
    Ok((header, checksum, whole as u64))
}

fn settings(mut bytes: &[u8]) -> Result<Header, ReadError> {
    let bytes = &mut bytes;
    let short = || ReadError::Header(LENGTH);
    let [me, size, guests_max, safety, version, fenceable] = take(bytes).ok_or_else(short)?;
    let life = Life::new(u32::from_le_bytes(take(bytes).ok_or_else(short)?));
    let (failback, damping) = policy(bytes).ok_or(ReadError::Header(POLICY))?;
    let mut read = [Span::ZERO; SPANS];
    for each in &mut read {
        *each = span(bytes).ok_or_else(short)?;
    }
    let length = take_byte(bytes).ok_or_else(short)?;
    if usize::from(length) != bytes.len() {
        return Err(short());
    }
    let software = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| is_software(text))
        .ok_or(ReadError::Header("its software version is not printable"))?;
    let me = ServerId::new(usize::from(me))
        .ok_or(ReadError::Header("its server's place is beyond the ring"))?;
    let safety = SAFETIES
        .get(usize::from(safety))
        .ok_or(ReadError::Header("its safety setting is unknown"))?;
    let version =
        Version::new(version).ok_or(ReadError::Header("its version of the protocol is unknown"))?;
    let config = Config::new(me, usize::from(size), guests_max, timing(read))?;
    Ok(Header {
        config: config
            .with_safety(*safety)
            .with_failback(failback)
            .with_damping(damping)
            .with_version(version)
            .with_fenceable(Members::from_bits(fenceable))
            .with_life(life),
        software: software.to_owned(),
    })
}
