#!/usr/bin/env bash
# Takes the documentation's pictures and film anew, from the real program: hack/pictures.sh [NAME...]
# The program is that of CKS_LAB, else this tree's.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --bin cks-lab
cargo build --locked --example pictures
exec "${CARGO_TARGET_DIR:-target}/debug/examples/pictures" assets "$@"
