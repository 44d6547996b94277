//! The texts behind the help of each command: examples and exit codes.

pub const GENERAL_HELP: &str = "\
EXAMPLES:
  # Whitelist mode with one registry: its images are allowed, everything else is denied.
  pullgate decide --whitelist-registry harbor.corp.local harbor.corp.local/team/app:1 nginx

  # What is wrong with a policy file, and where.
  pullgate check policy.toml

EXIT CODES:
  0  everything asked about is allowed, or has no error
  1  something is denied or undecided, or has an error
  2  the command line or the policy cannot be used, or the answer could not be written";

pub const DECIDE_HELP: &str = "\
The policy is the file, or the entries given as flags, or both: flags are added to the lists of the
file. `--wr`, `--dir` and `--rc` are other names of `--whitelist-registry`, `--insecure-registry`
and `--registry-ca`, as vic-machine has them. Answers come in the order of the references and logins
on the command line. Those of `--json` are the same bytes as on every other surface of pullgate. Why
a policy does not load goes to standard error, and which certificates are left out of one that does
because of their dates; for all else that there is to say of it, use `check`.

EXAMPLES:
  # By a policy file; two references.
  pullgate decide --policy policy.toml harbor.corp.local/team/app:1 docker.io/library/nginx

  # Without a file: one verified registry, and one that may be asked without TLS.
  pullgate decide --wr harbor.corp.local --dir 192.168.100.207:5000 192.168.100.207:5000/app

  # References from standard input, one a line, answers as JSON.
  pullgate decide --policy policy.json --json - < references.txt

  # What `docker login` may do.
  pullgate decide --policy policy.json --login harbor.corp.local:443

  # DNS answers given by hand, for a wildcard that should cover an address; no DNS is asked.
  pullgate decide --wr '*.corp.local' --no-dns --dns-answer 10.2.2.5=harbor.corp.local \\
    --dns-answer harbor.corp.local=10.2.2.5 10.2.2.5/app

EXIT CODES:
  0  all are allowed
  1  any is denied or undecided (it depends on DNS, and there was no answer)
  2  the policy has an error, the command line is wrong, or nothing was asked about";

pub const EXPLAIN_HELP: &str = "\
EXAMPLES:
  # Why is this denied?
  pullgate explain --policy policy.toml harbor.corp.local:5000/app

  # The same for a program: one JSON object a line, the answer of `decide` and its `steps`.
  pullgate explain --policy policy.toml --json harbor.corp.local:5000/app

EXIT CODES:
  0  all are allowed
  1  any is denied or undecided (it depends on DNS, and there was no answer)
  2  the policy has an error, the command line is wrong, or nothing was asked about";

pub const PROBE_HELP: &str = "\
It does what the policy allows and nothing else: a registry that the policy denies is not contacted.
Where a registry points to another host, for tokens or with a redirect, the policy is asked about it
first. No registry is sent credentials. The well-known authorities are those of this machine.

EXAMPLES:
  # Is this registry there, and does the policy have the certificate authority that it needs?
  pullgate probe --policy policy.toml harbor.corp.local

  # Without a file, with a private authority.
  pullgate probe --wr harbor.corp.local --rc corp-ca.pem harbor.corp.local

  # Through the proxy that dockerd uses.
  HTTPS_PROXY=http://proxy.corp.local:3128 pullgate probe --policy policy.toml --proxy docker.io

  # For a program: one JSON object a line.
  pullgate probe --policy policy.json --timeout 10 --json harbor.corp.local 192.168.100.207:5000

EXIT CODES:
  0  all can be used as the policy says
  1  any cannot: it is denied, not reached, not trusted, or no registry
  2  the policy has an error, or the command line is wrong";

pub const CHECK_HELP: &str = "\
EXAMPLES:
  # A policy file: every finding with its line, the place and the fix.
  pullgate check policy.toml

  # What Docker Engine does otherwise than this policy says, and has to be told by its own settings.
  pullgate check policy.toml --for docker

  # A policy from standard input, findings as JSON.
  pullgate check --json - < policy.json

  # One entry, as it would stand in the whitelist or in the insecure list.
  pullgate check --entry '*.example.com:5000'
  pullgate check --entry http://10.2.2.1 --list insecure

  # Many entries, one a line, the reports as one JSON object a line.
  pullgate check --entry - --json < entries.txt

EXIT CODES:
  0  there are no errors; there may be warnings
  1  there are errors; an expired certificate is one, though the policy loads without it
  2  the file cannot be read, or the command line is wrong";

pub const COMPARE_HELP: &str = "\
Nothing is sampled and no DNS is asked: what is not listed is decided as before. Where DNS decides,
the example says what DNS would have to say. Each line begins with `+` where it becomes wider or
less safe, with `-` where it becomes narrower or safer, and with `~` where it is neither.

