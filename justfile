# What .ci/run does, a piece at a time: `just` lists the recipes.

export PATH := env("HOME") + "/.cache/cks-lab/bin/v1.31.0:" + env("HOME") + "/.cargo/bin:" + env("PATH")

[private]
default:
    @just --list

# everything that a change must pass
ci:
    bash .ci/run

# build the stock kubectl that tests compare with
tools:
    hack/tools.sh

# format the code
fmt:
    cargo fmt

# formatting and lints, as CI has them
lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

# the tests; `just test conformance` runs those with that name
test *FILTER:
    cargo test --locked {{ FILTER }}

# the library's documentation
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# licences and duplicate crates (needs cargo-deny)
deny:
    cargo deny check licenses bans

# medians of the numbers in the README
measure:
    hack/measure.sh

# the whole lab beside real API servers: requests a second, memory, ready
bench:
    hack/bench.sh

# the README's pictures and film
pictures:
    hack/pictures.sh
