//! A machine that a page is followed on: a sandbox with an `/etc` of its own, pullgate as a package installs it, and
//! services that `systemctl` reloads and restarts.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use serde_json::json;

use crate::common::repository;
use crate::common::sandbox::{Sandbox, Server};
use crate::page::{Exchange, Place, Step, compare, steps};
use crate::public_registries;

/// Timeout of a command in seconds.
const COMMAND_TIMEOUT_SECS: &str = "120";

/// A service of a machine.
pub struct Service<'a> {
    pub name: &'a str,
    pub command: &'a str,
    /// A command that succeeds when the service is there.
    pub probe: &'a str,
}

/// The equipment of a machine besides pullgate.
#[derive(Default)]
pub struct MachineOptions<'a> {
    /// The repositories of the public registries.
    pub images: &'a [&'a str],
    pub services: &'a [Service<'a>],
    /// Programs in place of the machine's, in a folder such as `/`.
    pub programs: Option<&'a Path>,
    /// Programs that are scripts, by name.
    pub scripts: &'a [(&'a str, &'a str)],
    pub environment: &'a [(&'a str, &'a str)],
}

/// The machine. What it runs is ended before the sandbox, and the page's daemons before the services.
pub struct Machine {
    daemons: Vec<Server>,
    services: Vec<Server>,
    sandbox: Rc<Sandbox>,
    environment: Vec<(String, String)>,
}

impl Machine {
    pub fn start(options: &MachineOptions<'_>) -> Self {
        Self::start_in(Rc::new(Sandbox::start(&public_registries::NAMES)), options)
    }

    /// Makes a machine of a sandbox.
    pub fn start_in(sandbox: Rc<Sandbox>, options: &MachineOptions<'_>) -> Self {
        let folder = sandbox.folder().display().to_string();
        fs::create_dir(sandbox.folder().join("work")).unwrap();
        write_programs(&sandbox, options);
        // A private `/etc`, with no settings of what the pages set up; and `/usr/bin/pullgate`, which settings name.
        let script = format!(
            "mkdir /run/etc /run/etc-work
            mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work /etc
            rm -rf /etc/docker /etc/containerd /etc/pullgate /run/docker /run/pullgate
            mkdir /etc/docker
            cp --remove-destination {folder}/hosts {folder}/resolv.conf /etc/
            mount -t overlay overlay -o lowerdir={folder}/programs:/usr/bin /usr/bin"
        );
        let mounted = sandbox.command("sh").args(["-ec", &script]).output().unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        let path = std::env::var("PATH").unwrap_or_default();
        let newer = options.programs.map(Path::display);
        let newer = newer.map_or_else(String::new, |root| format!("{root}/usr/bin:{root}/usr/sbin:"));
        let mut environment = vec![
            ("PATH".to_owned(), format!("{newer}{folder}/programs:{path}:/usr/sbin")),
            ("HOME".to_owned(), folder),
            // The registries' authority in place of the well-known ones, for programs in Go.
            ("SSL_CERT_FILE".to_owned(), public_registries::authority(&sandbox).display().to_string()),
            // Nothing is asked of npm's registry.
            ("npm_config_offline".to_owned(), "true".to_owned()),
        ];
        environment.extend(options.environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut machine = Self { daemons: Vec::new(), services: Vec::new(), sandbox, environment };
        if !options.images.is_empty() {
            machine.services.push(public_registries::start(&machine.sandbox, options.images));
        }
        for service in options.services {
            let server = machine.serve(service);
            machine.services.push(server);
        }
        machine
    }

    /// Returns the folder of the page's files.
    pub fn folder(&self) -> PathBuf {
        self.sandbox.folder().join("work")
    }

    /// Writes a file by its path on the machine.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.sandbox.outside(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file in the folder of the page.
    pub fn write_here(&self, name: &str, text: &str) {
        self.sandbox.write(&format!("work/{name}"), text);
    }

    /// Takes the steps of a page, commands in these places only, and says how long it took.
    pub fn follow(&mut self, page: &str, places: &[Place]) {
        self.follow_with(page, places, |command| panic!("there are no nodes for `{command}`"));
    }

    /// Takes the steps of a page as [`Machine::follow`] does, and has a function do what nodes would.
    pub fn follow_with(&mut self, page: &str, places: &[Place], mut nodes: impl FnMut(&str)) {
        let steps = steps(&fs::read_to_string(repository(page)).unwrap());
        assert!(steps.len() > 1, "{page}: {steps:?}");
        let start = Instant::now();
        for step in &steps {
            match step {
                Step::Command { place, .. } if !places.contains(place) => {}
                Step::Command { exchange, place: Place::Nodes, .. } => nodes(&exchange.input),
                _ => self.take(step),
            }
        }
        println!("{page}: {:.1} s", start.elapsed().as_secs_f64());
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::File { name, text } if name.starts_with('/') => self.write(name, text),
            Step::File { name, text } => self.write_here(name, text),
            Step::Command { exchange, fails, .. } => self.run(exchange, *fails),
            Step::Daemon { exchange } => self.start_daemon(exchange),
            Step::Interrupt => {
                let mut daemon = self.daemons.pop().expect("a daemon was started");
                daemon.signal("INT");
                daemon.wait_for_end();
            }
            Step::Browser { exchanges } => self.browse(exchanges),
        }
    }

