//! Bytes from outside, damaged in many ways: no input may panic, take long, or take memory out of proportion.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

mod fuzz {
    mod bodies;
    mod corpus;
    mod mutate;
    mod repair;
    mod runner;
    mod seeds;
}
