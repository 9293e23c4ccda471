package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/model"
)

// Launch implements cloud.Provider with one CreateFleet call of type instant
// for each capacity type among the offerings until one has capacity. Calls for
// several NodeClaims are not merged: a fleet has one client token and one set
// of tags, and both must belong to one claim for a crash to leak nothing.
//
// Before buying it looks for an instance that carries the claim's tag. The
// client token alone would not do: after a crash the request may have become
// another (prices, addresses, outages), for which EC2 refuses the same token
// rather than give the instance bought first, and EC2 forgets tokens in time.
// Look-ups of concurrent launches share a call.
func (p *Provider) Launch(ctx context.Context, request cloud.LaunchRequest) (cloud.Instance, error) {
	bought, found, err := p.byClaim.Do(ctx, request.NodeClaim)
	if err != nil {
		return cloud.Instance{}, err
	}
	if found {
		return bought, nil
	}
	var dry []model.Offering
	for _, offerings := range byCapacityType(request.Offerings) {
		instance, refused, err := p.buy(ctx, request, firstTypes(offerings, maxInstanceTypes, maxOverrides))
		dry = append(dry, refused...)
		if err != nil {
			return cloud.Instance{}, err
		}
		if instance != nil {
			p.launches.succeeded(request.ClientToken, instance.ID)
			instance.Unavailable = dry
			return *instance, nil
		}
	}
	return cloud.Instance{}, &cloud.CapacityError{Unavailable: dry, Message: summary(dry)}
}

// summary names the codes with which pools refused.
func summary(refused []model.Offering) string {
	if len(refused) == 0 {
		return "the EC2NodeClass can buy none of them any more"
	}
	counts := map[string]int{}
	for _, offering := range refused {
		counts[offering.UnavailableReason]++
	}
	codes := slices.Sorted(maps.Keys(counts))
	for i, code := range codes {
		codes[i] = fmt.Sprintf("%s (%d)", code, counts[code])
	}
	return strings.Join(codes, ", ")
}

// buy makes one fleet. It returns the instance, or nil and the pools that
// refused, or an error. A launch template that was deleted behind our back is
// made again, once.
func (p *Provider) buy(ctx context.Context, request cloud.LaunchRequest, offerings []model.Offering) (*cloud.Instance, []model.Offering, error) {
	for attempt := 0; ; attempt++ {
		o, err := p.prepare(ctx, request, offerings)
		if err != nil || len(o.templates) == 0 {
			return nil, nil, err
		}
		token := p.launches.token(request.ClientToken)
		output, err := p.clients.EC2.CreateFleet(ctx, p.fleetInput(o, token))
		if errorCode(err) == codeTemplateMissing && attempt == 0 {
			p.forgetTemplates(o)
			continue
		}
		if err != nil {
			return p.fleetFailed(ctx, o, err)
		}
		v := judge(output, o)
		p.remember(v)
		if v.instance != nil {
			return p.launched(o, *v.instance), v.refused, nil
		}
		// The fleet exists and is empty; its token would give the same answer again.
		p.launches.spent(request.ClientToken)
		if v.templateMissing {
			p.forgetTemplates(o)
		}
		switch {
		case v.templateMissing && attempt == 0:
			continue
		case len(v.refused) > 0:
			return nil, v.refused, nil
		case v.failure != nil:
			return nil, nil, v.failure
		}
		return nil, nil, errors.New("CreateFleet: the launch template vanished twice; another program may be deleting launch templates of this cluster")
	}
}

func (p *Provider) forgetTemplates(o order) {
	for _, template := range o.templates {
		p.templates.forget(template.name)
	}
}

// fleetFailed gives an API error of CreateFleet its meaning.
func (p *Provider) fleetFailed(ctx context.Context, o order, err error) (*cloud.Instance, []model.Offering, error) {
	switch code := errorCode(err); {
	case code == codeTokenReused:
		return p.afterTokenReused(ctx, o.request, err)
	case code == codeTemplateMissing:
		p.forgetTemplates(o)
		return nil, nil, fmt.Errorf("CreateFleet: launch template is gone, it will be made again: %w", err)
	case isCapacityCode(code):
		v := verdict{refused: o.refused(types.FleetLaunchTemplateOverrides{}, code)}
		p.remember(v)
		return nil, v.refused, nil
	}
	return nil, nil, classify(err, fmt.Sprintf("CreateFleet for NodeClaim %q", o.request.NodeClaim))
}

