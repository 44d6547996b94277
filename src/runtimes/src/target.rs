//! The programs whose settings are exported, imported and compared.

use serde::Serialize;

use crate::doctor::{Disagreement, DoctorRequest};
use crate::export::{Export, ExportError, ExportRequest};
use crate::host_files::HostFileError;
use crate::import::{Import, SourceFile};
use crate::{containerd, containers, docker};

/// A program with settings of registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Docker Engine.
    Docker,
    /// containerd.
    Containerd,
    /// Podman, Skopeo, Buildah and CRI-O.
    Containers,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Containerd, Self::Containers];

    /// Returns the name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Containers => "containers",
        }
    }

    /// Exports a policy.
    pub fn export(self, request: &ExportRequest<'_>) -> Result<Export, ExportError> {
        match self {
            Self::Docker => docker::export(request),
            Self::Containerd => containerd::export(request),
            Self::Containers => containers::export(request),
        }
    }

    /// Imports settings.
    pub fn import(self, sources: &[SourceFile]) -> Import {
        match self {
            Self::Docker => docker::import(sources),
            Self::Containerd => containerd::import(sources),
            Self::Containers => containers::import(sources),
        }
    }

    /// Compares a policy with the settings of a host.
    pub fn diagnose(self, request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
        match self {
            Self::Docker => docker::diagnose(request),
            Self::Containerd => containerd::diagnose(request),
            Self::Containers => containers::diagnose(request),
        }
    }
}
