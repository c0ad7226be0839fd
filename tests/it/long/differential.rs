//! Random sequences of requests against both real releases, with the plugin on and off, at least 2,000 requests each.

use crate::differential::compare;

/// Sequences for each release and plugin, of 67 requests each.
const SEQUENCES: usize = 30;

macro_rules! random {
    ($($name:ident: $version:literal, $plugin:literal;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "long: bash .ci/run runs it"]
        async fn $name() {
            compare($version, $plugin, SEQUENCES).await;
        })*
    };
}

random! {
    random_requests_are_answered_as_by_v1_31: "v1.31.0", "on";
    random_requests_are_answered_as_by_v1_31_without_the_plugin: "v1.31.0", "off";
    random_requests_are_answered_as_by_v1_36: "v1.36.3", "on";
    random_requests_are_answered_as_by_v1_36_without_the_plugin: "v1.36.3", "off";
}
