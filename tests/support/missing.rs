//! Tests that need something which not every machine has.

/// Whether this is continuous integration, which leaves no test out.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Says that a test is left out and `why`. In continuous integration, where nothing may be missing, the test fails instead.
pub fn leave_out(why: &str) {
    assert!(!in_ci(), "{why}, and with CI=true every test has to run");
    eprintln!("left out: {why}");
}
