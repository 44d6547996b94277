//! Writes down what ICU4X says of every code point, in little space.

// Part of the shared code is for the reader alone.
#![allow(dead_code)]

#[path = "src/odds.rs"]
mod odds;
#[path = "src/recent.rs"]
mod recent;
#[path = "src/table.rs"]
mod table;
#[path = "build/unicode.rs"]
mod unicode;
#[path = "build/writer.rs"]
mod writer;

use std::path::PathBuf;
use std::{env, fs, io};

use crate::table::Table;
use crate::writer::Writer;

fn main() -> io::Result<()> {
    for path in ["build.rs", "build", "src/odds.rs", "src/recent.rs", "src/table.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let mut writer = Writer::new(unicode::numbers());
    Table::read(&mut writer);
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("table.bin"), writer.finish())
}
