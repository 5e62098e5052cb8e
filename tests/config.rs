//! A configuration from files and edits: what is merged, what is refused, and how a refusal reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod config {
    mod layers;
    mod ranges;
}
