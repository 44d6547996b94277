//! The ClientHello of a TLS connection (RFC 8446, section 4.1.2), read for the name that it asks for.
//!
//! A tunnel ends at the host that the policy allowed, and a server there may serve other hosts too: the name in the
//! ClientHello chooses among them. What this parser does not understand is refused, not passed on.

use thiserror::Error;

/// Maximum number of bytes read for a ClientHello, records included. Post-quantum key shares take some 2 KiB.
pub const MAX_HELLO_BYTES: usize = 64 << 10;

/// Content type of handshake records (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Maximum size of the fragment of a record (RFC 8446, section 5.1).
const MAX_FRAGMENT_BYTES: usize = 1 << 14;

/// Type of the message (RFC 8446, section 4).
const CLIENT_HELLO: u8 = 1;

/// The `server_name` extension (RFC 6066, section 3).
const SERVER_NAME: u16 = 0;

/// The `encrypted_client_hello` extension (RFC 9849), and its predecessor `encrypted_server_name`.
const ENCRYPTED_HELLO: [u16; 2] = [0xfe0d, 0xffce];

/// The type of a DNS host name in `server_name`.
const HOST_NAME: u8 = 0;

/// A ClientHello that is refused. The texts are human-readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HelloError {
    /// The first bytes are no TLS handshake.
    #[error("the client does not begin TLS in the tunnel")]
    NotTls,
    /// The message breaks the rules of TLS.
    #[error("the client's TLS hello is malformed")]
    Malformed,
    /// The message is longer than is read.
    #[error("the client's TLS hello has more than {MAX_HELLO_BYTES} bytes")]
    TooLong,
    /// The name is encrypted.
    #[error("the client encrypts the name that it asks for: turn Encrypted Client Hello off")]
    Encrypted,
}

/// The parts of a ClientHello that a tunnel checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The name of `server_name`, if the extension is there.
    pub server_name: Option<String>,
}

/// Parses a ClientHello from the first bytes of a connection; none if more bytes are needed.
///
/// # Errors
///
/// If the bytes begin no ClientHello that a tunnel may pass on.
pub fn parse_client_hello(bytes: &[u8]) -> Result<Option<ClientHello>, HelloError> {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        let fragment = match next_fragment(rest)? {
            Some((fragment, after)) => {
                rest = after;
                fragment
            }
            None if bytes.len() >= MAX_HELLO_BYTES => return Err(HelloError::TooLong),
            None => return Ok(None),
        };
        message.extend_from_slice(fragment);
        let [kind, high, middle, low, body @ ..] = message.as_slice() else { continue };
        if *kind != CLIENT_HELLO {
            return Err(HelloError::NotTls);
        }
        let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        if length > MAX_HELLO_BYTES {
            return Err(HelloError::TooLong);
        }
        match body.len() {
            // Another message in the record of the first one is none that a client can send yet.
            read if read > length => return Err(HelloError::Malformed),
            read if read == length => return parse_body(body).map(Some),
            _ => {}
        }
    }
}

/// A fragment of a record, and what follows it.
type Fragment<'a> = (&'a [u8], &'a [u8]);

/// Splits the fragment of the first record off; none if it is not complete.
fn next_fragment(bytes: &[u8]) -> Result<Option<Fragment<'_>>, HelloError> {
    if bytes.first().is_some_and(|kind| *kind != HANDSHAKE_RECORD) || bytes.get(1).is_some_and(|major| *major != 3) {
        return Err(HelloError::NotTls);
    }
    let Some((header, rest)) = bytes.split_first_chunk::<5>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    if length == 0 || length > MAX_FRAGMENT_BYTES {
        return Err(HelloError::Malformed);
    }
    Ok(rest.split_at_checked(length))
}

