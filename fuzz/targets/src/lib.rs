//! What must hold for any bytes.
//!
//! Each function is the target of one fuzzer of the same name, and panics when something does not hold.
//! They live outside the fuzzers' own workspace so that an ordinary test can call them with every file
//! of the committed corpus.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod record;
mod steps;

pub use record::record;
pub use steps::steps;

use std::path::Path;

use tetrarch_core::data::ManagementData;
use tetrarch_core::wire;
use tetrarch_sim::scenario::Scenario;

/// A target: the name of its fuzzer and of its folder in the corpus, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 5] = [
    ("wire", wire),
    ("steps", steps),
    ("data", data),
    ("scenario", scenario),
    ("record", record),
];

/// Bytes as a message: none or one, which is written again byte for byte.
pub fn wire(bytes: &[u8]) {
    if let Ok(message) = wire::decode(bytes) {
        let mut buffer = [0; wire::MESSAGE_BYTES_MAX];
        assert_eq!(wire::encode(&message, &mut buffer), bytes);
    }
}

/// Bytes as management data: refused with words, or the same when it has been written and read again.
pub fn data(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match ManagementData::parse(text) {
        Ok(data) => {
            let written = data.to_string();
            assert_eq!(ManagementData::parse(&written), Ok(data), "{written}");
        }
        Err(error) => assert_one_line(&error.to_string()),
    }
}

/// Bytes as a scenario file: refused with words, or the same when it has been written and read again.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Timing files are looked for in a folder that does not exist, and an absolute path could lead to a
    // device that never ends.
    let names_a_path = ["\"/", "'/", "\\"].iter().any(|start| text.contains(start));
    if names_a_path {
        return;
    }
    let folder = Path::new("no-such-folder");
    match Scenario::parse(text, "fuzzed.toml", folder) {
        Ok(mut scenario) => {
            let written = scenario.to_toml();
            let mut again = Scenario::parse(&written, "written.toml", folder);
            // Where a fault or an expectation stands in its file is no part of what it says.
            for scenario in again.iter_mut().chain([&mut scenario]) {
                scenario.faults.iter_mut().for_each(|fault| fault.line = 0);
                scenario
                    .expects
                    .iter_mut()
                    .for_each(|expect| expect.line = 0);
            }
            assert_eq!(again, Ok(scenario), "{written}");
        }
        Err(error) => assert_one_line(&error.to_string()),
    }
}

fn assert_one_line(text: &str) {
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
}
