//! Random sequences of requests against both real releases, at least 2,000 requests each.

use crate::differential::compare;

/// Sequences for each release, of 66 requests each.
const SEQUENCES: usize = 36;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: bash .ci/run runs it"]
async fn random_requests_are_answered_as_by_v1_31() {
    compare("v1.31.0", SEQUENCES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: bash .ci/run runs it"]
async fn random_requests_are_answered_as_by_v1_36() {
    compare("v1.36.3", SEQUENCES).await;
}
