//! The functions of `tests/fuzz/bodies.rs` under libFuzzer; `WEAKLABEL_FUZZ` names the kind of input. One program for all kinds,
//! since it takes minutes to build.

#![no_main]

#[path = "../tests/fuzz/bodies.rs"]
mod bodies;
#[path = "../tests/fuzz/repair.rs"]
mod repair;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static BODY: OnceLock<bodies::Body> = OnceLock::new();

/// Chooses the function.
fn begin() {
    let kind = std::env::var("WEAKLABEL_FUZZ").unwrap_or_default();
    let found = bodies::KINDS.into_iter().find(|(name, _)| *name == kind);
    let (_, body) = found.expect("WEAKLABEL_FUZZ names a kind of input");
    BODY.get_or_init(|| body);
}

fuzz_target!(init: begin(), |bytes: &[u8]| {
    bodies::check(*BODY.get().expect("chosen at the beginning"), bytes);
});
