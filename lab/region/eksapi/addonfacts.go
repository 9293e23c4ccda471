package eksapi

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/region/world"
)

// addonFacts are the add-ons that the lab knows, with the version that it ships.
type addonFacts struct {
	name, kind, version string
	// ships says that the lab runs its pods; without is what there is not when
	// it does not.
	ships         bool
	without       string
	iam           bool   // its pods need a role
	account       string // its service account
	configuration string // what is recommended for the role
}

func knownAddons() []addonFacts {
	return []addonFacts{
		{name: "aws-ebs-csi-driver", kind: "storage", version: "v1.51.0-eksbuild.1", iam: true, account: "ebs-csi-controller-sa",
			without: "volumes are provisioned without it", configuration: "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"},
		{name: "coredns", kind: "networking", version: "v1.13.1-eksbuild.1", ships: true},
		{name: "eks-pod-identity-agent", kind: "security", version: "v1.3.10-eksbuild.1", without: "pod identity associations are kept but give pods no credentials"},
		{name: "kube-proxy", kind: "networking", version: "v1.37.2-eksbuild.1", ships: true},
		{name: "vpc-cni", kind: "networking", version: "v1.20.4-eksbuild.2", ships: true, iam: true, account: "aws-node",
			configuration: "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"},
	}
}

// facts finds an add-on by name.
func facts(name string) (addonFacts, error) {
	known := knownAddons()
	at := slices.IndexFunc(known, func(f addonFacts) bool { return f.name == name })
	if at < 0 {
		return addonFacts{}, invalid("Addon %s specified is not supported", name)
	}
	return known[at], nil
}

// clusterVersions are the Kubernetes versions that an add-on's version is for.
func (f addonFacts) clusterVersions() []string {
	if f.name != "kube-proxy" {
		return world.KubernetesVersions()
	}
	minor := strings.Join(strings.Split(strings.TrimPrefix(f.version, "v"), ".")[:2], ".")
	return []string{minor}
}

//go:embed schemas/*.json
var schemas embed.FS

func (f addonFacts) schema() (string, error) {
	text, err := schemas.ReadFile("schemas/" + f.name + ".json")
	return string(text), err
}

// checkConfiguration holds configuration values, JSON or YAML, against the
// add-on's schema.
func (f addonFacts) checkConfiguration(values string) error {
	if strings.TrimSpace(values) == "" {
		return nil
	}
	var data map[string]any
	if err := yaml.UnmarshalStrict([]byte(values), &data); err != nil {
		return invalid("ConfigurationValue is not in valid JSON or YAML format: %v", err)
	}
	schema, err := f.compile()
	if err != nil {
		return err
	}
	if err := schema.Validate(data); err != nil {
		return invalid("ConfigurationValue provided in request is not supported: Json schema validation failed with error: [%s]", flat(err))
	}
	return nil
}

func (f addonFacts) compile() (*jsonschema.Schema, error) {
	text, err := f.schema()
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema of add-on %s: %w", f.name, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(f.name, document); err != nil {
		return nil, fmt.Errorf("schema of add-on %s: %w", f.name, err)
	}
	return compiler.Compile(f.name)
}

// flat is what a validation found, in one line: each place with what is wrong
// there.
func flat(err error) string {
	var found *jsonschema.ValidationError
	if !errors.As(err, &found) {
		return err.Error()
	}
	var texts []string
	var leaves func(*jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			texts = append(texts, "$."+strings.Join(e.InstanceLocation, ".")+": "+e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
		}
		for _, cause := range e.Causes {
			leaves(cause)
		}
	}
	leaves(found)
	return strings.Join(texts, ", ")
}
