package iamapi

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

const (
	mostClientIDs   = 100
	mostThumbprints = 5
)

var thumbprintPattern = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)

func noProvider(arn string) error {
	return awserr.WithStatus(notFound, "NoSuchEntity", "OpenIDConnect Provider not found for arn %s", arn)
}

// CreateOpenIDConnectProvider makes an identity provider that the trust
// policies of roles may name.
func (i *IAM) CreateOpenIDConnectProvider(_ context.Context, in *iam.CreateOpenIDConnectProviderInput) (*iam.CreateOpenIDConnectProviderOutput, error) {
	name, err := providerName(aws.ToString(in.Url))
	if err != nil {
		return nil, err
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	if len(in.ClientIDList) > mostClientIDs {
		return nil, awserr.WithStatus(conflict, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", mostClientIDs)
	}
	tags, err := readTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	arn := *i.arn("oidc-provider", "/", name)
	err = i.world.Store.Update(func(tx *store.Tx) error {
		if _, exists := i.world.Providers.Get(arn); exists {
			return awserr.WithStatus(conflict, "EntityAlreadyExists", "Provider with url %s already exists.", *in.Url)
		}
		return i.world.Providers.Put(tx, arn, world.OIDCProvider{
			URL: name, ClientIDs: in.ClientIDList, Thumbprints: in.ThumbprintList, Created: i.world.Clock.Now(), Tags: tags,
		})
	})
	if err != nil {
		return nil, err
	}
	return &iam.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: &arn, Tags: tagList(tags)}, nil
}

// providerName is a provider's URL without its scheme.
func providerName(text string) (string, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.RawQuery != "" {
		return "", awserr.New("ValidationError", "Invalid Open ID Connect Provider URL")
	}
	return strings.TrimSuffix(parsed.Host+parsed.Path, "/"), nil
}

func checkThumbprints(list []string) error {
	if len(list) > mostThumbprints {
		return awserr.New("InvalidInput", "Thumbprint list must contain fewer than %d entries.", mostThumbprints+1)
	}
	for _, thumbprint := range list {
		if !thumbprintPattern.MatchString(thumbprint) {
			return awserr.New("ValidationError", "Thumbprint %s is not valid: it must be 40 hexadecimal digits", thumbprint)
		}
	}
	return nil
}

// GetOpenIDConnectProvider gives an identity provider.
func (i *IAM) GetOpenIDConnectProvider(_ context.Context, in *iam.GetOpenIDConnectProviderInput) (*iam.GetOpenIDConnectProviderOutput, error) {
	p, err := i.provider(in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &iam.GetOpenIDConnectProviderOutput{
		Url: aws.String(p.URL), ClientIDList: p.ClientIDs, ThumbprintList: p.Thumbprints, CreateDate: aws.Time(p.Created), Tags: tagList(p.Tags),
	}, nil
}

func (i *IAM) provider(arn *string) (p world.OIDCProvider, err error) {
	i.world.Store.View(func() {
		var found bool
		if p, found = i.world.Providers.Get(aws.ToString(arn)); !found {
			err = noProvider(aws.ToString(arn))
		}
	})
	return p, err
}

// ListOpenIDConnectProviders names the identity providers.
func (i *IAM) ListOpenIDConnectProviders(context.Context, *iam.ListOpenIDConnectProvidersInput) (*iam.ListOpenIDConnectProvidersOutput, error) {
	out := &iam.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []types.OpenIDConnectProviderListEntry{}}
	i.world.Store.View(func() {
		for _, arn := range i.world.Providers.Keys() {
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, types.OpenIDConnectProviderListEntry{Arn: aws.String(arn)})
		}
	})
	return out, nil
}

