package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"golang.org/x/sync/singleflight"
)

// templateUnusedFor is how long a launch template is kept after its last use.
// A fleet of type instant needs it only while CreateFleet runs.
const templateUnusedFor = time.Hour

// maxTemplates is the page size of DescribeLaunchTemplates.
const maxTemplates = 200

// templates keeps the launch templates of this cluster. A template is named by
// a hash of its content, so that whoever needs the same one finds it, and one
// that was deleted is made again alike.
type templates struct {
	ec2    EC2
	making singleflight.Group

	mu       sync.Mutex
	loaded   bool
	lastUsed map[string]time.Time
}

func newTemplates(client EC2) *templates {
	return &templates{ec2: client, lastUsed: map[string]time.Time{}}
}

// templateName names a template by its content; the input's own name is not
// part of it.
func templateName(input ec2.CreateLaunchTemplateInput) (string, error) {
	input.LaunchTemplateName = nil
	text, err := json.Marshal(input)
	if err != nil {
		return "", fmt.Errorf("naming a launch template: %w", err)
	}
	sum := sha256.Sum256(text)
	return ec2v1.LaunchTemplateNamePrefix + "/" + hex.EncodeToString(sum[:10]), nil
}

// ensure makes the template unless it exists, and returns its name.
func (t *templates) ensure(ctx context.Context, input *ec2.CreateLaunchTemplateInput, cluster string, now time.Time) (string, error) {
	name, err := templateName(*input)
	if err != nil {
		return "", err
	}
	if t.use(name, now) {
		return name, nil
	}
	_, err, _ = t.making.Do(name, func() (any, error) {
		if err := t.load(ctx, cluster, now); err != nil {
			return nil, err
		}
		if t.use(name, now) {
			return nil, nil
		}
		if err := t.deleteUnused(ctx, now); err != nil {
			return nil, err
		}
		return nil, t.create(ctx, *input, name, now)
	})
	return name, err
}

func (t *templates) create(ctx context.Context, input ec2.CreateLaunchTemplateInput, name string, now time.Time) error {
	input.LaunchTemplateName = &name
	_, err := t.ec2.CreateLaunchTemplate(ctx, &input)
	// The name stands for the content: one that exists is the one wanted.
	if err != nil && errorCode(err) != codeTemplateExists {
		return classify(err, fmt.Sprintf("creating launch template %q", name))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastUsed[name] = now
	return nil
}

// use notes the use of a template and reports whether it is known to exist.
func (t *templates) use(name string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.lastUsed[name]; !known {
		return false
	}
	t.lastUsed[name] = now
	return true
}

// forget is for a template that turned out not to exist.
func (t *templates) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.lastUsed, name)
}

// load finds, once, what earlier runs left.
func (t *templates) load(ctx context.Context, cluster string, now time.Time) error {
	t.mu.Lock()
	loaded := t.loaded
	t.mu.Unlock()
	if loaded {
		return nil
	}
	names, err := t.find(ctx, tagFilters(map[string]string{ec2v1.EKSClusterNameTagKey: cluster}))
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded = true
	for _, name := range names {
		t.lastUsed[name] = now
	}
	return nil
}

func (t *templates) find(ctx context.Context, filters []types.Filter) ([]string, error) {
	pages := ec2.NewDescribeLaunchTemplatesPaginator(t.ec2, &ec2.DescribeLaunchTemplatesInput{
		Filters: filters, MaxResults: sdk.Int32(maxTemplates),
	})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(err, "describing launch templates for "+describeFilters(filters))
		}
		for _, template := range page.LaunchTemplates {
			names = append(names, sdk.ToString(template.LaunchTemplateName))
		}
	}
	return names, nil
}

func (t *templates) deleteUnused(ctx context.Context, now time.Time) error {
	t.mu.Lock()
	var unused []string
	for _, name := range slices.Sorted(maps.Keys(t.lastUsed)) {
		if now.Sub(t.lastUsed[name]) > templateUnusedFor {
			unused = append(unused, name)
		}
	}
	t.mu.Unlock()
	return t.deleteNamed(ctx, unused)
}

// deleteAll removes the templates of a NodeClass.
func (t *templates) deleteAll(ctx context.Context, cluster, class string) error {
	names, err := t.find(ctx, tagFilters(map[string]string{ec2v1.EKSClusterNameTagKey: cluster, ec2v1.NodeClassTagKey: class}))
	if err != nil {
		return err
	}
	return t.deleteNamed(ctx, names)
}

func (t *templates) deleteNamed(ctx context.Context, names []string) error {
	for _, name := range names {
		t.forget(name)
		_, err := t.ec2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: &name})
		if err != nil && !isNotFoundCode(errorCode(err)) {
			return classify(err, fmt.Sprintf("deleting launch template %q", name))
		}
	}
	return nil
}
