//! A DNS server on loopback that misbehaves by the names that it is asked for.
//!
//! Messages are written byte by byte (RFC 1035, section 4), since most of these are none that a library would write.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::daemon::TEST_TIMEOUT;

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
const SOA: u16 = 6;
pub const PTR: u16 = 12;

/// Response codes (RFC 1035, section 4.1.1).
pub const NO_ERROR: u16 = 0;
pub const SERVER_FAILURE: u16 = 2;
pub const NAME_ERROR: u16 = 3;
pub const REFUSED: u16 = 5;

/// Flag of a response whose rest is to be asked for over TCP.
const TRUNCATED: u16 = 0x0200;
/// Flags of a response with recursion.
const RESPONSE: u16 = 0x8180;

/// A question as it arrived.
pub struct Question {
    pub id: u16,
    /// The name in lower case, without the dot at its end.
    pub name: String,
    pub record: u16,
    pub is_tcp: bool,
    /// The number of questions for this server before this one.
    pub number: u32,
    /// The section of the message.
    section: Vec<u8>,
}

/// A record of an answer: name, type, time to live, data.
pub type Record = (String, u16, u32, Vec<u8>);

/// The reaction to a question.
pub enum Reaction {
    Silence,
    /// Messages, one after another, each after a pause. Over TCP each has its length before it.
    Messages(Vec<(Duration, Vec<u8>)>),
    /// Bytes as they are, one by one with a pause before each; over TCP only.
    Trickle(Duration, Vec<u8>),
}

/// A server on a port of both protocols. Its threads end with the test.
pub struct DnsServer {
    pub address: SocketAddr,
    asked: Arc<AtomicU32>,
}

impl DnsServer {
    pub fn start(react: fn(&Question) -> Reaction) -> Self {
        // A port that is free for both protocols.
        let (udp, tcp) = (0..100)
            .find_map(|_| {
                let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
                let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
                Some((udp, tcp))
            })
            .expect("a port is free");
        let server = Self { address: udp.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                let question = Question::parse(&buffer[..length], false, number);
                let udp = udp.try_clone().unwrap();
                thread::spawn(move || match react(&question) {
                    Reaction::Messages(messages) => {
                        for (pause, message) in messages {
                            thread::sleep(pause);
                            // The client may be gone.
                            let _ = udp.send_to(&message, from);
                        }
                    }
                    Reaction::Silence | Reaction::Trickle(..) => {}
                });
            }
        });
        let asked = Arc::clone(&server.asked);
        thread::spawn(move || {
            while let Ok((stream, _)) = tcp.accept() {
                let asked = Arc::clone(&asked);
                // A connection may end at any time.
                thread::spawn(move || serve_connection(stream, &asked, react).unwrap_or_default());
            }
        });
        server
    }

    /// Returns the number of questions so far.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

fn serve_connection(mut stream: TcpStream, asked: &AtomicU32, react: fn(&Question) -> Reaction) -> std::io::Result<()> {
    stream.set_read_timeout(Some(TEST_TIMEOUT))?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message)?;
        let question = Question::parse(&message, true, asked.fetch_add(1, Ordering::Relaxed));
        match react(&question) {
            Reaction::Silence => {}
            Reaction::Messages(messages) => {
                for (pause, message) in messages {
                    thread::sleep(pause);
                    stream.write_all(&u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes())?;
                    stream.write_all(&message)?;
                }
            }
            Reaction::Trickle(pause, bytes) => {
                for byte in bytes {
                    thread::sleep(pause);
                    stream.write_all(&[byte])?;
                }
            }
        }
    }
}

impl Question {
    fn parse(message: &[u8], is_tcp: bool, number: u32) -> Self {
        let (mut name, mut at) = (String::new(), 12);
        while message[at] > 0 {
            let end = at + 1 + usize::from(message[at]);
            let separator = if name.is_empty() { "" } else { "." };
            name = format!("{name}{separator}{}", String::from_utf8_lossy(&message[at + 1..end]).to_lowercase());
            at = end;
        }
        let record = u16::from_be_bytes([message[at + 1], message[at + 2]]);
        let id = u16::from_be_bytes([message[0], message[1]]);
        Self { id, name, record, is_tcp, number, section: message[12..at + 5].to_vec() }
    }

    /// Returns a message for this question with a code and records.
    pub fn response(&self, code: u16, records: &[Record]) -> Vec<u8> {
        message(self.id, RESPONSE | code, &self.section, records)
    }

    /// Returns a message with another id, other flags or another question than it should have.
    pub fn forged(&self, id: u16, flags: u16, name: Option<&str>, records: &[Record]) -> Vec<u8> {
        let section = name.map(|name| [encode(name), self.section[self.section.len() - 4..].to_vec()].concat());
        message(id, flags, section.as_deref().unwrap_or(&self.section), records)
    }

    /// Returns a message that says that there is more over TCP.
    pub fn truncated(&self) -> Vec<u8> {
        message(self.id, RESPONSE | TRUNCATED, &self.section, &[])
    }

    /// Returns that there is no record, which may be kept for a second.
    pub fn nothing(&self, code: u16) -> Vec<u8> {
        let mut text = message(self.id, RESPONSE | code, &self.section, &[]);
        text[9] = 1;
        let data = [encode("test"), encode("test"), [0, 0, 0, 1].repeat(5)].concat();
        push_record(&mut text, &("test".to_owned(), SOA, 1, data));
        text
    }
}

/// Returns a message as a single reaction.
pub fn answer(message: Vec<u8>) -> Reaction {
    Reaction::Messages(vec![(Duration::ZERO, message)])
}

/// Returns a record with an address.
pub fn address(name: &str, ttl: u32, octets: [u8; 4]) -> Record {
    (name.to_owned(), A, ttl, octets.to_vec())
}

/// Returns a record that leads to another name.
pub fn link(name: &str, record: u16, target: &str) -> Record {
    (name.to_owned(), record, 1, encode(target))
}

fn message(id: u16, flags: u16, section: &[u8], records: &[Record]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap_or(u16::MAX);
    let mut text = [id, flags, 1, count, 0, 0].map(u16::to_be_bytes).concat();
    text.extend(section);
    for record in records {
        push_record(&mut text, record);
    }
    text
}

fn push_record(text: &mut Vec<u8>, (name, record, ttl, data): &Record) {
    text.extend(encode(name));
    text.extend([*record, 1].map(u16::to_be_bytes).concat());
    text.extend(ttl.to_be_bytes());
    text.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    text.extend(data);
}

/// Writes a name as labels.
fn encode(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut text: Vec<u8> = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    text.push(0);
    text
}
