//! Helpers of the daemon's parsers.

#[path = "../../../src/daemon/src/util/bounded_list.rs"]
pub mod bounded_list;
#[path = "../../../src/daemon/src/util/strict_json.rs"]
pub mod strict_json;
