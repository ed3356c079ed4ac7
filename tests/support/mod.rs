//! Providers that misbehave, for the tests that show what the gateway makes of it.
#![allow(dead_code, reason = "each test file uses the part it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

pub mod faults;
pub mod faulty_upstream;
