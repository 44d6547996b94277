//! System resolver on `hickory-resolver`.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::try_join;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Refusal, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Hosts, ResolverBuilder, TokioResolver};
use pullgate::{DnsQuery, LookupKind};

use crate::dns::{Dns, DnsError, DnsLimits, DnsResponse, ResolveFuture, Resolver};

/// The files that configure name resolution.
const RESOLVER_FILES: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];

/// The interval between checks of the files.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// The system resolver: `/etc/hosts`, then the servers of `/etc/resolv.conf` or given ones. Reloads the files when they
/// change.
pub(crate) struct SystemResolver {
    files: Vec<PathBuf>,
    load: Box<LoadFn>,
    current: Mutex<LoadedSnapshot>,
}

type LoadFn = dyn Fn() -> Result<ResolverSnapshot, DnsError> + Send + Sync;

struct LoadedSnapshot {
    snapshot: Arc<ResolverSnapshot>,
    /// The stamps of the files, taken before they were read.
    stamps: Vec<Option<FileStamp>>,
    /// The time of the last check.
    checked_at: Instant,
}

/// The part of a file's metadata that changes with its content: modification time and size.
type FileStamp = (SystemTime, u64);

/// The configuration read from the files.
struct ResolverSnapshot {
    hosts: Hosts,
    servers: TokioResolver,
}

impl SystemResolver {
    /// Creates a resolver with these servers in place of those of `/etc/resolv.conf`.
    pub(crate) fn with_servers(servers: &[SocketAddr], limits: &DnsLimits) -> Result<Self, DnsError> {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let question = limits.query_timeout;
        Self::with_loader(RESOLVER_FILES.map(PathBuf::from).into(), move || {
            let servers = TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default());
            ResolverSnapshot::new(Hosts::from_system().unwrap_or_default(), servers, question)
        })
    }

    pub(crate) fn new(limits: &DnsLimits) -> Result<Self, DnsError> {
        let question = limits.query_timeout;
        Self::with_loader(RESOLVER_FILES.map(PathBuf::from).into(), move || {
            let servers = TokioResolver::builder_tokio()
                .map_err(|error| DnsError(format!("`/etc/resolv.conf` cannot be used: {error}")))?;
            ResolverSnapshot::new(Hosts::from_system().unwrap_or_default(), servers, question)
        })
    }

    /// Creates a resolver with a given loader of the files.
    fn with_loader(
        files: Vec<PathBuf>,
        read: impl Fn() -> Result<ResolverSnapshot, DnsError> + Send + Sync + 'static,
    ) -> Result<Self, DnsError> {
        let stamps = file_stamps(&files);
        let current = LoadedSnapshot { snapshot: Arc::new(read()?), stamps, checked_at: Instant::now() };
        Ok(Self { files, load: Box::new(read), current: Mutex::new(current) })
    }

    /// Returns the current configuration, or the last usable one.
    fn snapshot(&self, now: Instant) -> Arc<ResolverSnapshot> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(current.checked_at) >= RELOAD_INTERVAL {
            current.checked_at = now;
            let stamps = file_stamps(&self.files);
            if stamps != current.stamps
                && let Ok(found) = (self.load)()
            {
                (current.snapshot, current.stamps) = (Arc::new(found), stamps);
            }
        }
        Arc::clone(&current.snapshot)
    }
}