    fn run(&self, Exchange { input, output }: &Exchange, fails: bool) {
        let mut command = self.command("timeout");
        command.arg(COMMAND_TIMEOUT_SECS).args(self.shell(&format!("{{ {input}\n}} 2>&1")));
        let ran = command.output().unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(ran.status.success(), !fails, "{input}: {printed}");
        if let Err(error) = compare(&printed, output) {
            panic!("{input}: {error}, in\n{printed}");
        }
    }

    fn start_daemon(&mut self, Exchange { input, output }: &Exchange) {
        let arguments = self.shell(&format!("exec {input}"));
        let name = format!("daemon-{}", self.daemons.len());
        let mut daemon = self.sandbox.serve(&name, "env", |command| {
            // A background job of a shell ignores the interrupt, and so would all that the tests start there.
            command.arg("--default-signal=INT").args(arguments).envs(self.environment.iter().cloned());
        });
        let log = self.sandbox.folder().join(format!("{name}.log"));
        daemon.wait_until(&format!("{input} prints {output:?}"), || {
            fs::read_to_string(&log).is_ok_and(|log| compare(&log, output).is_ok())
        });
        self.daemons.push(daemon);
    }

    /// Has a browser do what the page says.
    fn browse(&self, exchanges: &[Exchange]) {
        let actions = exchanges.iter().map(|Exchange { input, output }| json!({ "action": input, "shows": output }));
        let actions = json!(actions.collect::<Vec<_>>()).to_string();
        let walked = self.command("node").arg(repository("tests/browser/walk_page.mjs")).arg(actions).output().unwrap();
        assert!(walked.status.success(), "{walked:#?}");
    }

    /// Starts a service, again each time it ends, and waits until it is there.
    fn serve(&self, Service { name, command, probe }: &Service<'_>) -> Server {
        let script = format!("while :; do {command} & echo $! > /run/service-{name}.pid; wait $!; done");
        let mut service = self.sandbox.serve(name, "sh", |command| {
            command.args(["-c", &script]).envs(self.environment.iter().cloned());
        });
        service.wait_until(probe, || self.command("sh").args(["-c", probe]).output().unwrap().status.success());
        service
    }

    /// Returns the arguments of `env` for a command of a shell, in the folder of the page.
    fn shell(&self, text: &str) -> [String; 3] {
        ["bash".to_owned(), "-c".to_owned(), format!("cd {} && {text}", self.folder().display())]
    }

    /// Returns a command on the machine.
    fn command(&self, program: &str) -> Command {
        let mut command = self.sandbox.command("env");
        command.arg(program).envs(self.environment.iter().cloned());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "KUBECONFIG"] {
            command.env_remove(name);
        }
        command
    }
}

/// Writes the programs of a machine: pullgate, `sudo` that runs what it is given, and `systemctl` for its services.
fn write_programs(sandbox: &Sandbox, options: &MachineOptions<'_>) {
    let probes: String =
        options.services.iter().map(|service| format!("{}) {};; ", service.name, service.probe)).collect();
    let systemctl = format!(
        "pid=$(cat /run/service-$2.pid)
        case $1 in
        reload) kill -s HUP $pid && sleep 1;;
        restart) kill $pid && while kill -0 $pid; do sleep 0.1; done
            until case $2 in {probes} esac; do sleep 0.1; done;;
        *) exit 1;;
        esac > /dev/null 2>&1"
    );
    let own = [("sudo", "exec \"$@\""), ("systemctl", &systemctl)];
    for (name, script) in own.iter().chain(options.scripts) {
        let path = sandbox.write(&format!("programs/{name}"), &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_pullgate"), sandbox.folder().join("programs/pullgate")).unwrap();
}
