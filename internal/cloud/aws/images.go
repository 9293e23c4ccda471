package aws

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/cloud"
)

// image is an AMI with what decides between it and its like.
type image struct {
	ec2v1.AMI
	created time.Time
}

// imageQuery is one DescribeImages call. Variants names, by image id, what
// kinds of instances an image is made for; other images are for all of their
// architecture.
type imageQuery struct {
	filters  []types.Filter
	owners   []string
	variants map[string][]variant
}

// resolveImages finds the AMIs of a class, newest first. Of images made for the
// same instances only the best remains: one that is not deprecated before one
// that is, then the newest.
func (p *Provider) resolveImages(ctx context.Context, class *ec2v1.EC2NodeClass) ([]ec2v1.AMI, error) {
	queries, err := p.imageQueries(ctx, class)
	if err != nil {
		return nil, err
	}
	best := map[string]image{}
	for _, query := range queries {
		found, err := p.describeImages(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, candidate := range found {
			key := fmt.Sprint(candidate.Requirements)
			if known, ok := best[key]; !ok || better(candidate, known) {
				best[key] = candidate
			}
		}
	}
	chosen := inOrder(best)
	sort.SliceStable(chosen, func(i, j int) bool {
		if !chosen[i].created.Equal(chosen[j].created) {
			return chosen[i].created.After(chosen[j].created)
		}
		return chosen[i].ID < chosen[j].ID
	})
	amis := make([]ec2v1.AMI, 0, len(chosen))
	for _, each := range chosen {
		amis = append(amis, each.AMI)
	}
	return amis, nil
}

func better(a, b image) bool {
	if a.Deprecated != b.Deprecated {
		return b.Deprecated
	}
	if !a.created.Equal(b.created) {
		return a.created.After(b.created)
	}
	return a.Name > b.Name
}

func (p *Provider) imageQueries(ctx context.Context, class *ec2v1.EC2NodeClass) ([]imageQuery, error) {
	var queries []imageQuery
	var ids []string
	for _, term := range class.Spec.AMISelectorTerms {
		switch {
		case term.Alias != "":
			query, err := p.aliasQuery(ctx, term.Alias)
			if err != nil {
				return nil, err
			}
			queries = append(queries, query)
		case term.ID != "":
			ids = append(ids, term.ID)
		case term.SSMParameter != "":
			id, err := p.parameterImage(ctx, term.SSMParameter)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		default:
			queries = append(queries, searchQuery(term))
		}
	}
	if len(ids) > 0 {
		queries = append(queries, imageQuery{filters: []types.Filter{{Name: sdk.String("image-id"), Values: ids}}})
	}
	return queries, nil
}

// searchQuery looks for images by name and tags. A name without an owner is
// looked for among the account's own and Amazon's images only: anybody can
// publish an image under any name.
func searchQuery(term ec2v1.AMISelectorTerm) imageQuery {
	query := imageQuery{filters: append(filterIf("name", term.Name), tagFilters(term.Tags)...)}
	switch {
	case term.Owner != "":
		query.owners = []string{term.Owner}
	case term.Name != "":
		query.owners = []string{"self", "amazon"}
	}
	return query
}

func (p *Provider) parameterImage(ctx context.Context, name string) (string, error) {
	id, err := p.parameter(ctx, name)
	if isNotFoundCode(errorCode(err)) {
		return "", &cloud.TerminalError{Reason: "SSMParameterNotFound",
			Err: fmt.Errorf("SSM parameter %q of amiSelectorTerms does not exist in %s; correct its name: %w", name, p.region, err)}
	}
	if err != nil {
		return "", classify(err, fmt.Sprintf("reading SSM parameter %q of amiSelectorTerms", name))
	}
	if !strings.HasPrefix(id, "ami-") {
		return "", &cloud.TerminalError{Reason: "SSMParameterInvalid",
			Err: fmt.Errorf("SSM parameter %q of amiSelectorTerms holds %q; it must hold the id of an AMI (ami-...)", name, id)}
	}
	return id, nil
}

func (p *Provider) parameter(ctx context.Context, name string) (string, error) {
	answer, err := p.clients.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", err
	}
	if answer.Parameter == nil {
		return "", nil
	}
	return sdk.ToString(answer.Parameter.Value), nil
}

func (p *Provider) describeImages(ctx context.Context, query imageQuery) ([]image, error) {
	filters := append(query.filters, types.Filter{Name: sdk.String("state"), Values: []string{string(types.ImageStateAvailable)}})
	pages := ec2.NewDescribeImagesPaginator(p.clients.EC2, &ec2.DescribeImagesInput{
		Filters: filters, Owners: query.owners, IncludeDeprecated: sdk.Bool(true), MaxResults: sdk.Int32(1000),
	})
	var images []image
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(err, "describing images for "+describeFilters(query.filters))
		}
		for _, each := range page.Images {
			images = append(images, p.readImage(each, query.variants[sdk.ToString(each.ImageId)])...)
		}
	}
	return images, nil
}

// readImage is one image for each variant it serves; none for an architecture
// that Kubernetes nodes do not have.
func (p *Provider) readImage(each types.Image, variants []variant) []image {
	arch, known := ec2v1.AWSToKubeArchitectures[string(each.Architecture)]
	if !known {
		return nil
	}
	if len(variants) == 0 {
		variants = []variant{anyInstance}
	}
	images := make([]image, 0, len(variants))
	for _, variant := range variants {
		images = append(images, image{
			created: parseTime(each.CreationDate),
			AMI: ec2v1.AMI{
				ID:           sdk.ToString(each.ImageId),
				Name:         sdk.ToString(each.Name),
				Deprecated:   p.isDeprecated(each.DeprecationTime),
				Requirements: variant.requirements(arch),
			},
		})
	}
	return images
}

func (p *Provider) isDeprecated(deprecation *string) bool {
	since := parseTime(deprecation)
	return !since.IsZero() && !p.now().Before(since)
}

// parseTime is zero for a time that is missing or unreadable.
func parseTime(text *string) time.Time {
	parsed, err := time.Parse(time.RFC3339, sdk.ToString(text))
	if err != nil {
		return time.Time{}
	}
	return parsed
}

// variant says what instances an image is made for.
type variant string

const (
	anyInstance variant = ""
	standard    variant = "standard"
	nvidia      variant = "nvidia"
	neuron      variant = "neuron"
)

func (v variant) requirements(arch string) []corev1.NodeSelectorRequirement {
	requirements := []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{arch}},
	}
	require := func(label string, operator corev1.NodeSelectorOperator) {
		requirements = append(requirements, corev1.NodeSelectorRequirement{Key: label, Operator: operator})
	}
	switch v {
	case standard:
		require(ec2v1.LabelInstanceAcceleratorCount, corev1.NodeSelectorOpDoesNotExist)
		require(ec2v1.LabelInstanceGPUCount, corev1.NodeSelectorOpDoesNotExist)
	case nvidia:
		require(ec2v1.LabelInstanceGPUCount, corev1.NodeSelectorOpExists)
	case neuron:
		require(ec2v1.LabelInstanceAcceleratorCount, corev1.NodeSelectorOpExists)
	}
	return requirements
}

// minorVersion is the second number of a version such as 1.37, -1 if there is none.
func minorVersion(version string) int {
	_, minor, _ := strings.Cut(version, ".")
	number, err := strconv.Atoi(minor)
	if err != nil {
		return -1
	}
	return number
}