EXAMPLES:
  # Before a new policy is applied.
  pullgate compare /etc/pullgate/policy.toml policy.toml

  # What the last commit did, for a program.
  git show HEAD~:policy.json | pullgate compare --json - policy.json

EXIT CODES:
  0  both mean the same
  1  they differ, and nothing is newly allowed or reached less safely
  2  something is newly allowed, or reached less safely
  3  a policy has an error, or the command line is wrong";

pub const REPLAY_HELP: &str = "\
Every distinct request on record is decided by the new policy, with the DNS answers on record. What
differs is counted for each registry: denied now and allowed on record, allowed now and denied on
record, reached otherwise, and undecided for lack of DNS answers. What an audit record says was
denied counts as denied, also where nothing was enforced. Records are the lines that the daemon
writes, or those of `journalctl -o json --all`; gzip is recognised by its content.

EXAMPLES:
  # What would the new policy have done last month?
  pullgate replay --policy policy.toml /var/log/pullgate/audit.jsonl*

  # The same from the journal, for a program.
  journalctl -o json --all PULLGATE_DECISION=allow PULLGATE_DECISION=deny |
    pullgate replay --policy policy.toml --json -

EXIT CODES:
  0  every request on record is decided as before
  1  some are not, and nothing is newly allowed or reached less safely
  2  something is newly allowed, reached less safely, or undecided
  3  the policy has an error, a record cannot be read or has no decision, or the command line is
     wrong";

pub const NARROW_HELP: &str = "\
What remains is what the whitelist and the insecure list of REMOTE name. Ports and namespaces count,
and an insecure entry needs a policy that does not verify there either. How registries are reached,
and the certificate authorities, stay those of POLICY.

EXAMPLES:
  # Only what a content trust server names too.
  pullgate narrow policy.toml remote.json > narrowed.json

EXIT CODES:
  0  the narrowed policy was printed, as JSON
  1  the remote list has an entry that the policy does not cover: it is named
  2  a policy has an error, or the command line is wrong";

pub const CA_HELP: &str = "\
A certificate is self-signed here if its issuer and its subject are the same and its key identifiers
do not disagree; signatures are verified by whoever connects. A private key is refused, and nothing
of it is shown. JSON is one object a line for each file, in the order of the command line.

With --pem every fix is applied, and the certificates are written in plain PEM, the one form that
every program reads: what dockerd finds in /etc/docker/certs.d, for one. What there is to say goes
to standard error. A certificate with errors is written too, unless its own trust settings reject it
for servers.

