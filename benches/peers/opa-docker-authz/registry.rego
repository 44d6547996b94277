# The whitelist for opa-docker-authz. The entries are `registries`: data of a bundle, or a rule of the same file.
package docker.authz

default allow := false

# Whatever is no pull is allowed.
allow if not is_pull

allow if registries.hosts[host]

allow if port in registries.ports[host]

allow if {
	some suffix in registries.suffixes
	endswith(host, suffix)
}

allow if {
	regex.match(`^[0-9]+(\.[0-9]+){3}$`, host)
	some network in registries.networks
	net.cidr_contains(network, host)
}

is_pull if {
	input.Method == "POST"
	glob.match("/**/images/create", ["/"], input.PathPlain)
}

image := input.Query.fromImage[0]

first := split(image, "/")[0]

authority := first if {
	contains(image, "/")
	regex.match(`[.:]|^localhost$`, first)
} else := "docker.io"

host := split(authority, ":")[0]

port := to_number(split(authority, ":")[1]) if {
	contains(authority, ":")
} else := 443
