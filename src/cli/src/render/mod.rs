//! Answers as text for people.

pub mod decision;
