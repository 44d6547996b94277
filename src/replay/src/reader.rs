//! Reads records: one thread reads and decompresses, the others parse.

use std::io::Read;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::input::{ChunkReader, InputEvent, LineChunk, ReadError};
use crate::report::SkipReason;
use crate::tally::{RecordCounter, RecordedRequests};

/// Maximum number of threads that parse.
const MAX_THREADS: usize = 8;

/// A reader of records, from any number of inputs.
pub struct RecordReader {
    chunks: SyncSender<LineChunk>,
    parsers: Vec<JoinHandle<RecordedRequests>>,
    requests: RecordedRequests,
    lines: u64,
}

impl RecordReader {
    /// Starts the threads that parse. With `admissions_only`, questions that admit nothing are counted and no more.
    pub fn new(admissions_only: bool) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let (chunks, receiver) = sync_channel(2 * threads);
        let receiver = Arc::new(Mutex::new(receiver));
        let parsers = (0..threads).map(|_| {
            let receiver = Arc::clone(&receiver);
            thread::spawn(move || parse_chunks(&receiver, admissions_only))
        });
        Self { chunks, parsers: parsers.collect(), requests: RecordedRequests::default(), lines: 0 }
    }

    /// Reads an input to its end: lines as the daemon writes them, or `journalctl -o json`, perhaps compressed with gzip.
    /// `progress` is called with the bytes of this input and the lines of all inputs that are read.
    ///
    /// # Errors
    ///
    /// If the input cannot be read to its end. Lines that are no records are no error.
    pub fn read(
        &mut self,
        name: &str,
        stream: impl Read + 'static,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(), ReadError> {
        let mut input = ChunkReader::new(self.requests.inputs.len(), stream)?;
        self.requests.inputs.push(name.to_owned());
        while let Some(event) = input.next_event()? {
            match event {
                InputEvent::Lines(chunk) => {
                    self.lines += chunk.line_count();
                    // Without parsers there is one that failed, which `finish` reports.
                    if self.chunks.send(chunk).is_err() {
                        break;
                    }
                }
                InputEvent::LongLine(place) => self.requests.skip(SkipReason::LongLine, place),
                InputEvent::CutOff(place) => self.requests.skip(SkipReason::CutOff, place),
            }
            progress(input.consumed(), self.lines);
        }
        Ok(())
    }

    /// Returns the requests of all inputs.
    pub fn finish(self) -> RecordedRequests {
        drop(self.chunks);
        let parsed = self.parsers.into_iter().map(|parser| parser.join().unwrap_or_else(|panic| resume_unwind(panic)));
        parsed.fold(self.requests, RecordedRequests::merge)
    }
}

fn parse_chunks(chunks: &Mutex<Receiver<LineChunk>>, admissions_only: bool) -> RecordedRequests {
    let mut counter = RecordCounter::new(admissions_only);
    loop {
        let chunk = chunks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match chunk {
            Ok(chunk) => counter.count_lines(&chunk),
            Err(_) => return counter.requests,
        }
    }
}
