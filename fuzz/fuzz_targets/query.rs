#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| festoon_fuzz::query(bytes));
