//! Bindings of the component, generated from the WIT.
#![allow(missing_docs, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "pullgate",
    // Requests are passed by reference, without a copy on this side.
    ownership: Borrowing { duplicate_if_necessary: false },
});

pub(crate) use exports::pullgate::policy::{admission, types, validation};