// afterTokenReused is for a token that an earlier, different request has used:
// either that request bought an instance, which shows by its tag within
// seconds, or it bought nothing, and the next token is due.
func (p *Provider) afterTokenReused(ctx context.Context, request cloud.LaunchRequest, err error) (*cloud.Instance, []model.Offering, error) {
	instance, found, lookupErr := p.byClaim.Do(ctx, request.NodeClaim)
	if lookupErr != nil {
		return nil, nil, lookupErr
	}
	if found {
		return &instance, nil, nil
	}
	p.launches.doubted(request.ClientToken)
	return nil, nil, fmt.Errorf("CreateFleet: an earlier request for NodeClaim %q may still show an instance: %w", request.NodeClaim, err)
}

// prepare finds AMI, launch template and subnet of each offering. Offerings
// that the class cannot buy any more are left out.
func (p *Provider) prepare(ctx context.Context, request cloud.LaunchRequest, offerings []model.Offering) (order, error) {
	o := order{request: request, capacityType: offerings[0].CapacityType}
	catalog, err := p.Catalog(ctx, request.NodeClass)
	if err != nil {
		return order{}, err
	}
	if o.subnets, err = p.subnets.roomiest(ctx, request.NodeClass.Status.Subnets); err != nil {
		return order{}, err
	}
	byAMI := map[string]int{}
	for rank, offering := range offerings {
		ami := instancetype.ImageFor(request.NodeClass.Status.AMIs, labelsOf(catalog, offering.InstanceType))
		if ami == nil || o.subnets[offering.Zone] == "" {
			continue
		}
		at, known := byAMI[ami.ID]
		if !known {
			at = len(o.templates)
			byAMI[ami.ID] = at
			o.templates = append(o.templates, orderTemplate{ami: ami.ID})
		}
		o.templates[at].offerings = append(o.templates[at].offerings, rankedOffering{offering, rank})
		o.offerings = append(o.offerings, offering)
	}
	for i := range o.templates {
		template := &o.templates[i]
		if template.input, err = p.templateInput(request, template.ami, o.capacityType); err != nil {
			return order{}, err
		}
		if template.name, err = p.templates.ensure(ctx, template.input, p.cluster.Name, p.now()); err != nil {
			return order{}, err
		}
	}
	return o, nil
}

// labelsOf is nil for a type that the catalog does not have.
func labelsOf(catalog model.Catalog, name string) map[string]string {
	at := sort.Search(len(catalog.InstanceTypes), func(i int) bool { return catalog.InstanceTypes[i].Name >= name })
	if at == len(catalog.InstanceTypes) || catalog.InstanceTypes[at].Name != name {
		return nil
	}
	return catalog.InstanceTypes[at].Labels
}

// remember keeps what an answer taught about capacity.
func (p *Provider) remember(v verdict) {
	for _, offering := range v.refused {
		p.unavailable.mark(offering.OfferingKey, offering.UnavailableReason)
	}
	for _, subnet := range v.exhausted {
		p.subnets.exhausted(subnet)
	}
	if v.noSpot {
		p.unavailable.markCapacityType(model.Spot, codeNoSpotRole)
	}
}

// launched is the instance as the fleet's answer describes it.
func (p *Provider) launched(o order, bought types.CreateFleetInstance) *cloud.Instance {
	instance := &cloud.Instance{
		ID:           bought.InstanceIds[0],
		InstanceType: string(bought.InstanceType),
		CapacityType: o.capacityType,
		State:        cloud.Pending,
		LaunchTime:   p.now(),
		Tags:         p.instanceTags(o.request),
		NodeClaim:    o.request.NodeClaim,
	}
	if chosen := bought.LaunchTemplateAndOverrides; chosen != nil && chosen.Overrides != nil {
		instance.Zone = o.zoneOf(chosen.Overrides.AvailabilityZone, chosen.Overrides.SubnetId)
		p.subnets.taken(sdk.ToString(chosen.Overrides.SubnetId))
		if instance.InstanceType == "" {
			instance.InstanceType = string(chosen.Overrides.InstanceType)
		}
	}
	instance.ZoneID = zoneIDs(o.request.NodeClass.Status.Subnets)[instance.Zone]
	instance.ProviderID = providerID(instance.Zone, instance.ID)
	for _, template := range o.templates {
		for _, offering := range template.offerings {
			if offering.InstanceType == instance.InstanceType {
				instance.ImageID = template.ami
			}
		}
	}
	return instance
}
