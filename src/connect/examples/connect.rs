//! Asks the registries of the images on the command line whether they are there, as the policy allows:
//! `cargo run --release -p pullgate-host --example connect -- IMAGE...`

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use pullgate::{Decision, Request};
use pullgate_connect::{ConnectLimits, Connection, Connector, RootStore};
use pullgate_host::{Dns, DnsLimits, EvaluatorOptions, Module, now};

type Error = Box<dyn std::error::Error>;

const POLICY: &str = r#"{ "insecure": ["127.0.0.0/8", "localhost"] }"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let options = EvaluatorOptions { dns: Some(Dns::system(DnsLimits::default())?), ..EvaluatorOptions::default() };
    let (evaluator, _) = Module::built_in()?.load(POLICY, now(), options)?;
    let connector = Connector::new(RootStore::well_known(), ConnectLimits::default())?;

    for image in std::env::args().skip(1) {
        let answer = evaluator.answer(&Request { reference: &image, ..Request::default() }).await;
        match (&answer.registry, &answer.decision) {
            (Some(registry), Decision::Allow(allowed)) => {
                match connector.connect(registry, allowed, evaluator.authorities()).await {
                    Ok(connection) => println!("{image}: {}", ask(connection).await?),
                    Err(error) => println!("{image}: {error}"),
                }
            }
            _ => println!("{}", answer.to_json()),
        }
    }
    Ok(())
}

/// Asks for `/v2/`: 200 or 401 is a registry's answer. A redirect would be another host, to ask the policy about.
async fn ask(connection: Connection) -> Result<String, Error> {
    let (route, peer) = (connection.endpoint().clone(), connection.peer_addr());
    let (mut sender, http) = hyper::client::conn::http1::handshake(TokioIo::new(connection)).await?;
    let request = hyper::Request::get("/v2/").header("Host", route.host_header()).body(Empty::<Bytes>::new())?;
    let answer = async move { sender.send_request(request).await.map(|response| response.status()) };
    let (status, _) = tokio::join!(answer, http);
    let verified = if route.is_verified() { "verified" } else { "not verified" };
    Ok(format!("{:?} to {} at {peer}, {verified}: {}", route.scheme(), route.host_header(), status?))
}
