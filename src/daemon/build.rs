//! Sees that the page is there to be built in.

use std::path::Path;

fn main() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/dist/index.html");
    println!("cargo::rerun-if-changed={}", page.display());
    if !page.exists() {
        println!("cargo::error=`www/dist` has no page: run `cargo xtask web` first");
    }
}
