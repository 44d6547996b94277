//! The gate under many clients at once, of which some are refused and some leave in the middle: afterwards it holds no more
//! memory and descriptors than before. The test needs what `gate_second_hosts.rs` needs.

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::gate_world::GATE;
use common::split_registry::{CDN, DECOY, REGISTRY, SplitRegistry, TOKENS};

/// The variable with the length in seconds, and its default.
const SECONDS_VARIABLE: &str = "PULLGATE_SOAK_SECONDS";
const DEFAULT_SECONDS: u64 = 30;

/// Number of clients at once.
const CLIENTS: usize = 8;

/// Time after which nothing is open any more: idle connections to servers are kept for 10 seconds.
const REST: Duration = Duration::from_secs(25);

/// Maximum growth in KiB and descriptors.
const MAX_GROWTH_KIB: usize = 24 << 10;
const MAX_MORE_DESCRIPTORS: usize = 4;

/// The actions of the clients, with the status that curl must see, or none for a client that leaves.
const ACTIONS: [(&str, Option<&str>); 6] = [
    ("blob", Some("200")),
    ("tunnel", Some("200")),
    ("manifest", Some("200")),
    ("lured", Some("403")),
    ("denied", Some("403")),
    ("leave", None),
];

/// Acts once; what is received goes to a file.
fn act(world: &SplitRegistry, action: &str, blob: &str, received: &Path) -> Output {
    let endpoint = |target: &str| format!("http://{GATE}/v2/{target}?ns={REGISTRY}");
    let mut command = world.sandbox.command("curl");
    command.args(["--silent", "--show-error", "--max-time", "60", "--output"]).arg(received).arg("--header");
    command.arg("Accept: application/vnd.oci.image.manifest.v1+json").arg("--cacert").arg(world.authority_file());
    let proxy = format!("http://{GATE}");
    match action {
        "blob" => command.arg(endpoint(&format!("team/app/blobs/sha256:{blob}"))),
        "tunnel" => command.args(["--proxy", &proxy, &format!("https://{CDN}/files/large")]),
        "manifest" => command.arg(endpoint("team/app/manifests/1")),
        "lured" => command.arg(endpoint(&format!("lured/app/blobs/sha256:{blob}"))),
        "denied" => command.args(["--proxy", &proxy, &format!("https://{DECOY}/")]),
        _ => command.args(["--max-time", "0.1", "--proxy", &proxy, &format!("https://{CDN}/files/large")]),
    };
    // Of a refused tunnel the status is the proxy's.
    let status = if action == "denied" { "%{http_connect}" } else { "%{http_code}" };
    command.args(["--write-out", status]).output().unwrap()
}

/// Returns the resident memory of the gate in KiB, and the number of its descriptors.
fn measure(world: &SplitRegistry) -> (usize, usize) {
    let script = format!(
        "pid=$(cat {}); awk '/^VmRSS:/ {{ print $2 }}' /proc/$pid/status; ls /proc/$pid/fd | wc -l",
        world.sandbox.folder().join("gate.pid").display()
    );
    let output = world.sandbox.command("sh").args(["-ec", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<usize> = text.lines().map(|line| line.trim().parse().unwrap()).collect();
    (numbers[0], numbers[1])
}

/// Runs the clients for a while. Returns the numbers of actions and of wrong outcomes.
fn run_clients(world: &SplitRegistry, blob: &str, length: Duration) -> (usize, usize) {
    let (done, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Instant::now();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (done, wrong) = (&done, &wrong);
            let received = world.sandbox.folder().join(format!("received-{client}"));
            scope.spawn(move || {
                for round in client.. {
                    if start.elapsed() > length {
                        return;
                    }
                    let (action, expected) = ACTIONS[round % ACTIONS.len()];
                    let output = act(world, action, blob, &received);
                    let status = String::from_utf8_lossy(&output.stdout);
                    if expected.is_some_and(|expected| status != expected) {
                        let text = fs::read(&received).unwrap_or_default();
                        let text = String::from_utf8_lossy(text.get(..1_000).unwrap_or(&text)).into_owned();
                        println!("{action}: {status}, {output:?}: {text}");
                        wrong.fetch_add(1, Ordering::Relaxed);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (done.into_inner(), wrong.into_inner())
}

#[test]
#[ignore = "takes a minute, or as long as PULLGATE_SOAK_SECONDS says"]
fn gate_holds_nothing_of_clients_that_are_gone() {
    let length = std::env::var(SECONDS_VARIABLE).map_or(DEFAULT_SECONDS, |seconds| seconds.parse().unwrap());
    let world = SplitRegistry::start();
    let layers = world.sandbox.folder().join("storage/docker/registry/v2/repositories/team/app/_layers/sha256");
    let blob = fs::read_dir(layers).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let _gate = world.start_gate(&[REGISTRY, TOKENS, CDN], &[]);
    let fresh = measure(&world);
    // Threads and buffers are there after the first clients.
    run_clients(&world, &blob, Duration::from_secs(10));
    thread::sleep(REST);
    let before = measure(&world);
    let (done, wrong) = run_clients(&world, &blob, Duration::from_secs(length));
    let busy = measure(&world);
    thread::sleep(REST);
    let after = measure(&world);
    println!("{done} actions in {length} s, {wrong} wrong; KiB of memory and number of descriptors:");
    println!("{fresh:?} at first, {before:?} before, {busy:?} at the end, {after:?} after");
    assert_eq!(wrong, 0);
    assert!(done > CLIENTS * ACTIONS.len(), "{done}");
    assert!(after.0 < before.0 + MAX_GROWTH_KIB && after.1 <= before.1 + MAX_MORE_DESCRIPTORS);
}