// DeleteOpenIDConnectProvider deletes an identity provider; one that there is
// not is no error.
func (i *IAM) DeleteOpenIDConnectProvider(_ context.Context, in *iam.DeleteOpenIDConnectProviderInput) (*iam.DeleteOpenIDConnectProviderOutput, error) {
	err := i.world.Store.Update(func(tx *store.Tx) error {
		i.world.Providers.Delete(tx, aws.ToString(in.OpenIDConnectProviderArn))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeleteOpenIDConnectProviderOutput{}, nil
}

func (i *IAM) updateProvider(arn *string, change func(*world.OIDCProvider) error) error {
	return i.world.Store.Update(func(tx *store.Tx) error {
		p, found := i.world.Providers.Get(aws.ToString(arn))
		if !found {
			return noProvider(aws.ToString(arn))
		}
		if err := change(&p); err != nil {
			return err
		}
		return i.world.Providers.Put(tx, *arn, p)
	})
}

// AddClientIDToOpenIDConnectProvider adds an audience whose tokens are taken.
func (i *IAM) AddClientIDToOpenIDConnectProvider(_ context.Context, in *iam.AddClientIDToOpenIDConnectProviderInput) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
	err := i.updateProvider(in.OpenIDConnectProviderArn, func(p *world.OIDCProvider) error {
		if slices.Contains(p.ClientIDs, aws.ToString(in.ClientID)) {
			return nil
		}
		if len(p.ClientIDs) >= mostClientIDs {
			return awserr.WithStatus(conflict, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", mostClientIDs)
		}
		p.ClientIDs = append(slices.Clone(p.ClientIDs), *in.ClientID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.AddClientIDToOpenIDConnectProviderOutput{}, nil
}

// RemoveClientIDFromOpenIDConnectProvider removes an audience; one that there
// is not is no error.
func (i *IAM) RemoveClientIDFromOpenIDConnectProvider(_ context.Context, in *iam.RemoveClientIDFromOpenIDConnectProviderInput) (*iam.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	err := i.updateProvider(in.OpenIDConnectProviderArn, func(p *world.OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(slices.Clone(p.ClientIDs), func(id string) bool { return id == aws.ToString(in.ClientID) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.RemoveClientIDFromOpenIDConnectProviderOutput{}, nil
}

// UpdateOpenIDConnectProviderThumbprint replaces the thumbprints of a
// provider's certificates, which are kept, not checked.
func (i *IAM) UpdateOpenIDConnectProviderThumbprint(_ context.Context, in *iam.UpdateOpenIDConnectProviderThumbprintInput) (*iam.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	err := i.updateProvider(in.OpenIDConnectProviderArn, func(p *world.OIDCProvider) error {
		p.Thumbprints = in.ThumbprintList
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.UpdateOpenIDConnectProviderThumbprintOutput{}, nil
}

// TagOpenIDConnectProvider adds tags to an identity provider.
func (i *IAM) TagOpenIDConnectProvider(_ context.Context, in *iam.TagOpenIDConnectProviderInput) (*iam.TagOpenIDConnectProviderOutput, error) {
	err := i.updateProvider(in.OpenIDConnectProviderArn, func(p *world.OIDCProvider) (err error) {
		p.Tags, err = readTags(p.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iam.TagOpenIDConnectProviderOutput{}, nil
}

// UntagOpenIDConnectProvider removes tags from an identity provider.
func (i *IAM) UntagOpenIDConnectProvider(_ context.Context, in *iam.UntagOpenIDConnectProviderInput) (*iam.UntagOpenIDConnectProviderOutput, error) {
	err := i.updateProvider(in.OpenIDConnectProviderArn, func(p *world.OIDCProvider) error {
		p.Tags = without(p.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.UntagOpenIDConnectProviderOutput{}, nil
}

// ListOpenIDConnectProviderTags lists the tags of an identity provider.
func (i *IAM) ListOpenIDConnectProviderTags(_ context.Context, in *iam.ListOpenIDConnectProviderTagsInput) (*iam.ListOpenIDConnectProviderTagsOutput, error) {
	p, err := i.provider(in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	part, next, err := page(tagList(p.Tags), in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListOpenIDConnectProviderTagsOutput{Tags: part, Marker: next, IsTruncated: next != nil}, nil
}
