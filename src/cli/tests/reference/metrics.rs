//! The page of the metrics, which is written by hand, and the metrics of a daemon in which everything has happened.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use serde_json::json;

use crate::common::daemon::{Daemon, talk};
use crate::common::{file, repository};

#[test]
fn metrics_are_those_of_the_page() {
    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = registry.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in registry.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
        }
    });
    let authority = fs::read_to_string(repository("tests/certificates/ca.pem")).unwrap();
    let policy = json!({
        "whitelist": ["reg.example"],
        "insecure": [address.to_string()],
        "certificate_authorities": [{ "pem": authority }],
    });
    let policy = file("json", policy.to_string());
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock").display().to_string();
    let arguments =
        ["--policy", &policy, "--docker-socket", &socket, "--docker-enforcement", "audit", "--gate", "127.0.0.1:0"];
    let (daemon, line) = Daemon::start_and_see("127.0.0.1:0", &arguments, "the gate is open");
    let gate = line.split_once("address=").unwrap().1.trim_matches('"').to_owned();

    // A decision, a denial without an effect, another policy, and bytes through the gate.
    assert_eq!(daemon.post("/v1/decide", &json!({ "reference": "reg.example/app" })).0, 200);
    let pull =
        json!({ "RequestMethod": "POST", "RequestUri": "/v1.41/images/create?fromImage=evil.example/app&tag=1" });
    let stream = UnixStream::connect(&socket).unwrap();
    let (status, answer) = talk(stream, "POST /AuthZPlugin.AuthZReq", "docker", &[], pull.to_string());
    assert!(status == 200 && answer.contains("\"Allow\":true"), "{status} {answer}");
    daemon.signal("HUP");
    let stream = TcpStream::connect(&gate).unwrap();
    let (status, answer) = talk(stream, &format!("GET http://{address}/v2/"), &address.to_string(), &[], "");
    assert_eq!((status, answer.as_str()), (200, "{}"));

    let page = fs::read_to_string(repository("docs/reference/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let documented: BTreeSet<String> = rows.map(|(metric, _)| metric.to_owned()).collect();
    daemon.waits_for(|daemon| daemon.get("/metrics").1.contains("pullgate_policy_loads_total"));
    daemon.waits_for(|daemon| daemon.get("/metrics").1.contains("pullgate_gate_bytes_total"));
    assert_eq!(metrics(&daemon.get("/metrics").1), documented);
}

/// Returns the metrics with the names of their labels.
fn metrics(text: &str) -> BTreeSet<String> {
    let histograms: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" histogram")).collect();
    let mut metrics = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let is_part = |suffix: &str| name.strip_suffix(suffix).is_some_and(|name| histograms.contains(&name));
        if is_part("_bucket") || is_part("_sum") {
            continue;
        }
        let name = if is_part("_count") { name.trim_end_matches("_count") } else { name };
        let labels: Vec<&str> = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0)).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        metrics.insert(format!("{name}{labels}"));
    }
    metrics
}