fn parse_body(body: &[u8]) -> Result<ClientHello, HelloError> {
    let mut reader = Reader(body);
    // Version and random.
    reader.take(2 + 32)?;
    let session = reader.vector8()?;
    let suites = reader.vector16()?;
    let compressions = reader.vector8()?;
    if session.len() > 32 || suites.is_empty() || suites.len() % 2 != 0 || compressions.is_empty() {
        return Err(HelloError::Malformed);
    }
    let mut hello = ClientHello { server_name: None };
    if reader.0.is_empty() {
        return Ok(hello);
    }
    let mut extensions = Reader(reader.vector16()?);
    if !reader.0.is_empty() {
        return Err(HelloError::Malformed);
    }
    while !extensions.0.is_empty() {
        let kind = extensions.number16()?;
        let content = extensions.vector16()?;
        if ENCRYPTED_HELLO.contains(&kind) {
            return Err(HelloError::Encrypted);
        }
        if kind == SERVER_NAME && hello.server_name.replace(parse_server_name(content)?).is_some() {
            return Err(HelloError::Malformed);
        }
    }
    Ok(hello)
}

/// Parses the one host name of the extension.
fn parse_server_name(content: &[u8]) -> Result<String, HelloError> {
    let mut reader = Reader(content);
    let mut list = Reader(reader.vector16()?);
    let kind = list.take(1)?;
    let name = list.vector16()?;
    let is_one = reader.0.is_empty() && list.0.is_empty() && kind == [HOST_NAME];
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(name) {
        Ok(name) if is_one && is_name => Ok(name.to_owned()),
        _ => Err(HelloError::Malformed),
    }
}

