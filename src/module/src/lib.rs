//! The rules as one WebAssembly module with two faces: `js` for JavaScript, through wasm-bindgen, and `component` for
//! hosts that speak the component model. Both are thin: what they say comes from the crate `pullgate`.
//!
//! `cargo xtask module` builds it; nothing else can, since the two faces need two tools in the right order.

mod component;
mod js;
