package region

import (
	"context"
	"crypto/sha1" //nolint:gosec // IAM names certificates by it
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/internal/addons"
	domain "github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/serviceaccounts"
)

var (
	_ serviceaccounts.AWS = (*Region)(nil)
	_ addons.AWS          = (*Region)(nil)
)

// OIDCProvider is the ARN of the provider of an issuer.
func (r *Region) OIDCProvider(ctx context.Context, issuer string) (string, error) {
	output, err := r.iam.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		return "", meaning(err)
	}
	suffix := ":oidc-provider/" + strings.TrimPrefix(issuer, "https://")
	for _, one := range output.OpenIDConnectProviderList {
		if arn := sdk.ToString(one.Arn); strings.HasSuffix(arn, suffix) {
			return arn, nil
		}
	}
	return "", fmt.Errorf("IAM OIDC provider of %s: %w", issuer, domain.ErrNotFound)
}

// CreateOIDCProvider makes the provider of an issuer.
func (r *Region) CreateOIDCProvider(ctx context.Context, issuer, thumbprint string, tags map[string]string) (string, error) {
	input := &iam.CreateOpenIDConnectProviderInput{Url: &issuer, ClientIDList: []string{"sts.amazonaws.com"}}
	if thumbprint != "" {
		input.ThumbprintList = []string{thumbprint}
	}
	for key, value := range tags {
		input.Tags = append(input.Tags, types.Tag{Key: sdk.String(key), Value: sdk.String(value)})
	}
	slices.SortFunc(input.Tags, func(a, b types.Tag) int { return cmpStrings(*a.Key, *b.Key) })
	output, err := r.iam.CreateOpenIDConnectProvider(ctx, input)
	if err != nil {
		return "", meaning(err)
	}
	return sdk.ToString(output.OpenIDConnectProviderArn), nil
}

// thumbprintTimeout bounds the look at an issuer's certificates.
const thumbprintTimeout = 5 * time.Second

// Thumbprint is SHA-1 of the last certificate that an issuer presents.
func (*Region) Thumbprint(ctx context.Context, issuer string) (string, error) {
	address, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	host := address.Host
	if address.Port() == "" {
		host = net.JoinHostPort(address.Hostname(), "443")
	}
	ctx, cancel := context.WithTimeout(ctx, thumbprintTimeout)
	defer cancel()
	// The certificates are looked at, not trusted.
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: address.Hostname()}} //nolint:gosec // see above
	connection, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	chain := connection.(*tls.Conn).ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return "", fmt.Errorf("%s presents no certificate", host)
	}
	return fmt.Sprintf("%x", sha1.Sum(chain[len(chain)-1].Raw)), nil
}

// Addons lists the names of a cluster's add-ons.
func (r *Region) Addons(ctx context.Context, cluster string) ([]string, error) {
	var all []string
	pages := eks.NewListAddonsPaginator(r.eks, &eks.ListAddonsInput{ClusterName: &cluster})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, meaning(err)
		}
		all = append(all, page.Addons...)
	}
	slices.Sort(all)
	return all, nil
}

// Addon describes an add-on.
func (r *Region) Addon(ctx context.Context, cluster, name string) (*domain.Addon, error) {
	output, err := r.eks.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: &cluster, AddonName: &name})
	if err != nil {
		return nil, meaning(err)
	}
	a := output.Addon
	addon := &domain.Addon{
		Name: sdk.ToString(a.AddonName), Version: sdk.ToString(a.AddonVersion), Status: string(a.Status), RoleARN: sdk.ToString(a.ServiceAccountRoleArn),
		ConfigurationValues: sdk.ToString(a.ConfigurationValues), PodIdentityAssociation: a.PodIdentityAssociations, Tags: a.Tags,
	}
	if a.NamespaceConfig != nil {
		addon.Namespace = sdk.ToString(a.NamespaceConfig.Namespace)
	}
	if a.Health != nil {
		for _, issue := range a.Health.Issues {
			addon.Issues = append(addon.Issues, domain.Issue{Code: string(issue.Code), Message: sdk.ToString(issue.Message), Resources: issue.ResourceIds})
		}
	}
	return addon, nil
}

// CreateAddon begins to make an add-on.
func (r *Region) CreateAddon(ctx context.Context, request addons.Request) error {
	input := &eks.CreateAddonInput{
		ClusterName: &request.Cluster, AddonName: &request.Name, ResolveConflicts: ekstypes.ResolveConflicts(request.ResolveConflicts), Tags: request.Tags,
		AddonVersion: given(request.Version), ServiceAccountRoleArn: given(request.RoleARN), ConfigurationValues: given(request.ConfigurationValues),
	}
	if request.Namespace != "" {
		input.NamespaceConfig = &ekstypes.AddonNamespaceConfigRequest{Namespace: &request.Namespace}
	}
	for _, one := range request.PodIdentities {
		input.PodIdentityAssociations = append(input.PodIdentityAssociations, ekstypes.AddonPodIdentityAssociations{
			ServiceAccount: sdk.String(one.ServiceAccount), RoleArn: sdk.String(one.RoleARN),
		})
	}
	_, err := r.eks.CreateAddon(ctx, input)
	return meaning(err)
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// DeleteAddon begins to delete an add-on.
func (r *Region) DeleteAddon(ctx context.Context, cluster, name string, preserve bool) error {
	_, err := r.eks.DeleteAddon(ctx, &eks.DeleteAddonInput{ClusterName: &cluster, AddonName: &name, Preserve: preserve})
	return meaning(err)
}

// AddonVersions lists the versions of an add-on for a version of Kubernetes,
// newest first, as EKS orders them.
func (r *Region) AddonVersions(ctx context.Context, name, kubernetes string) ([]domain.AddonVersion, error) {
	var all []domain.AddonVersion
	pages := eks.NewDescribeAddonVersionsPaginator(r.eks, &eks.DescribeAddonVersionsInput{AddonName: &name, KubernetesVersion: &kubernetes})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, meaning(err)
		}
		for i := range page.Addons {
			for _, one := range page.Addons[i].AddonVersions {
				version := domain.AddonVersion{Version: sdk.ToString(one.AddonVersion)}
				for _, compatible := range one.Compatibilities {
					version.Default = version.Default || compatible.DefaultVersion
				}
				all = append(all, version)
			}
		}
	}
	return all, nil
}
