//! Certificate authorities: PEM, X.509, and their findings (rules C).

pub(crate) mod algorithm;
pub(crate) mod der;
pub(crate) mod distinguished_name;
pub(crate) mod general_name;
pub(crate) mod info;
pub(crate) mod lint;
pub(crate) mod name_constraints;
pub(crate) mod pem;