fn file_stamps(files: &[PathBuf]) -> Vec<Option<FileStamp>> {
    let stamp = |file: &PathBuf| {
        let found = fs::metadata(file).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files.iter().map(stamp).collect()
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, question: &'a DnsQuery) -> ResolveFuture<'a> {
        let found = self.snapshot(Instant::now());
        Box::pin(async move {
            match question.kind {
                LookupKind::Reverse => found.reverse_lookup(&question.subject).await,
                LookupKind::Forward => found.forward_lookup(&question.subject).await,
            }
        })
    }
}

impl ResolverSnapshot {
    fn new(
        hosts: Hosts,
        mut servers: ResolverBuilder<TokioRuntimeProvider>,
        question: Duration,
    ) -> Result<Self, DnsError> {
        let options = servers.options_mut();
        // The shared cache replaces hickory's, and the hosts file is looked up here, for both address families.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = options.timeout.min(question);
        let servers = servers.build().map_err(|error| DnsError(error.to_string()))?;
        Ok(Self { hosts, servers })
    }

    async fn forward_lookup(&self, name: &str) -> Result<DnsResponse, DnsError> {
        let name = absolute_name(name)?;
        let records = [RecordType::A, RecordType::AAAA];
        let listed: Vec<String> = records.iter().flat_map(|record| self.hosts_file_lookup(&name, *record)).collect();
        if !listed.is_empty() {
            return Ok(DnsResponse { answers: listed, ttl: Duration::ZERO });
        }
        // Matching needs all addresses (rule M4), so both queries must succeed.
        let (mut four, six) =
            try_join(self.server_lookup(&name, RecordType::A), self.server_lookup(&name, RecordType::AAAA)).await?;
        four.ttl = four.ttl.min(six.ttl);
        four.answers.extend(six.answers);
        Ok(four)
    }

    async fn reverse_lookup(&self, address: &str) -> Result<DnsResponse, DnsError> {
        let address: IpAddr = address.parse().map_err(|_| DnsError(format!("`{address}` is no address")))?;
        let name = Name::from(address);
        let listed = self.hosts_file_lookup(&name, RecordType::PTR);
        if !listed.is_empty() {
            return Ok(DnsResponse { answers: listed, ttl: Duration::ZERO });
        }
        self.server_lookup(&name, RecordType::PTR).await
    }

    /// Looks a name up in `/etc/hosts`. The result is cheap and therefore not cached.
    fn hosts_file_lookup(&self, name: &Name, record: RecordType) -> Vec<String> {
        let found = self.hosts.lookup_static_host(&Query::query(name.clone(), record));
        found.map(|found| record_values(&found)).unwrap_or_default()
    }

    /// Queries the servers.
    async fn server_lookup(&self, name: &Name, record: RecordType) -> Result<DnsResponse, DnsError> {
        match self.servers.lookup(name.clone(), record).await {
            Ok(found) => Ok(DnsResponse {
                ttl: found.valid_until().saturating_duration_since(Instant::now()),
                answers: record_values(&found),
            }),
            Err(NetError::Dns(Refusal::NoRecordsFound(none)))
                if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
            {
                Ok(DnsResponse { answers: Vec::new(), ttl: Duration::from_secs(none.negative_ttl.unwrap_or(0).into()) })
            }
            Err(error) => Err(DnsError(error.to_string())),
        }
    }
}

/// Parses a fully qualified name. Search domains do not apply, because a name must not depend on the machine.
fn absolute_name(name: &str) -> Result<Name, DnsError> {
    let mut name = Name::from_ascii(name).map_err(|error| DnsError(format!("`{name}` is no name: {error}")))?;
    name.set_fqdn(true);
    Ok(name)
}

/// Returns the addresses and names of a response, without aliases on the way.
fn record_values(found: &Lookup) -> Vec<String> {
    let records = found.answers().iter();
    records
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(address.to_string()),
            RData::AAAA(address) => Some(address.to_string()),
            RData::PTR(name) => Some(name.to_ascii().trim_end_matches('.').to_owned()),
            _ => None,
        })
        .collect()
}

impl Dns {
    /// Creates the system resolver: `/etc/hosts`, then the servers of `/etc/resolv.conf`. Changes of either file are
    /// picked up.
    ///
    /// Names are queried without the search domains of `/etc/resolv.conf`. The resolver works as long as the tokio
    /// runtime of its first query.
    ///
    /// # Errors
    ///
    /// If `/etc/resolv.conf` cannot be read or names no server.
    pub fn system(limits: DnsLimits) -> Result<Self, DnsError> {
        Ok(Self::new(SystemResolver::new(&limits)?, limits))
    }

    /// Like [`system`](Self::system), with these servers in place of those of `/etc/resolv.conf`.
    ///
    /// # Errors
    ///
    /// If the resolver cannot be created.
    pub fn with_servers(servers: &[SocketAddr], limits: DnsLimits) -> Result<Self, DnsError> {
        Ok(Self::new(SystemResolver::with_servers(servers, &limits)?, limits))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_resolver::proto::op::Message;
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{CNAME, PTR, SOA};
    use tokio::net::UdpSocket;

    use super::*;

    const HOSTS: &str = "10.1.1.1 listed.test\nfd00::1 listed.test\n";

    /// Returns a resolver on a DNS server within this test.
    async fn system() -> SystemResolver {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut connection = ConnectionConfig::udp();
        connection.port = socket.local_addr().unwrap().port();
        let mut server = NameServerConfig::udp(Ipv4Addr::LOCALHOST.into());
        server.connections = vec![connection];
        tokio::spawn(serve(socket));
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        SystemResolver::with_loader(Vec::new(), move || Ok(found(&config, HOSTS.as_bytes()))).unwrap()
    }

    fn found(config: &ResolverConfig, hosts_file: &[u8]) -> ResolverSnapshot {
        let servers = TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default());
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(hosts_file).unwrap();
        ResolverSnapshot::new(hosts, servers, Duration::from_millis(200)).unwrap()
    }

