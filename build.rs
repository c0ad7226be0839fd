//! Turns the texts of `assets/text` into code, so that a key that is not there does not compile.

#[path = "build/catalogue.rs"]
mod catalogue;

use std::path::{Path, PathBuf};

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=assets/text");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/catalogue.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("texts.rs");
    let code = catalogue::compile(&catalogue::read(Path::new("assets/text"))?)?;
    std::fs::write(&out, code).map_err(|e| format!("{}: {e}", out.display()))
}