/// A reader of TLS's presentation language (RFC 8446, section 3).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(HelloError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number16(&mut self) -> Result<u16, HelloError> {
        let (taken, rest) = self.0.split_first_chunk::<2>().ok_or(HelloError::Malformed)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*taken))
    }

    fn vector8(&mut self) -> Result<&'a [u8], HelloError> {
        let length = self.take(1)?;
        self.take(length.first().copied().unwrap_or_default().into())
    }

    fn vector16(&mut self) -> Result<&'a [u8], HelloError> {
        let length = self.number16()?;
        self.take(length.into())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
    use pullgate_connect::crypto_provider;
    use rustls::pki_types::ServerName;
    use rustls::server::Acceptor;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// Returns the ClientHello that rustls sends to a host.
    pub fn hello_to(host: &str) -> Vec<u8> {
        let config = ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// Returns a ClientHello in one record, with these extensions.
    fn hello_with(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        let content: Vec<u8> = extensions
            .iter()
            .flat_map(|(kind, content)| {
                [&kind.to_be_bytes()[..], &u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
            })
            .collect();
        body.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        body.extend(content);
        let mut message = vec![1, 0];
        message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        message.extend(body);
        record(&message)
    }

    fn record(fragment: &[u8]) -> Vec<u8> {
        [&[22, 3, 1][..], &u16::try_from(fragment.len()).unwrap().to_be_bytes(), fragment].concat()
    }

    fn server_name(names: &[&str]) -> Vec<u8> {
        let list: Vec<u8> = names
            .iter()
            .flat_map(|name| [&[0][..], &u16::try_from(name.len()).unwrap().to_be_bytes(), name.as_bytes()].concat())
            .collect();
        [&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat()
    }

    fn name(bytes: &[u8]) -> Result<Option<Option<String>>, HelloError> {
        parse_client_hello(bytes).map(|hello| hello.map(|hello| hello.server_name))
    }

    #[test]
    fn names_of_real_clients_are_read() {
        assert_eq!(name(&hello_to("registry.example.com")), Ok(Some(Some("registry.example.com".to_owned()))));
        assert_eq!(name(&hello_to("10.0.0.1")), Ok(Some(None)), "an address has no name");
        assert_eq!(name(&hello_with(&[])), Ok(Some(None)));
    }

    #[test]
    fn hello_is_read_from_any_pieces() {
        let hello = hello_to("registry.example.com");
        for end in 0..hello.len() {
            assert_eq!(name(&hello[..end]), Ok(None), "{end} bytes");
        }
        // In records of one byte each, followed by what the client sends next.
        let mut pieces: Vec<u8> = hello[5..].iter().flat_map(|byte| record(&[*byte])).collect();
        pieces.extend(record(&[0]));
        assert_eq!(name(&pieces), Ok(Some(Some("registry.example.com".to_owned()))));
    }

    #[test]
    fn what_is_no_plain_hello_is_refused() {
        let hello = hello_to("h.example");
        let mut second_message = hello[5..].to_vec();
        second_message.extend([20, 0, 0, 0]);
        let other = |bytes: &[u8]| name(bytes);
        assert_eq!(other(b"GET / HTTP/1.1\r\n"), Err(HelloError::NotTls));
        assert_eq!(other(b"SSH-2.0-x"), Err(HelloError::NotTls));
        assert_eq!(other(&[0x80, 0x2e, 1, 3, 1]), Err(HelloError::NotTls), "SSL 2");
        assert_eq!(other(&[22, 2]), Err(HelloError::NotTls));
        assert_eq!(other(&record(&[2, 0, 0, 0])), Err(HelloError::NotTls), "a ServerHello");
        assert_eq!(other(&record(&second_message)), Err(HelloError::Malformed));
        assert_eq!(other(&[22, 3, 1, 0, 0]), Err(HelloError::Malformed), "an empty record");
        assert_eq!(other(&[22, 3, 1, 0x40, 1]), Err(HelloError::Malformed), "a record beyond the limit");
        assert_eq!(other(&record(&[1, 1, 0, 1])), Err(HelloError::TooLong));
        let endless: Vec<u8> = record(&[1, 0, 0xff, 0xff]).into_iter().chain(std::iter::repeat_n(22, 1)).collect();
        assert_eq!(other(&endless), Ok(None));
        let fragments = record(&[0; 1 << 10]).repeat(MAX_HELLO_BYTES >> 10);
        let endless = [record(&[1, 0, 0xff, 0xff]), fragments].concat();
        assert!(matches!(other(&endless), Err(HelloError::Malformed | HelloError::TooLong)));
        for extensions in [
            vec![(0, server_name(&["a.example", "b.example"]))],
            vec![(0, server_name(&["a.example"])), (0, server_name(&["b.example"]))],
            vec![(0, server_name(&[]))],
            vec![(0, server_name(&[""]))],
            vec![(0, server_name(&["a\0.example"]))],
            vec![(0, vec![])],
            vec![(0, [server_name(&["a.example"]), vec![0]].concat())],
        ] {
            assert_eq!(name(&hello_with(&extensions)), Err(HelloError::Malformed), "{extensions:?}");
        }
        for kind in ENCRYPTED_HELLO {
            let extensions = [(0, server_name(&["public.example"])), (kind, vec![0; 9])];
            assert_eq!(name(&hello_with(&extensions)), Err(HelloError::Encrypted));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Of what this parser accepts, rustls reads the same name.
        #[test]
        fn accepted_hello_means_the_same_to_rustls(
            at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>(),
        ) {
            let mut bytes = hello_to("registry.example.com");
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let cut = cut.index(2 * bytes.len());
            bytes.truncate(cut);
            if let Ok(Some(hello)) = parse_client_hello(&bytes) {
                let mut acceptor = Acceptor::default();
                acceptor.read_tls(&mut &bytes[..]).unwrap();
                if let Ok(Some(accepted)) = acceptor.accept() {
                    let read = accepted.client_hello().server_name().map(str::to_owned);
                    let own = hello.server_name.map(|name| name.to_ascii_lowercase());
                    // rustls passes over a name that is no DNS name.
                    prop_assert!(read.is_none() || read == own, "{read:?} {own:?}");
                }
            }
        }

        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let framed = record(&[&[1, 0, 0, u8::try_from(bytes.len()).unwrap()][..], &bytes].concat());
            prop_assert!(!matches!(parse_client_hello(&framed), Ok(None)));
            prop_assert_eq!(parse_client_hello(&bytes).is_ok_and(|hello| hello.is_some()), false);
        }
    }
}
