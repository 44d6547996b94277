//! The rules as one WebAssembly module with two bindings: `js` for JavaScript, through wasm-bindgen, and `component`
//! for hosts of the component model. Both are thin: every answer comes from crate `pullgate`.
//!
//! Only `cargo xtask module` can build it, since the two bindings need two tools in the right order.

mod component;
mod js;
