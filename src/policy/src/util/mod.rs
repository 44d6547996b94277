//! Utilities without rules of their own: string map, JSON writer, sorting, strings, display safety.

pub mod display;
pub(crate) mod json_writer;
pub(crate) mod sort;
pub(crate) mod string_map;
pub(crate) mod strings;
