//! Fuzzer of [`tetrarch_fuzz_targets::data`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tetrarch_fuzz_targets::data(bytes));
