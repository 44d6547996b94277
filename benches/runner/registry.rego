package registry

import rego.v1

default allow := false

allow if data.hosts[input.host]

allow if input.port in data.ports[input.host]

allow if {
	some suffix in data.suffixes
	endswith(input.host, suffix)
}

allow if {
	some network in data.networks
	net.cidr_contains(network, input.address)
}
