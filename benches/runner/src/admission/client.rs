//! A client of HTTP/1.1 over unix sockets and TLS, blocking, with one request at a time: all servers are asked by it.

use std::io::{BufRead, BufReader, Read, Write};

use anyhow::{Context, Result, ensure};

/// An open connection.
pub trait Connection: Send {
    /// Sends a request that is written out already, and returns the body of its answer.
    fn post(&mut self, request: &[u8]) -> Result<Vec<u8>>;
}

impl<S: Read + Write + Send> Connection for BufReader<S> {
    fn post(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.get_mut().write_all(request)?;
        self.get_mut().flush()?;
        let mut line = String::new();
        self.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200 "), "the answer is {line:?}");
        let mut length = None;
        loop {
            line.clear();
            ensure!(self.read_line(&mut line)? > 0, "the answer ends in its head");
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        // Both the daemon and Go's server know the length of a short answer.
        let mut body = vec![0; length.context("the answer has no length")?];
        self.read_exact(&mut body)?;
        Ok(body)
    }
}
