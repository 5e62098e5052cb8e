//! A configuration from files and edits: what is merged, what is refused, and how a refusal reads.

mod config {
    mod layers;
    mod ranges;
}
