//! How long every bench here measures: short, for they compare and do not certify.

use std::time::Duration;

use criterion::Criterion;

/// Seconds a bench, not minutes.
pub fn quick() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(300))
}
