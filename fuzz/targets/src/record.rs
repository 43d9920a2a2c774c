//! Any bytes as a record: told what it is, read in bounded memory, and replayed without a panic.

use crc32fast::Hasher;
use tetrarch_core::{Config, Span, Timing};
use tetrarch_record::{End, Proof, Replay, WhatIf, Writer};

use crate::steps::{Bytes, TIMING};

/// The bytes of a header that [`Writer`] makes: its checksum is the last four.
const CHECKSUM_BYTES: usize = 4;

/// The steps of a record that are replayed; more would only be slow.
const STEPS_MAX: u64 = 400;

/// Bytes as a record, as they are or with the checksums that a fuzzer would never guess.
pub fn record(bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else {
        return;
    };
    if how & 1 == 0 {
        replay(rest);
    } else if let Some(file) = with_checksums(rest) {
        replay(&file);
        what_if(&file, usize::from(how >> 1));
    }
}

/// A record with a header, and with frames that have the bodies that `bytes` tell, each after its length.
fn with_checksums(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Bytes(bytes);
    let config = bytes.config()?;
    let mut writer = Writer::new(Vec::new(), &config, "fuzz").ok()?;
    let mut file = writer.sink().clone();
    let (_, checksum) = file.split_last_chunk::<CHECKSUM_BYTES>()?;
    let mut checksum = u32::from_le_bytes(*checksum);
    while let Some(length) = bytes.byte() {
        let body = bytes.take(usize::from(length));
        let start = file.len();
        file.push(body.len() as u8);
        file.extend_from_slice(body);
        let mut hasher = Hasher::new_with_initial(checksum);
        hasher.update(&file[start..]);
        checksum = hasher.finalize();
        file.extend_from_slice(&checksum.to_le_bytes());
    }
    Some(file)
}

/// A record that proves itself to its end is written again byte for byte.
fn replay(file: &[u8]) {
    let Ok(mut replay) = Replay::new(file) else {
        return;
    };
    let Ok(mut writer) = Writer::new(Vec::new(), replay.config(), replay.software()) else {
        panic!("a header that was read cannot be written");
    };
    let mut all_same = true;
    while let Ok(Some(played)) = replay.next_step() {
        assert!(
            writer.input(played.at, &played.input).is_ok(),
            "an entry that was read cannot be written"
        );
        for output in &played.outputs {
            writer.output(output);
        }
        writer.decided(played.deadline);
        all_same &= played.proof == Proof::Same;
        if played.number == STEPS_MAX {
            return;
        }
    }
    if all_same && replay.end() == Some(End::Finished) {
        let Ok(again) = writer.finish() else {
            panic!("a record that was read cannot be finished");
        };
        assert_eq!(again, file);
    }
}

/// Settings that are changed never panic, and unchanged ones never part from the record.
fn what_if(file: &[u8], which: usize) {
    let Ok(replay) = Replay::new(file) else {
        return;
    };
    let mut timing: Timing = TIMING;
    let changed = match which % 5 {
        0 => None,
        1 => Some(&mut timing.inter_monitoring),
        2 => Some(&mut timing.join_wait),
        3 => Some(&mut timing.sync_grace),
        _ => Some(&mut timing.job_max),
    };
    let is_changed = changed.is_some();
    if let Some(span) = changed {
        *span = Span::from_millis(1700);
    }
    let old = *replay.config();
    let Ok(config) = Config::new(old.me(), old.size(), old.guests_max(), timing) else {
        return;
    };
    let mut what_if = WhatIf::new(replay, config);
    for _ in 0..STEPS_MAX {
        match what_if.next_moment() {
            Ok(Some(tetrarch_record::Moment::Diverged(divergence))) => {
                assert!(is_changed, "{divergence:?}");
                assert_ne!(divergence.recorded, divergence.changed);
            }
            Ok(Some(tetrarch_record::Moment::Same(_))) => {}
            Ok(None) | Err(_) => return,
        }
    }
}
