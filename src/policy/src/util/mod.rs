//! Small parts without rules of their own: a string map, a JSON writer, sorting, strings.

pub mod display;
pub(crate) mod json_writer;
pub(crate) mod sort;
pub(crate) mod string_map;
pub(crate) mod strings;
