// Command decide decides about images, with the core module under wazero, which has no component model: what WIT's
// types are in memory is written out here, by the Canonical ABI.
//
//	go run . MODULE POLICY REFERENCE...
//
// It prints the canonical text of each decision, one line of JSON. Exit code 0: all are allowed; 1: one is not; 2: the
// policy does not load. The module is pkg/dist/pullgate_bg.wasm.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: decide MODULE POLICY REFERENCE...")
		os.Exit(2)
	}
	allAllowed, err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3:])
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case !allAllowed:
		os.Exit(1)
	}
}

func run(ctx context.Context, module, policyFile string, references []string) (bool, error) {
	wasm, err := os.ReadFile(module)
	if err != nil {
		return false, err
	}
	document, err := os.ReadFile(policyFile)
	if err != nil {
		return false, err
	}
	rules, err := NewRules(ctx, wasm)
	if err != nil {
		return false, err
	}
	defer rules.Close(ctx)
	policy, err := rules.Load(ctx, string(document), time.Now())
	if err != nil {
		return false, err
	}
	allAllowed := true
	for _, reference := range references {
		text, err := decide(ctx, policy, reference)
		if err != nil {
			return false, err
		}
		fmt.Println(text)
		allAllowed = allAllowed && parse(text).Decision == "allow"
	}
	return allAllowed, nil
}

// dnsRounds suffices: a name of an address asks for its addresses again, so that two rounds bring all that there is
// (rule M4).
const dnsRounds = 3

// decide decides about an image. The module has no I/O: where DNS matters it returns queries, and is asked again.
func decide(ctx context.Context, policy *Policy, reference string) (text string, err error) {
	var answers []DNSAnswer
	for range dnsRounds {
		text, err = policy.DecideText(ctx, reference, answers)
		if err != nil {
			return "", err
		}
		queries := parse(text).Queries
		if len(queries) == 0 {
			break
		}
		for _, query := range queries {
			answers = append(answers, DNSAnswer{DNSQuery: query, Answers: resolve(ctx, query)})
		}
	}
	return text, nil
}

// decision is what a host needs of the canonical text. Whatever is not "allow" is a denial: "deny", and a "lookup" that
// is still open.
type decision struct {
	Decision string     `json:"decision"`
	Queries  []DNSQuery `json:"queries"`
}

func parse(text string) (found decision) {
	// A text that is no JSON leaves the decision empty, and so denies.
	_ = json.Unmarshal([]byte(text), &found)
	return found
}
