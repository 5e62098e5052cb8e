//! Damaged input from outside: no input may cause a panic, take long, or use memory out of proportion.

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
