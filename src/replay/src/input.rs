//! The bytes of one record in chunks of whole lines, decompressed.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use memchr::{memchr, memrchr};
use thiserror::Error;

/// Size of a chunk in bytes.
const CHUNK_BYTES: usize = 1 << 18;

/// Maximum size of a line in bytes, far above that of any record.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// The place of a line: the number of its input, and its number in that input, both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub input: usize,
    pub line: u64,
}

/// The error for a record that cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The input cannot be read, or its gzip data is damaged.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The input is compressed in another format than gzip.
    #[error("it is compressed with {format}, and only gzip is read here: `{program} -dc FILE | pullgate replay ... -`")]
    Compressed {
        /// The format.
        format: &'static str,
        /// The program that decompresses it.
        program: &'static str,
    },
}

/// Compressed formats that log rotation offers beside gzip, by their first bytes.
const OTHER_FORMATS: [(&[u8], &str, &str); 3] =
    [(b"\x28\xb5\x2f\xfd", "Zstandard", "zstd"), (b"\xfd7zXZ\x00", "xz", "xz"), (b"BZh", "bzip2", "bzip2")];

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// The number of bytes by which formats are told apart.
const MAGIC_BYTES: u64 = 6;

/// Whole lines of an input.
pub struct LineChunk {
    /// The lines, each with its line end; the last line of an input may have none.
    pub bytes: Vec<u8>,
    /// The place of the first line.
    pub place: Place,
}

/// An event of reading an input.
pub enum InputEvent {
    /// Whole lines.
    Lines(LineChunk),
    /// A line beyond the maximum length, which is skipped.
    LongLine(Place),
    /// The end of compressed data that is cut off.
    CutOff(Place),
}

/// Reads an input in chunks of whole lines.
pub struct ChunkReader {
    stream: Box<dyn Read>,
    consumed: Rc<Cell<u64>>,
    place: Place,
    /// The beginning of a line.
    pending: Vec<u8>,
    /// True while the rest of a long line is skipped.
    is_skipping: bool,
    is_at_end: bool,
}

impl ChunkReader {
    /// Begins to read an input; gzip is recognized by its content.
    pub fn new(input: usize, stream: impl Read + 'static) -> Result<Self, ReadError> {
        let consumed = Rc::<Cell<u64>>::default();
        let mut stream = CountingReader { stream, consumed: Rc::clone(&consumed) };
        let mut head = Vec::new();
        stream.by_ref().take(MAGIC_BYTES).read_to_end(&mut head)?;
        if let Some((_, format, program)) = OTHER_FORMATS.iter().find(|(magic, ..)| head.starts_with(magic)) {
            return Err(ReadError::Compressed { format, program });
        }
        let is_gzip = head.starts_with(GZIP_MAGIC);
        let stream = Cursor::new(head).chain(stream);
        let stream: Box<dyn Read> = match is_gzip {
            true => Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK_BYTES, stream))),
            false => Box::new(stream),
        };
        let place = Place { input, line: 0 };
        Ok(Self { stream, consumed, place, pending: Vec::new(), is_skipping: false, is_at_end: false })
    }

    /// Returns the number of bytes of the input that are read, before decompression.
    pub fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// Reads on; `None` at the end.
    pub fn next_event(&mut self) -> Result<Option<InputEvent>, ReadError> {
        while !self.is_at_end {
            let start = self.pending.len();
            self.pending.resize(start + CHUNK_BYTES, 0);
            let read = read_full(&mut self.stream, &mut self.pending[start..]);
            let (count, is_cut_off) = match read {
                Ok(count) => (count, false),
                Err((count, error)) if error.kind() == io::ErrorKind::UnexpectedEof => (count, true),
                Err((_, error)) => return Err(error.into()),
            };
            self.pending.truncate(start + count);
            self.is_at_end = is_cut_off || count < CHUNK_BYTES;
            if is_cut_off {
                // The lines before it are complete, and are the next event.
                let place = self.end_place();
                self.pending.truncate(memrchr(b'\n', &self.pending).map_or(0, |end| end + 1));
                return Ok(Some(InputEvent::CutOff(place)));
            }
            if let Some(event) = self.take_lines(start) {
                return Ok(Some(event));
            }
        }
        if self.is_skipping || self.pending.is_empty() {
            return Ok(None);
        }
        Ok(Some(InputEvent::Lines(self.take_chunk(self.pending.len()))))
    }

    /// Takes the whole lines of what is pending, of which the bytes before `start` have no line end.
    fn take_lines(&mut self, start: usize) -> Option<InputEvent> {
        if self.is_skipping {
            let Some(end) = memchr(b'\n', &self.pending) else {
                self.pending.clear();
                return None;
            };
            self.pending.drain(..=end);
            self.place.line += 1;
            self.is_skipping = false;
        }
        match memrchr(b'\n', self.pending.get(start..).unwrap_or(&self.pending)) {
            Some(_) => {
                let end = memrchr(b'\n', &self.pending).map_or(0, |end| end + 1);
                Some(InputEvent::Lines(self.take_chunk(end)))
            }
            None if self.pending.len() > MAX_LINE_BYTES => {
                self.pending.clear();
                self.is_skipping = true;
                Some(InputEvent::LongLine(self.place))
            }
            None => None,
        }
    }

    fn take_chunk(&mut self, end: usize) -> LineChunk {
        let rest = self.pending.split_off(end);
        let bytes = std::mem::replace(&mut self.pending, rest);
        let chunk = LineChunk { bytes, place: self.place };
        self.place.line += chunk.line_count();
        chunk
    }

    fn end_place(&self) -> Place {
        let lines = memchr::memchr_iter(b'\n', &self.pending).count();
        Place { line: self.place.line + count_of(lines), ..self.place }
    }
}

impl LineChunk {
    /// Returns the number of line ends.
    pub fn line_count(&self) -> u64 {
        count_of(memchr::memchr_iter(b'\n', &self.bytes).count())
    }
}

/// Converts a count.
pub fn count_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Reads until the buffer is full, or to the end. The error comes with the number of bytes before it.
fn read_full(stream: &mut impl Read, buffer: &mut [u8]) -> Result<usize, (usize, io::Error)> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((filled, error)),
        }
    }
    Ok(filled)
}

/// A stream that counts the bytes that were read from it.
struct CountingReader<R> {
    stream: R,
    consumed: Rc<Cell<u64>>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.consumed.set(self.consumed.get() + count_of(count));
        Ok(count)
    }
}
