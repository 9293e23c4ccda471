package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
)

// aliasParameter is an SSM parameter that holds the image for some variants.
type aliasParameter struct {
	path     string
	variants []variant
}

// aliasQuery looks up the images of family@version in the public SSM
// parameters. Not every architecture and variant exists for every version;
// one at least must.
func (p *Provider) aliasQuery(ctx context.Context, alias string) (imageQuery, error) {
	parameters, err := aliasParameters(alias, p.cluster.Version)
	if err != nil {
		return imageQuery{}, err
	}
	query := imageQuery{variants: map[string][]variant{}}
	for _, parameter := range parameters {
		id, err := p.parameter(ctx, parameter.path)
		if isNotFoundCode(errorCode(err)) {
			continue
		}
		if err != nil {
			return imageQuery{}, classify(err, fmt.Sprintf("reading SSM parameter %q for alias %q", parameter.path, alias))
		}
		query.variants[id] = append(query.variants[id], parameter.variants...)
	}
	if len(query.variants) == 0 {
		return imageQuery{}, &cloud.TerminalError{Reason: "AMINotFound", Err: fmt.Errorf(
			"alias %q has no image for Kubernetes %s; use a version that exists, such as %s@latest", alias, p.cluster.Version, familyOf(alias))}
	}
	ids := slices.Sorted(maps.Keys(query.variants))
	query.filters = []types.Filter{{Name: sdk.String("image-id"), Values: ids}}
	return query, nil
}

func familyOf(alias string) string {
	family, _, _ := strings.Cut(alias, "@")
	return family
}

// aliasParameters lists the public parameters of an alias, see
// https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html and
// https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id-bottlerocket.html
func aliasParameters(alias, kubernetes string) ([]aliasParameter, error) {
	family, version, ok := strings.Cut(alias, "@")
	if !ok || version == "" {
		return nil, invalidAlias(alias, "it must be family@version, such as al2023@latest")
	}
	switch family {
	case strings.ToLower(ec2v1.AMIFamilyAL2023):
		return al2023Parameters(kubernetes, version), nil
	case strings.ToLower(ec2v1.AMIFamilyBottlerocket):
		return bottlerocketParameters(kubernetes, version), nil
	case strings.ToLower(ec2v1.AMIFamilyAL2):
		if minorVersion(kubernetes) >= 33 {
			return nil, invalidAlias(alias, "Kubernetes 1.33 and later have no AL2 images; use al2023@latest")
		}
		return al2Parameters(kubernetes, version), nil
	}
	return nil, invalidAlias(alias, "the family must be al2023, bottlerocket or al2")
}

func invalidAlias(alias, right string) error {
	return &cloud.TerminalError{Reason: "AMIAliasInvalid", Err: fmt.Errorf("amiSelectorTerms: alias %q: %s", alias, right)}
}

func al2023Parameters(kubernetes, version string) []aliasParameter {
	var parameters []aliasParameter
	for _, each := range []struct {
		arch    string
		variant variant
	}{{"x86_64", standard}, {"x86_64", nvidia}, {"x86_64", neuron}, {"arm64", standard}, {"arm64", nvidia}} {
		name := "recommended"
		if version != ec2v1.AliasVersionLatest {
			name = fmt.Sprintf("amazon-eks-node-al2023-%s-%s-%s-%s", each.arch, each.variant, kubernetes, version)
		}
		parameters = append(parameters, aliasParameter{
			path:     fmt.Sprintf("/aws/service/eks/optimized-ami/%s/amazon-linux-2023/%s/%s/%s/image_id", kubernetes, each.arch, each.variant, name),
			variants: []variant{each.variant},
		})
	}
	return parameters
}

func bottlerocketParameters(kubernetes, version string) []aliasParameter {
	// Releases are named v1.2.3, the parameters 1.2.3.
	version = strings.TrimPrefix(version, "v")
	path := func(flavour, arch string) string {
		return fmt.Sprintf("/aws/service/bottlerocket/aws-k8s-%s%s/%s/%s/image_id", kubernetes, flavour, arch, version)
	}
	return []aliasParameter{
		{path("", "x86_64"), []variant{standard, neuron}},
		{path("", "arm64"), []variant{standard}},
		{path("-nvidia", "x86_64"), []variant{nvidia}},
		{path("-nvidia", "arm64"), []variant{nvidia}},
	}
}

func al2Parameters(kubernetes, version string) []aliasParameter {
	path := func(flavour string) string {
		name := "recommended"
		if version != ec2v1.AliasVersionLatest {
			name = fmt.Sprintf("amazon-eks%s-node-%s-%s", strings.TrimPrefix(flavour, "amazon-linux-2"), kubernetes, version)
		}
		return fmt.Sprintf("/aws/service/eks/optimized-ami/%s/%s/%s/image_id", kubernetes, flavour, name)
	}
	return []aliasParameter{
		{path("amazon-linux-2"), []variant{standard}},
		{path("amazon-linux-2-arm64"), []variant{standard}},
		{path("amazon-linux-2-gpu"), []variant{nvidia, neuron}},
	}
}
