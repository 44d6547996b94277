//! The ports that a reference stands for (rule M2).

use crate::finding::List;
use crate::policy::index::ANY_PORT;
use crate::reference::Reference;

/// The ports that a reference stands for (rule M2), as entries may have them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    verified: [u16; 2],
    insecure: [u16; 3],
}

impl Ports {
    pub fn of(reference: &Reference<'_>) -> Self {
        match reference.port {
            Some(port) => Ports { verified: [port, ANY_PORT], insecure: [port, ANY_PORT, ANY_PORT] },
            None => Ports { verified: [443, ANY_PORT], insecure: [443, 80, ANY_PORT] },
        }
    }

    /// Those for an entry of a list: an insecure one stands for plain HTTP too.
    pub fn of_list(&self, list: List) -> &[u16] {
        match list {
            List::Insecure => &self.insecure,
            List::Whitelist | List::BuiltIn => &self.verified,
        }
    }
}
