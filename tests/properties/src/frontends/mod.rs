//! The parsers of the daemon, compiled from their files by themselves: the daemon brings wasmtime along, which fuzzing
//! would compile and instrument, too.

pub mod docker;
pub mod gate;
pub mod kubernetes;
