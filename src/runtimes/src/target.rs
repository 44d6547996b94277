//! The programs whose settings are exported, imported and compared.

use serde::{Serialize, Serializer};

use crate::doctor::{Disagreement, DoctorRequest};
use crate::export::{Export, ExportError, ExportRequest};
use crate::host_files::HostFileError;
use crate::import::{Import, SourceFile};
use crate::{containerd, containers, docker, docker_desktop, k3s, kubernetes, openshift, plain_list, vic};

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
    /// K3s and RKE2.
    K3s,
    /// OpenShift's configuration of images.
    Openshift,
    /// An admission policy of Kubernetes.
    Kubernetes,
    /// Options of `vic-machine create`.
    VicMachine,
    /// A virtual container host in VIC's REST API.
    Vch,
}

/// A notation of registries that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportSource {
    /// The settings of a target.
    Target(Target),
    /// Docker Desktop's Registry Access Management.
    DockerDesktop,
    /// A plain list.
    List,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 8] = [
        Self::Docker,
        Self::Containerd,
        Self::Containers,
        Self::K3s,
        Self::Openshift,
        Self::Kubernetes,
        Self::VicMachine,
        Self::Vch,
    ];

    /// The targets that have settings on a host. Those of the others are given as files.
    pub const ON_HOSTS: [Self; 4] = [Self::Docker, Self::Containerd, Self::Containers, Self::K3s];

    /// Returns the name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Containers => "containers",
            Self::K3s => "k3s",
            Self::Openshift => "openshift",
            Self::Kubernetes => "kubernetes",
            Self::VicMachine => "vic-machine",
            Self::Vch => "vch",
        }
    }

    /// Returns the target of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.as_str() == name)
    }

    /// Exports a policy.
    pub fn export(self, request: &ExportRequest<'_>) -> Result<Export, ExportError> {
        if request.gate.is_some() && !Self::ON_HOSTS.contains(&self) {
            return Err(ExportError::NoGate(self.as_str()));
        }
        let mut export = match self {
            Self::Docker => docker::export(request),
            Self::Containerd => containerd::export(request),
            Self::Containers => containers::export(request),
            Self::K3s => k3s::export(request),
            Self::Openshift => openshift::export(request),
            Self::Kubernetes => kubernetes::export(request),
            Self::VicMachine => vic::export_options(request),
            Self::Vch => vic::export_rest(request),
        }?;
        if request.policy.view.has_other_projects {
            let note = "the policy has projects, and these are its global lists: name a project to add those of it";
            export.notes.push(note.to_owned());
        }
        Ok(export)
    }

    /// Imports settings.
    pub fn import(self, sources: &[SourceFile]) -> Import {
        match self {
            Self::Docker => docker::import(sources),
            Self::Containerd => containerd::import(sources),
            Self::Containers => containers::import(sources),
            Self::K3s => k3s::import(sources),
            Self::Openshift => openshift::import(sources),
            Self::Kubernetes => kubernetes::import(sources),
            Self::VicMachine => vic::import_options(sources),
            Self::Vch => vic::import_rest(sources),
        }
    }

    /// Compares a policy with the settings of a host, or with those in the files of the request.
    pub fn diagnose(self, request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
        match self {
            Self::Docker => docker::diagnose(request),
            Self::Containerd => containerd::diagnose(request),
            Self::Containers => containers::diagnose(request),
            Self::K3s => k3s::diagnose(request),
            Self::Openshift => openshift::diagnose(request),
            Self::Kubernetes => Ok(kubernetes::diagnose(request)),
            Self::VicMachine => vic::diagnose_options(request),
            Self::Vch => vic::diagnose_rest(request),
        }
    }
}

impl ImportSource {
    /// Returns all sources.
    pub fn all() -> Vec<Self> {
        Target::ALL.into_iter().map(Self::Target).chain([Self::DockerDesktop, Self::List]).collect()
    }

    /// Returns the source of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|source| source.as_str() == name)
    }

    /// Returns the name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Target(target) => target.as_str(),
            Self::DockerDesktop => "docker-desktop",
            Self::List => "list",
        }
    }

    /// Imports settings.
    pub fn import(self, sources: &[SourceFile]) -> Import {
        match self {
            Self::Target(target) => target.import(sources),
            Self::DockerDesktop => docker_desktop::import(sources),
            Self::List => plain_list::import(sources),
        }
    }
}

impl Serialize for ImportSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
