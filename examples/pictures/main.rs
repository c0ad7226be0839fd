//! Takes the pictures and the film of the documentation from the real program: runs it in a terminal, types, and writes
//! what it shows.
//!
//! ```text
//! cargo run --example pictures -- assets [NAME...]
//! ```
#![allow(clippy::print_stderr)]

mod film;
mod recorder;
mod scenes;
mod svg;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use recorder::Recorder;
use scenes::{FILM, SCENES};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let assets = PathBuf::from(arguments.next().unwrap_or_else(|| "assets".into()));
    let wanted: Vec<String> = arguments.collect();
    let wants = |file: &str| wanted.is_empty() || wanted.iter().any(|name| file.contains(name.as_str()));
    let program = std::env::var_os("CKS_LAB").map_or_else(binary, |path| Ok(PathBuf::from(path)))?;
    for scene in SCENES.iter().filter(|scene| wants(scene.file)) {
        let home = tempfile::tempdir()?;
        let mut recorder = Recorder::start(&program, home.path(), scene)?;
        recorder.play(scene.steps).with_context(|| scene.file)?;
        let picture = svg::still(&recorder.screen, scene.columns, scene.rows, scene.palette);
        write(&assets.join(scene.file), &picture)?;
    }
    if wants(FILM.file) {
        let home = tempfile::tempdir()?;
        let mut recorder = Recorder::start(&program, home.path(), &FILM)?;
        recorder.play(FILM.steps).with_context(|| FILM.file)?;
        let (events, seconds) = (&recorder.events, recorder.seconds());
        write(&assets.join("demo.cast"), &film::cast(&FILM, events, seconds)?)?;
        write(&assets.join("demo.svg"), &film::svg(&FILM, events, seconds, seconds, FILM.palette)?)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    eprintln!("wrote {}, {} bytes", path.display(), text.len());
    Ok(())
}

/// The program beside which this example was built.
fn binary() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.ancestors().nth(2).context("no target directory")?.join("cks-lab");
    if !path.exists() {
        bail!("{} is not there; run `cargo build` first", path.display());
    }
    Ok(path)
}
