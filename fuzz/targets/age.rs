//! libFuzzer's entry to [`broker_courier_fuzz::age`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| broker_courier_fuzz::age(data));
