//! Docker Engine's authorization plugin, up to the subject of a request.

#[path = "../../../../src/daemon/src/frontends/docker/classify.rs"]
pub mod classify;
#[path = "../../../../src/daemon/src/frontends/docker/go_json.rs"]
pub mod go_json;
#[path = "../../../../src/daemon/src/frontends/docker/image_refs.rs"]
pub mod image_refs;
#[path = "../../../../src/daemon/src/frontends/docker/local_operation.rs"]
pub mod local_operation;
#[path = "../../../../src/daemon/src/frontends/docker/operation.rs"]
pub mod operation;
#[path = "../../../../src/daemon/src/frontends/docker/protocol.rs"]
pub mod protocol;
#[path = "../../../../src/daemon/src/frontends/docker/request_uri.rs"]
pub mod request_uri;
