package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const admission = "pullgate:policy/admission@0.1.0"

// Rules is an instance of the module.
type Rules struct {
	runtime wazero.Runtime
	module  api.Module
}

// NewRules compiles the module and makes an instance of it.
func NewRules(ctx context.Context, wasm []byte) (*Rules, error) {
	runtime := wazero.NewRuntime(ctx)
	compiled, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		return nil, err
	}
	if err := provideImports(ctx, runtime, compiled); err != nil {
		return nil, err
	}
	module, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return nil, err
	}
	return &Rules{runtime: runtime, module: module}, nil
}

// Close releases the instance and its policies.
func (rules *Rules) Close(ctx context.Context) error {
	return rules.runtime.Close(ctx)
}

// provideImports defines what the module imports. A policy is its own handle, since nobody else has any. The other
// imports are the browser's: the functions of the component call none of them, and a call is an error.
func provideImports(ctx context.Context, runtime wazero.Runtime, compiled wazero.CompiledModule) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, definition := range compiled.ImportedFunctions() {
		module, name, _ := definition.Import()
		if builders[module] == nil {
			builders[module] = runtime.NewHostModuleBuilder(module)
		}
		function := api.GoFunc(func(context.Context, []uint64) { panic("the module called " + module + " " + name) })
		if strings.HasPrefix(name, "[resource-") {
			function = func(context.Context, []uint64) {}
		}
		builders[module].NewFunctionBuilder().
			WithGoFunction(function, definition.ParamTypes(), definition.ResultTypes()).
			Export(name)
	}
	for _, builder := range builders {
		if _, err := builder.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Policy is a loaded policy.
type Policy struct {
	rules  *Rules
	handle uint32
}

// Load loads a policy document as of a time. The error of a document with errors has all of its findings.
func (rules *Rules) Load(ctx context.Context, document string, at time.Time) (*Policy, error) {
	text, err := rules.string(ctx, document)
	if err != nil {
		return nil, err
	}
	const load = admission + "#[static]policy.load"
	result, err := rules.call(ctx, load, text.pointer, text.length, uint64(at.Unix()))
	if err != nil {
		return nil, err
	}
	defer rules.free(ctx, load, result)
	// result<loaded-policy, list<finding>>: the case, and from byte 4 the handle of the policy, or pointer and length.
	if rules.word(result) == 0 {
		return &Policy{rules: rules, handle: rules.word(result + 4)}, nil
	}
	var findings []string
	for index := range rules.word(result + 8) {
		finding := rules.word(result+4) + index*findingSize
		code, message := rules.text(finding+findingCode), rules.text(finding+findingMessage)
		findings = append(findings, fmt.Sprintf("error[%s]: %s", code, message))
	}
	return nil, fmt.Errorf("%s", strings.Join(findings, "\n"))
}

// A finding in memory.
const (
	findingSize    = 64
	findingCode    = 0
	findingMessage = 44
)

// DecideText returns the canonical text of the decision about an image.
func (policy *Policy) DecideText(ctx context.Context, reference string, answers []DNSAnswer) (string, error) {
	rules := policy.rules
	text, err := rules.string(ctx, reference)
	if err != nil {
		return "", err
	}
	given, err := rules.dnsAnswers(ctx, answers)
	if err != nil {
		return "", err
	}
	const image, none, some = 0, 0, 1
	const decideText = admission + "#[method]policy.decide-text"
	result, err := rules.call(ctx, decideText, uint64(policy.handle), text.pointer, text.length, image,
		none, 0, 0, // the project
		some, given.pointer, given.length)
	if err != nil {
		return "", err
	}
	defer rules.free(ctx, decideText, result)
	return rules.text(result), nil
}

// A DNS answer in memory.
const (
	answerSize    = 20
	answerKind    = 0
	answerSubject = 4
	answerNames   = 12
)

func (rules *Rules) dnsAnswers(ctx context.Context, answers []DNSAnswer) (span, error) {
	list, err := rules.allocate(ctx, len(answers)*answerSize)
	if err != nil {
		return span{}, err
	}
	for index, answer := range answers {
		at := uint32(list.pointer) + uint32(index*answerSize)
		kind := byte(0) // reverse
		if answer.Kind == "forward" {
			kind = 1
		}
		rules.module.Memory().WriteByte(at+answerKind, kind)
		subject, err := rules.string(ctx, answer.Subject)
		if err != nil {
			return span{}, err
		}
		rules.writeSpan(at+answerSubject, subject)
		names, err := rules.allocate(ctx, len(answer.Answers)*8)
		if err != nil {
			return span{}, err
		}
		for index, name := range answer.Answers {
			text, err := rules.string(ctx, name)
			if err != nil {
				return span{}, err
			}
			rules.writeSpan(uint32(names.pointer)+uint32(index*8), text)
		}
		rules.writeSpan(at+answerNames, span{names.pointer, uint64(len(answer.Answers))})
	}
	return span{list.pointer, uint64(len(answers))}, nil
}

// span is a string or a list in the module's memory: its address, and its length in bytes or elements.
type span struct{ pointer, length uint64 }

// allocate returns memory, which the function that it is passed to owns and frees.
func (rules *Rules) allocate(ctx context.Context, size int) (span, error) {
	if size == 0 {
		return span{pointer: 4}, nil
	}
	results, err := rules.module.ExportedFunction("cabi_realloc").Call(ctx, 0, 0, 4, uint64(size))
	if err != nil {
		return span{}, err
	}
	return span{results[0], uint64(size)}, nil
}

func (rules *Rules) string(ctx context.Context, text string) (span, error) {
	allocated, err := rules.allocate(ctx, len(text))
	if err == nil && len(text) > 0 {
		rules.module.Memory().WriteString(uint32(allocated.pointer), text)
	}
	return allocated, err
}

func (rules *Rules) writeSpan(at uint32, value span) {
	rules.module.Memory().WriteUint32Le(at, uint32(value.pointer))
	rules.module.Memory().WriteUint32Le(at+4, uint32(value.length))
}

// call calls a function whose result is in memory, and returns its address. A trap is an error: deny.
func (rules *Rules) call(ctx context.Context, name string, arguments ...uint64) (uint32, error) {
	results, err := rules.module.ExportedFunction(name).Call(ctx, arguments...)
	if err != nil {
		return 0, err
	}
	return uint32(results[0]), nil
}

// free returns the memory of a result.
func (rules *Rules) free(ctx context.Context, name string, result uint32) {
	if function := rules.module.ExportedFunction("cabi_post_" + name); function != nil {
		_, _ = function.Call(ctx, uint64(result))
	}
}

func (rules *Rules) word(at uint32) uint32 {
	bytes, ok := rules.module.Memory().Read(at, 4)
	if !ok {
		panic("the module returned an address outside of its memory")
	}
	return binary.LittleEndian.Uint32(bytes)
}

func (rules *Rules) text(at uint32) string {
	bytes, ok := rules.module.Memory().Read(rules.word(at), rules.word(at+4))
	if !ok {
		panic("the module returned a text outside of its memory")
	}
	return string(bytes)
}
