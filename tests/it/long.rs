//! What takes minutes, so that `cargo test` stays quick: `bash .ci/run` runs it, or
//! `cargo test --test it long:: -- --ignored --show-output`. A test that cannot run here says so on one line.

#![allow(clippy::print_stderr)]

mod audit;
mod breaking;
mod clients;
mod cycles;
mod differential;
mod fuzz;
mod kill_points;
mod kubelet;
mod lessons;
mod live_lessons;
mod live_real;
mod parity;
