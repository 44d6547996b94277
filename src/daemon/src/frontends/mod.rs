//! The frontends: each reads the requests of one kind of client and asks [`Admission`](crate::Admission).

pub mod docker;
pub mod kubernetes;
