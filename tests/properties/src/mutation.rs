//! Random changes of inputs, for tests without the coverage that libFuzzer has.

use fastrand::Rng;

/// The size of an input that grows no further.
const MAX_BYTES: usize = 8_192;

/// The maximum number of changes of one input.
const MAX_CHANGES: usize = 6;

/// Pieces that decide how a text is read.
const PIECES: &[&str] = &[
    "*",
    "*.",
    ".",
    "..",
    ":",
    "::",
    "/",
    "//",
    "@",
    "#",
    "?",
    "%",
    "[",
    "]",
    "-",
    "_",
    "__",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\"",
    "\\",
    "'",
    "'''",
    ",",
    "{",
    "}",
    "=",
    "http://",
    "https://",
    "xn--",
    "ß",
    "\u{200d}",
    "\u{202e}",
    "\u{feff}",
    "а",
    "docker.io",
    "localhost",
    "10.0.0.1",
    "10.0.0.0/8",
    "2001:db8::1",
    "::ffff:10.1.2.3",
    ":443",
    ":0",
    ":65536",
    "/24",
    "user:hunter2secret@",
    "sha256:",
    "null",
    "true",
    "[]",
    "{}",
    "-----BEGIN CERTIFICATE-----\n",
    "-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\n",
];

/// A source of changed inputs.
pub struct Mutator {
    random: Rng,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// Creates a source that begins with these inputs. The same seed gives the same inputs.
    pub fn new(seeds: Vec<Vec<u8>>, seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), seeds }
    }

    /// Returns the next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..self.random.usize(1..=MAX_CHANGES) {
            self.change(&mut input);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        self.random.choice(&self.seeds).cloned().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let start = self.random.usize(..=input.len());
        let end = start + self.random.usize(..=(input.len() - start).min(16));
        match self.random.u8(..7) {
            0 if start < input.len() => input[start] ^= 1 << self.random.u8(..8),
            1 if start < input.len() => input[start] = self.random.u8(..),
            2 => {
                input.drain(start..end);
            }
            3 => {
                let copy = input[start..end].to_vec();
                let place = self.random.usize(..=input.len());
                input.splice(place..place, copy);
            }
            4 => {
                let other = self.seed();
                let from = self.random.usize(..=other.len());
                let to = from + self.random.usize(..=(other.len() - from).min(64));
                input.splice(start..end, other[from..to].iter().copied());
            }
            _ => {
                let piece = self.random.choice(PIECES).copied().unwrap_or_default();
                input.splice(start..end, piece.bytes());
            }
        }
    }
}