EXAMPLES:
  # What is in this file, and is it what a registry needs?
  pullgate ca corp-ca.pem

  # Which of these will have expired by next year?
  pullgate ca /etc/ssl/certs/*.pem --at 2027-01-01

  # The certificates that a server sends. It is the CA that is wanted, not these.
  openssl s_client -connect harbor.corp.local:443 -showcerts < /dev/null | pullgate ca -

  # The same in plain PEM, from DER, base64, or what an editor has made of it.
  pullgate ca --pem corp-ca.cer > corp-ca.pem

EXIT CODES:
  0  there are no errors; there may be warnings
  1  there are errors; with --pem, errors that no fix takes away
  2  a file cannot be read, or the command line is wrong";

pub const EXPORT_HELP: &str = "\
Each entry is reported: `equal`; `narrower`, where the target allows less or verifies more; `wider`;
or `by-pullgate`, where the target has no word for it and pullgate decides about each of its images.
Nothing wider is written without --allow-wider, and nothing that verifies less at all. With --out,
files take their places whole, and members of them that are not pullgate's stay as they are; without
it, they go to standard output, and the report to standard error.

EXAMPLES:
  # What Docker Engine has to be told.
  pullgate export --to docker --policy policy.toml

  # The settings of this host, and of an image that is being built.
  pullgate export --to containerd --policy /etc/pullgate/policy.toml --out /
  pullgate export --to containers --policy policy.toml --out rootfs

  # The same, and what leads containerd through the gate.
  pullgate export --to containerd --policy /etc/pullgate/policy.toml --gate 127.0.0.1:8733 --out /

  # Without a file, for a program.
  pullgate export --to docker --wr harbor.corp.local --rc corp-ca.pem --json

EXIT CODES:
  0  exported; what is narrower is reported
  1  the target would allow more than the policy, and nothing was written
  2  the policy has an error, a file cannot be read or written, or the command line is wrong";

pub const IMPORT_HELP: &str = "\
A FILE can be a folder: then all files in it are read. Without `--from` their content tells the
program that reads them. The policy goes to standard output, as TOML with the origin of each line,
or as JSON; what is ambiguous or dangerous in the source to standard error.

EXAMPLES:
  # What Docker Engine is told now.
  pullgate import --from docker /etc/docker/daemon.json /etc/docker/certs.d > policy.toml

  # The merged settings of Podman, and what they accept.
  pullgate import --from containers /etc/containers/policy.json /etc/containers/registries.conf \\
    /etc/containers/registries.conf.d

EXIT CODES:
  0  imported; there may be warnings
  1  a part of the source is not in the policy, and has to be decided by hand
  2  a file cannot be read, or the command line is wrong";

pub const DOCTOR_HELP: &str = "\
Compares the files of the host with the policy; for programs that have none there, those that are
given. `silent` is what allows more or verifies less than the policy without a word; `fails` is what
keeps an allowed registry from being reached.

EXAMPLES:
  # Does this host do what the policy says?
  pullgate doctor --for docker --policy /etc/pullgate/policy.toml

  # What a cluster has, and a virtual container host.
  kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings -o yaml |
    pullgate doctor --for kubernetes --policy policy.toml -
  pullgate doctor --for vch --policy policy.toml vch.json

  # Does Docker Engine reach registries through the gate, and not past it? It is asked to pull.
  pullgate doctor --for docker --policy /etc/pullgate/policy.toml --gate 127.0.0.1:8733 --prove

  # For a monitoring system: one JSON object.
  pullgate doctor --for containerd --for containers --policy /etc/pullgate/policy.toml --json

EXIT CODES:
  0  they agree
  1  there are disagreements
  2  the policy has an error, a file cannot be read, or the command line is wrong";

pub const SERVE_HELP: &str = "\
Every setting can stand in the file of --config too, TOML, under the name of its flag with `_` in
place of `-`; flags go before the file. The policy is read again when its file changes and on
SIGHUP; one with errors changes nothing. How much is logged to standard error, RUST_LOG says:
`warn`, `info`, `debug`.

EXAMPLES:
  # The page and the API on http://127.0.0.1:8730, with an example policy.
  pullgate serve

  # In front of Docker Engine; then `dockerd --authorization-plugin=pullgate`.
  pullgate serve --policy /etc/pullgate/policy.toml \\
    --docker-socket /run/docker/plugins/pullgate.sock

  # For Kubernetes.
  pullgate serve --policy policy.toml --kubernetes-listen 0.0.0.0:8443 \\
    --tls-certificate tls.crt --tls-key tls.key

EXIT CODES:
  0  it was told to stop
  2  it cannot start: the policy has an error, an address is taken, or the settings make no sense";

pub const IMAGE_VERIFIER_HELP: &str = "\
The daemon decides, on its unix socket: that of the environment variable PULLGATE_SOCKET, or of
`socket` in /etc/pullgate/image-verifier.toml, or /run/pullgate/pullgate.sock. Where there is no
daemon, the policy file of `policy` decides, with the DNS of this machine. Where neither can be had,
where the daemon answers something else, or not within 4 seconds, the image is denied. With
`enforcement` set to `audit` in these settings, or for the daemon's `containerd_enforcement`, it is
allowed. The reason goes to standard output. A program named pullgate-image-verifier, or one that
containerd finds in its folder, does the same: then no command is written.
PULLGATE_IMAGE_VERIFIER_CONFIG names another settings file.

EXAMPLES:
  # For containerd 2, which runs what is in this folder for every pull.
  ln -s /usr/bin/pullgate /opt/containerd/image-verifier/bin/pullgate-image-verifier

  # What it would answer.
  pullgate image-verifier -name docker.io/library/nginx:1 \\
    -digest sha256:$(printf %064d 0) < /dev/null

EXIT CODES:
  0  the image may be pulled
  1  it may not; so it is whenever something goes wrong, and with other arguments than containerd's
  2  there are no arguments";

pub const MODULE_HELP: &str = "\
The digest of the module is the SHA-256 of the core WebAssembly module: that of the file in the npm
package too, so a form in a browser and this program can be seen to decide by the same rules.

EXAMPLES:
  pullgate module
  pullgate module --wit > pullgate.wit

EXIT CODES:
  0  shown
  2  the module does not run on this machine, or the command line is wrong";

pub const COMPLETIONS_HELP: &str = "\
EXAMPLES:
  pullgate completions bash > /etc/bash_completion.d/pullgate
  pullgate completions zsh > /usr/local/share/zsh/site-functions/_pullgate

EXIT CODES:
  0  written
  2  the command line is wrong, or the script could not be written";

pub const MAN_HELP: &str = "\
EXAMPLES:
  pullgate man | man -l -
  pullgate man /usr/local/share/man/man1

EXIT CODES:
  0  written
  2  the command line is wrong, or a page could not be written";
