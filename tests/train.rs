//! Whole trainings, most of them through the command line.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod train {
    mod learning;
    mod memory;
    mod origin;
    mod program;
    mod resume;
    mod several;
}
