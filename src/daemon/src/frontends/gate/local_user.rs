//! The user of a local TCP client, as the kernel's table of connections has it (proc_pid_net(5)).

use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, SocketAddr};

/// Index of the user in a line of the table.
const USER_FIELD: usize = 7;

/// Returns the user whose socket is the other end of a connection between these addresses of this machine. Blocks.
pub fn local_user(client: SocketAddr, own: SocketAddr) -> Option<u32> {
    let table = match client.ip() {
        IpAddr::V4(_) => "/proc/self/net/tcp",
        IpAddr::V6(_) => "/proc/self/net/tcp6",
    };
    find_user(&fs::read_to_string(table).ok()?, client, own)
}

fn find_user(table: &str, client: SocketAddr, own: SocketAddr) -> Option<u32> {
    let (client, own) = (to_table_form(client), to_table_form(own));
    let is_client = |fields: &[&str]| fields.get(1) == Some(&&*client) && fields.get(2) == Some(&&*own);
    let lines = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut found = lines.filter(|fields| is_client(fields));
    // An established connection is there once.
    match (found.next(), found.next()) {
        (Some(fields), None) => fields.get(USER_FIELD)?.parse().ok(),
        _ => None,
    }
}

/// Returns an address as in the table: each group of 32 bits in the byte order of the machine, in hexadecimal.
fn to_table_form(address: SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut text = String::new();
    for group in bytes.as_chunks::<4>().0 {
        // Writing to a string does not fail.
        let _ = write!(text, "{:08X}", u32::from_ne_bytes(*group));
    }
    let _ = write!(text, ":{:04X}", address.port());
    text
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn own_connection_is_that_of_the_own_user() {
        let own_user = rustix::process::geteuid().as_raw();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, from) = listener.accept().unwrap();
            assert_eq!(local_user(from, server.local_addr().unwrap()), Some(own_user), "{address}");
            let (port, _) = (from.port(), client);
            let other = SocketAddr::new(from.ip(), port ^ 1);
            assert_eq!(local_user(other, server.local_addr().unwrap()), None);
        }
    }

    #[test]
    fn user_is_that_of_the_clients_end() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:221D 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 1 1\n   \
             1: 0100007F:C3CB 0100007F:221D 01 00000000:00000000 00:00000000 00000000  1000        0 2 1\n   \
             2: 0100007F:221D 0100007F:C3CB 01 00000000:00000000 00:00000000 00000000   999        0 3 1\n";
        let [client, own] = ["127.0.0.1:50123", "127.0.0.1:8733"].map(|text| text.parse().unwrap());
        if cfg!(target_endian = "little") {
            assert_eq!(find_user(table, client, own), Some(1_000));
            assert_eq!(find_user(table, own, client), Some(999));
            assert_eq!(find_user(&table.repeat(2), client, own), None);
        }
        assert_eq!(find_user("", client, own), None);
        assert_eq!(find_user("1: x y\n", client, own), None);
    }
}
