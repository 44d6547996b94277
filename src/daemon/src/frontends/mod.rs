//! The frontends: each translates the requests of one kind of client to requests to [`Admission`](crate::Admission).

pub mod docker;
pub mod gate;
pub mod kubernetes;
