#!/usr/bin/env bash
# Measures the sandbox's API server beside the real ones in one run: requests a second by 8 clients, p50 and p99, memory, time to
# ready. Prints the figures and ratios (tests/it/load.rs); builds a release, and the real programs where they are not there yet.
set -eu
cd "$(dirname "$0")/.."
tools=$(hack/tools.sh)
[ -z "$tools" ] || export PATH="$tools:$PATH"
exec cargo test --locked --release --test it load:: -- --ignored --nocapture --test-threads=1
