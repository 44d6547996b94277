#!/usr/bin/env python3
"""Decides about images, with the component under wasmtime.

    python3 decide.py COMPONENT POLICY REFERENCE...

Prints the canonical text of each decision, one line of JSON. Exit code 0: all are allowed; 1: one is not; 2: the policy
does not load. The component is `pkg/dist/pullgate.component.wasm`; `pip install wasmtime` has what runs it.
"""

import json
import socket
import sys
import time

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record

ADMISSION = "pullgate:policy/admission@0.1.0"

# A name of an address asks for its addresses again, so that two rounds bring all that there is (rule M4).
DNS_ROUNDS = 3


def record(**members):
    """Returns a record of the interface, whose names have hyphens."""
    made = Record()
    for name, value in members.items():
        setattr(made, name.replace("_", "-"), value)
    return made


class Rules:
    """The module, with the functions of one policy."""

    def __init__(self, component):
        engine = Engine()
        self.store = Store(engine)
        self.instance = Linker(engine).instantiate(self.store, Component.from_file(engine, component))
        self.admission = self.instance.get_export_index(self.store, ADMISSION)

    def call(self, name, *arguments):
        function = self.instance.get_func(
            self.store, self.instance.get_export_index(self.store, name, self.admission)
        )
        result = function(self.store, *arguments)
        function.post_return(self.store)
        return result

    def load(self, document):
        """Loads a policy; raises ValueError with the findings if it has errors."""
        loaded = self.call("[static]policy.load", document, int(time.time()))
        if isinstance(loaded, list):
            raise ValueError("\n".join(f"error[{finding.code}]: {finding.message}" for finding in loaded))
        return loaded.policy

    def decide(self, policy, reference):
        """Decides about an image. The module has no I/O: where DNS matters it returns queries, and is asked again."""
        answers = []
        for _ in range(DNS_ROUNDS):
            request = record(reference=reference, kind="image", project=None, dns_answers=answers or None)
            text = self.call("[method]policy.decide-text", policy, request)
            queries = json.loads(text).get("queries")
            if not queries:
                break
            answers += [record(kind=query["kind"], subject=query["subject"], answers=resolve(query)) for query in queries]
        return text


def resolve(query):
    """Resolves a DNS query; a failed one has no answers."""
    try:
        if query["kind"] == "reverse":
            name, aliases, _ = socket.gethostbyaddr(query["subject"])
            return [name, *aliases]
        return sorted({found[4][0] for found in socket.getaddrinfo(query["subject"], None)})
    except OSError:
        return []


def main():
    component, policy_file, *references = sys.argv[1:]
    rules = Rules(component)
    with open(policy_file, encoding="utf-8") as file:
        try:
            policy = rules.load(file.read())
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
    texts = [rules.decide(policy, reference) for reference in references]
    print("\n".join(texts))
    # Whatever is not `allow` is a denial: `deny`, and a `lookup` that is still open.
    return 0 if all(json.loads(text)["decision"] == "allow" for text in texts) else 1


if __name__ == "__main__":
    sys.exit(main())
