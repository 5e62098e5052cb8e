//! Tests that need a program or a driver which not every machine has.

/// Returns whether this is continuous integration, which leaves out no test.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Prints that a test is left out and `why`. In continuous integration, where nothing may be missing, the test fails
/// instead.
pub fn leave_out(why: &str) {
    assert!(!in_ci(), "{why}, and with CI=true every test has to run");
    eprintln!("left out: {why}");
}
