//! A component that fails on demand: see `guest.wat`.

use std::sync::LazyLock;

use pullgate_host::{Module, WIT};
use sha2::{Digest, Sha256};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub static GUEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut module = wat::parse_str(include_str!("guest.wat")).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("pullgate.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, true).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
});

/// Returns the component as a module.
pub fn guest() -> Module {
    Module::from_component(&GUEST, &digest(&GUEST)).unwrap()
}

pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