    async fn serve(socket: UdpSocket) {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            if let Some(response) = respond(query) {
                socket.send_to(&response.to_vec().unwrap(), from).await.unwrap();
            }
        }
    }

    /// Answers from the zone of the test server; none for a silent name.
    fn respond(query: Message) -> Option<Message> {
        let question = query.queries[0].clone();
        let (name, record) = (question.name().clone(), question.query_type());
        let mut response = query.into_response();
        let mut answer = |ttl, data| {
            response.add_answer(Record::from_rdata(name.clone(), ttl, data));
        };
        match (name.to_ascii().to_ascii_lowercase().as_str(), record) {
            ("both.test.", RecordType::A) => answer(60, RData::A("10.0.0.1".parse().unwrap())),
            ("both.test.", RecordType::AAAA) => answer(30, RData::AAAA("fd00::1".parse().unwrap())),
            ("alias.test.", RecordType::A) => {
                let target = absolute_name("four.test").unwrap();
                answer(60, RData::CNAME(CNAME(target.clone())));
                response.add_answer(Record::from_rdata(target, 40, RData::A("10.0.0.4".parse().unwrap())));
            }
            ("four.test." | "half.test.", RecordType::A) => answer(60, RData::A("10.0.0.4".parse().unwrap())),
            ("half.test.", _) => response.metadata.response_code = ResponseCode::ServFail,
            ("5.0.0.10.in-addr.arpa.", RecordType::PTR) => {
                answer(60, RData::PTR(PTR(absolute_name("a.example.com").unwrap())));
                answer(60, RData::PTR(PTR(absolute_name("b.example.com").unwrap())));
            }
            ("silent.test.", _) => return None,
            (known, _) => {
                if !known.starts_with("four") && !known.starts_with("alias") {
                    response.metadata.response_code = ResponseCode::NXDomain;
                }
                let zone = absolute_name("test").unwrap();
                let start = SOA::new(zone.clone(), zone.clone(), 1, 60, 60, 60, 15);
                response.add_authority(Record::from_rdata(zone, 15, RData::SOA(start)));
            }
        }
        Some(response)
    }

    async fn resolve(system: &SystemResolver, kind: LookupKind, subject: &str) -> Result<(Vec<String>, u64), DnsError> {
        let question = DnsQuery { kind, subject: subject.to_owned() };
        let found = system.resolve(&question).await?;
        // Rounded up, since a part of a second has passed.
        Ok((found.answers, found.ttl.as_secs_f64().ceil() as u64))
    }

    #[tokio::test]
    async fn addresses_are_those_of_both_families() {
        let system = system().await;
        let addresses = async |name| resolve(&system, LookupKind::Forward, name).await.unwrap();
        assert_eq!(addresses("both.test").await, (vec!["10.0.0.1".to_owned(), "fd00::1".to_owned()], 30));
        assert_eq!(addresses("four.test").await, (vec!["10.0.0.4".to_owned()], 15));
        assert_eq!(addresses("alias.test").await, (vec!["10.0.0.4".to_owned()], 15));
        assert_eq!(addresses("listed.test").await, (vec!["10.1.1.1".to_owned(), "fd00::1".to_owned()], 0));
        assert_eq!(addresses("no.such.name").await, (vec![], 15));
    }

    #[tokio::test]
    async fn names_are_those_of_the_address() {
        let system = system().await;
        let names = async |address| resolve(&system, LookupKind::Reverse, address).await.unwrap();
        assert_eq!(names("10.0.0.5").await.0, ["a.example.com", "b.example.com"]);
        assert_eq!(names("10.1.1.1").await.0, ["listed.test"]);
        assert_eq!(names("fd00::1").await.0, ["listed.test"]);
        assert_eq!(names("10.0.0.6").await, (vec![], 15));
    }

    #[tokio::test]
    async fn changed_files_are_reloaded_and_unusable_ones_ignored() {
        let file = std::env::temp_dir().join(format!("pullgate-hosts-{}", std::process::id()));
        fs::write(&file, "10.0.0.1 a.test\n").unwrap();
        let path = file.clone();
        let system = SystemResolver::with_loader(vec![file.clone()], move || {
            let text = fs::read(&path).map_err(|error| DnsError(error.to_string()))?;
            Ok(found(&ResolverConfig::default(), &text))
        })
        .unwrap();
        let listed = |later: Duration| {
            let found = system.snapshot(Instant::now() + later);
            found.hosts_file_lookup(&absolute_name("a.test").unwrap(), RecordType::A)
        };
        fs::write(&file, "10.0.0.2 a.test # another size\n").unwrap();
        assert_eq!(listed(Duration::ZERO), ["10.0.0.1"], "it is not looked at all the time");
        assert_eq!(listed(RELOAD_INTERVAL), ["10.0.0.2"]);
        fs::remove_file(&file).unwrap();
        assert_eq!(listed(3 * RELOAD_INTERVAL), ["10.0.0.2"]);
        fs::write(&file, "10.0.0.3 a.test\n").unwrap();
        assert_eq!(listed(5 * RELOAD_INTERVAL), ["10.0.0.3"]);
        fs::remove_file(&file).unwrap();
    }

    #[tokio::test]
    async fn partial_answer_is_an_error() {
        let system = system().await;
        for name in ["half.test", "silent.test"] {
            assert!(resolve(&system, LookupKind::Forward, name).await.is_err(), "{name}");
        }
        assert!(resolve(&system, LookupKind::Reverse, "no address").await.is_err());
    }
}
