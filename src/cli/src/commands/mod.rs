//! The commands, one module each.

pub mod ca;
pub mod check;
pub mod compare;
pub mod decide;
pub mod doctor;
pub mod export;
pub mod image_verifier;
pub mod import;
pub mod man_page;
pub mod module;
pub mod probe;
pub mod replay;
pub mod serve;
