//! Whole training runs, most of them through the command line.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

mod train {
    mod crops;
    mod from_model;
    mod health;
    mod learning;
    mod longer;
    mod memory;
    mod origin;
    mod own_clips;
    mod resume;
    mod sampling;
    mod scores;
    mod several;
    mod streaming;
}
