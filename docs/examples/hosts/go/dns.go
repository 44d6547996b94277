package main

import (
	"context"
	"net"
	"strings"
)

// DNSQuery is a query that the host resolves: "forward" asks for the addresses of a name, "reverse" for the names of an
// address.
type DNSQuery struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
}

// DNSAnswer is the response to a query; a failed one has no answers.
type DNSAnswer struct {
	DNSQuery
	Answers []string
}

func resolve(ctx context.Context, query DNSQuery) []string {
	if query.Kind == "forward" {
		addresses, _ := net.DefaultResolver.LookupHost(ctx, query.Subject)
		return addresses
	}
	names, _ := net.DefaultResolver.LookupAddr(ctx, query.Subject)
	for index, name := range names {
		names[index] = strings.TrimSuffix(name, ".")
	}
	return names
}
