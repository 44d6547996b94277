//! Properties of the rules over arbitrary bytes. The fuzz targets (`fuzz`) and the tests of this crate call the same
//! functions, so that what fuzzing finds a test repeats.
//!
//! A property panics where it does not hold. It takes any bytes: those that make no input of its kind are an input all
//! the same, or are passed over.

#![forbid(unsafe_code)]

mod cases;
mod certificates;
mod clients;
mod comparisons;
mod decisions;
mod documents;
#[allow(dead_code, reason = "the daemon uses more of them")]
mod frontends;
mod generate;
mod mutation;
mod replays;
mod runtimes;
mod seeds;
mod text;
#[allow(dead_code, reason = "the daemon uses more of them")]
mod util;

pub use cases::CaseGenerator;
pub use mutation::Mutator;

/// A target: a property, and inputs to start from.
pub struct FuzzTarget {
    /// The name, also that of the binary in `fuzz` and of the folder with its regressions.
    pub name: &'static str,
    /// The property.
    pub check: fn(&[u8]),
    /// Returns inputs made of the vectors and of the test certificates.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[FuzzTarget] = &[
    FuzzTarget { name: "entry", check: text::entry, seeds: seeds::entries },
    FuzzTarget { name: "pattern", check: text::pattern, seeds: seeds::patterns },
    FuzzTarget { name: "reference", check: text::reference, seeds: seeds::references },
    FuzzTarget { name: "document", check: documents::document, seeds: seeds::documents },
    FuzzTarget { name: "source", check: documents::source, seeds: seeds::sources },
    FuzzTarget { name: "pem", check: certificates::pem, seeds: seeds::bundles },
    FuzzTarget { name: "certificate", check: certificates::certificate, seeds: seeds::certificates },
    FuzzTarget { name: "decide", check: decisions::decide, seeds: seeds::random },
    FuzzTarget { name: "compare", check: comparisons::compare, seeds: seeds::random },
    FuzzTarget { name: "export", check: runtimes::export, seeds: seeds::random },
    FuzzTarget { name: "import", check: runtimes::import, seeds: seeds::settings },
    FuzzTarget { name: "replay", check: replays::replay, seeds: seeds::records },
    FuzzTarget { name: "docker_request", check: clients::docker_request, seeds: seeds::docker_calls },
    FuzzTarget { name: "admission_review", check: clients::admission_review, seeds: seeds::reviews },
    FuzzTarget { name: "client_hello", check: clients::client_hello, seeds: seeds::hellos },
    FuzzTarget { name: "gate_request", check: clients::gate_request, seeds: seeds::gate_requests },
];

/// Checks an input of a target.
///
/// # Panics
///
/// If the property does not hold, or there is no such target.
pub fn check(target: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|known| known.name == target).expect("the target is in the table");
    (target.check)(data);
}

/// Returns the text that bytes begin with.
fn text_of(data: &[u8]) -> &str {
    data.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}
