//! From a decision to a connection.

mod anchor;
mod certificate;
mod connection;
mod connector;
mod error;
mod head;
mod refusal;
mod roots;
mod route;
mod stages;
mod verifier;

pub use certificate::Described;
pub use connection::Connection;
pub use connector::{ConnectLimits, Connector};
pub use error::{ConnectError, Problem, Tried, way};
pub use refusal::{LeftOut, Refusal};
pub use roots::Roots;
#[cfg(feature = "platform-roots")]
pub use roots::RootsError;
pub use route::Route;
pub use stages::{Dialed, Handshake, Target};
pub use verifier::Voucher;
