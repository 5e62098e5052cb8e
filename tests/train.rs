//! Whole training runs, most of them through the command line.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

mod train {
    mod crops;
    mod health;
    mod learning;
    mod memory;
    mod origin;
    mod resume;
    mod sampling;
    mod scores;
    mod several;
    mod streaming;
}
