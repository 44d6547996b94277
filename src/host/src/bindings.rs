//! The component's interface as Rust, made from the WIT.
#![allow(missing_docs, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "pullgate",
    // Requests are handed over as they are, without a copy on this side.
    ownership: Borrowing { duplicate_if_necessary: false },
});

pub(crate) use exports::pullgate::policy::{admission, types, validation};
