//! Writes the seeds of every target as files, for libFuzzer: `cargo run --example seeds -- DIR` makes `DIR/TARGET/N`.

use std::path::PathBuf;
use std::{env, fs, io};

use pullgate_properties::TARGETS;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("there is no folder: write `seeds DIR`"))?;
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
