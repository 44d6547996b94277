//! Admission over sockets: the daemon beside others that stand in the same places, asked by one client in turns.
//!
//! In front of Docker Engine is opa-docker-authz, in front of Kubernetes Gatekeeper's webhook; `benches/peers` has both.
//! All have the same whitelist, and every answer is looked at, under load as well.

mod client;
mod requests;
mod servers;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pullgate_benches::policy;

use crate::Settings;
use crate::admission::client::Connection;
use crate::admission::requests::AdmissionCase;
use crate::admission::servers::{PEERS, Peer, RunningServer, ServerFiles};
use crate::stopwatch::median;
use crate::table::{Cell, Table};

const COLUMNS: [&str; 8] = [
    "admission",
    "entries",
    "p50, µs",
    "p99, µs",
    "p50 of pullgate",
    "requests a second, 8 at once",
    "of pullgate",
    "MB",
];

/// The number of connections that ask at once where throughput is measured.
const CONNECTIONS: usize = 8;

/// Durations and counts of a measurement.
struct Plan {
    rounds: usize,
    /// The duration of the requests of one connection in a round, and of those of all.
    alone: Duration,
    together: Duration,
    /// The minimum number of requests of one connection in a round: each case several times.
    min_requests: usize,
}

/// The measurements of a server.
#[derive(Default)]
struct Measured {
    /// Of every request of one connection, in seconds.
    latencies: Vec<f64>,
    /// The median of each round, in seconds.
    medians: Vec<f64>,
    /// Requests a second of each round.
    rates: Vec<f64>,
    /// Bytes of resident memory at the end.
    memory: f64,
}

/// Measures the daemon and its peers with 4 and 1,000 entries, in turns.
pub fn measure(settings: &Settings) -> Result<Table> {
    let plan = match settings.is_quick {
        true => {
            Plan { rounds: 2, alone: Duration::from_millis(20), together: Duration::from_millis(20), min_requests: 10 }
        }
        false => Plan {
            rounds: 9,
            alone: Duration::from_millis(500),
            together: Duration::from_millis(800),
            min_requests: 20,
        },
    };
    let mut table = Table::new("admission", &COLUMNS);
    for entries in [4, 1_000] {
        measure_at(entries, &plan, settings, &mut table)?;
    }
    Ok(table)
}

fn measure_at(entries: u32, plan: &Plan, settings: &Settings, table: &mut Table) -> Result<()> {
    let files = ServerFiles::write(&policy(entries))?;
    let servers: Vec<(&Peer, Option<RunningServer>)> = PEERS
        .iter()
        .map(|peer| Ok((peer, peer.start(&settings.program, &settings.peers, &files)?)))
        .collect::<Result<_>>()?;
    for (peer, server) in &servers {
        if let Some(server) = server {
            check_answers(server).with_context(|| peer.name)?;
        }
    }
    let mut measured: Vec<Measured> = servers.iter().map(|_| Measured::default()).collect();
    for _ in 0..plan.rounds {
        for ((peer, server), measured) in servers.iter().zip(&mut measured) {
            if let Some(server) = server {
                measure_round(server, plan, measured).with_context(|| peer.name)?;
            }
        }
    }
    for ((_, server), measured) in servers.iter().zip(&mut measured) {
        if let Some(server) = server {
            measured.memory = server.process.memory("VmRSS").context("a server ended")?;
        }
    }
    for (index, (peer, server)) in servers.iter().enumerate() {
        // A peer comes after the daemon in the same place.
        let own = servers.iter().position(|(other, _)| other.place == peer.place).context("the daemon is missing")?;
        table.rows.push(match server {
            Some(_) => row(peer, entries, &measured[index], &measured[own]),
            None => not_run(peer, entries),
        });
    }
    Ok(())
}

fn row(peer: &Peer, entries: u32, measured: &Measured, own: &Measured) -> Vec<Cell> {
    let mut latencies = measured.latencies.clone();
    latencies.sort_by(f64::total_cmp);
    let at = |percent: usize| latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)] * 1e6;
    // Ratios of the same rounds: the load of the machine is alike in both.
    let ratio = |theirs: &[f64], ours: &[f64]| median(theirs.iter().zip(ours).map(|(a, b)| a / b).collect());
    vec![
        peer.name.into(),
        entries.into(),
        at(50).into(),
        at(99).into(),
        ratio(&measured.medians, &own.medians).into(),
        median(measured.rates.clone()).into(),
        ratio(&measured.rates, &own.rates).into(),
        (measured.memory / 1e6).into(),
    ]
}

/// Returns the row of a peer that was not built, with its numbers empty.
fn not_run(peer: &Peer, entries: u32) -> Vec<Cell> {
    let name = format!("{}: not run, since it was not built", peer.name);
    let mut cells = vec![Cell::Text(name), entries.into()];
    cells.resize_with(COLUMNS.len(), || Cell::Nothing);
    cells
}

/// Checks that the server allows what the whitelist covers, and denies all else.
fn check_answers(server: &RunningServer) -> Result<()> {
    let mut connection = server.connect()?;
    for case in &server.cases {
        ask(server, &mut *connection, case)?;
    }
    Ok(())
}

fn ask(server: &RunningServer, connection: &mut dyn Connection, case: &AdmissionCase) -> Result<()> {
    let answer = connection.post(&case.request)?;
    let is_allowed = server.place.is_allowed(&answer)?;
    ensure!(is_allowed == case.is_allowed, "{} is answered by {}", case.reference, String::from_utf8_lossy(&answer));
    Ok(())
}

fn measure_round(server: &RunningServer, plan: &Plan, measured: &mut Measured) -> Result<()> {
    let latencies = latencies(server, plan)?;
    measured.medians.push(median(latencies.clone()));
    measured.latencies.extend(latencies);
    measured.rates.push(throughput(server, plan.together)?);
    Ok(())
}

/// Asks over one connection, and returns the seconds of each request.
fn latencies(server: &RunningServer, plan: &Plan) -> Result<Vec<f64>> {
    let mut connection = server.connect()?;
    // The first request has the making of the connection in it.
    ask(server, &mut *connection, &server.cases[0])?;
    let (start, mut latencies) = (Instant::now(), Vec::new());
    for case in server.cases.iter().cycle() {
        if start.elapsed() >= plan.alone && latencies.len() >= plan.min_requests {
            break;
        }
        let start = Instant::now();
        ask(server, &mut *connection, case)?;
        latencies.push(start.elapsed().as_secs_f64());
    }
    Ok(latencies)
}

/// Asks over several connections at once, and returns the requests a second.
fn throughput(server: &RunningServer, duration: Duration) -> Result<f64> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = server.connect()?;
        ask(server, &mut *connection, &server.cases[0])?;
        connections.push(connection);
    }
    let start = Instant::now();
    let count = thread::scope(|scope| {
        let clients: Vec<_> = connections
            .into_iter()
            .enumerate()
            .map(|(index, mut connection)| {
                scope.spawn(move || -> Result<u32> {
                    let mut count = 0;
                    for case in server.cases.iter().cycle().skip(index) {
                        if start.elapsed() >= duration {
                            break;
                        }
                        ask(server, &mut *connection, case)?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("no client panics")).sum::<Result<u32>>()
    })?;
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}
