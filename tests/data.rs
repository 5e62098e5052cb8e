//! From folders of sounds to datasets: scanning, generating, opening, extracting segments (SPEC §6).

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

#[path = "data/bank.rs"]
mod bank;
#[path = "data/finished.rs"]
mod finished;
#[path = "data/generated.rs"]
mod generated;
#[path = "data/layouts.rs"]
mod layouts;
#[path = "data/real.rs"]
mod real;
#[path = "data/scanning.rs"]
mod scanning;
#[path = "data/segments.rs"]
mod segments;
#[path = "data/several.rs"]
mod several;
