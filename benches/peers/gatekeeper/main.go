// Gatekeeper's validating webhook without a cluster: its own handler, target and Rego driver, on the objects that its
// controllers would bring: one ConstraintTemplate and one constraint.
//
//	gatekeeper-webhook TEMPLATE CONSTRAINT CERTIFICATES PORT
//
// CERTIFICATES is a folder with `tls.crt` and `tls.key`.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"strconv"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/templates/v1beta1"
	constraintclient "github.com/open-policy-agent/frameworks/constraint/pkg/client"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/drivers/rego"
	"github.com/open-policy-agent/frameworks/constraint/pkg/core/templates"
	"github.com/open-policy-agent/gatekeeper/v3/apis/config/v1alpha1"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/controller/config/process"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/expansion"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/mutation"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/target"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/util"
	gatekeeper "github.com/open-policy-agent/gatekeeper/v3/pkg/webhook"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: gatekeeper-webhook TEMPLATE CONSTRAINT CERTIFICATES PORT")
	}
	ctrllog.SetLogger(zap.New())
	if err := serve(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, template, constraint, certificates, port string) error {
	opa, err := load(ctx, template, constraint)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: number, CertDir: certificates})
	mutations := mutation.NewSystem(mutation.SystemOpts{})
	dependencies := gatekeeper.Dependencies{
		OpaClient:       opa,
		ProcessExcluder: process.Get(),
		MutationSystem:  mutations,
		ExpansionSystem: expansion.NewSystem(mutations),
	}
	if err := gatekeeper.AddPolicyWebhook(&clusterless{server: server}, dependencies); err != nil {
		return err
	}
	return server.Start(ctx)
}

// load returns the constraint framework's client with the template and the constraint of two YAML files, set up as
// Gatekeeper's main does.
func load(ctx context.Context, template, constraint string) (*constraintclient.Client, error) {
	driver, err := rego.New(rego.Tracing(false), rego.Externs())
	if err != nil {
		return nil, err
	}
	opa, err := constraintclient.NewClient(
		constraintclient.Targets(&target.K8sValidationTarget{}),
		constraintclient.Driver(driver),
		constraintclient.EnforcementPoints(util.WebhookEnforcementPoint),
	)
	if err != nil {
		return nil, err
	}
	versioned := &v1beta1.ConstraintTemplate{}
	if err := read(template, versioned); err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	unversioned := &templates.ConstraintTemplate{}
	if err := scheme.Convert(versioned, unversioned, nil); err != nil {
		return nil, err
	}
	if _, err := opa.AddTemplate(ctx, unversioned); err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	if err := read(constraint, object); err != nil {
		return nil, err
	}
	_, err = opa.AddConstraint(ctx, object)
	return opa, err
}

func read(path string, object any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, object)
}

// clusterless has the parts of a manager that the webhook asks for.
type clusterless struct {
	manager.Manager
	server webhook.Server
}

func (c *clusterless) GetClient() client.Client         { return cache{} }
func (c *clusterless) GetAPIReader() client.Reader      { return cache{} }
func (c *clusterless) GetConfig() *rest.Config          { return &rest.Config{} }
func (c *clusterless) GetWebhookServer() webhook.Server { return c.server }

// cache answers at once what Gatekeeper reads from its cache: namespaces, and its settings, which are empty.
type cache struct {
	client.Client
}

func (cache) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	switch object := object.(type) {
	case *corev1.Namespace:
		object.Name = key.Name
		return nil
	case *v1alpha1.Config:
		return nil
	default:
		return errors.New("not found")
	}
}
