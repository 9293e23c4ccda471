package ec2api

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/requirements"
	"github.com/drover-project/drover/lab/region/world"
)

// GetInstanceTypesFromInstanceRequirements names the types that have attributes,
// within the limits on the on-demand price.
func (e *EC2) GetInstanceTypesFromInstanceRequirements(_ context.Context, in *ec2.GetInstanceTypesFromInstanceRequirementsInput) (*ec2.GetInstanceTypesFromInstanceRequirementsOutput, error) {
	if err := awswire.Supported(in, "ArchitectureTypes", "InstanceRequirements", "VirtualizationTypes", "DryRun", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	r := in.InstanceRequirements
	if r == nil || r.VCpuCount == nil || r.MemoryMiB == nil {
		return nil, missing("InstanceRequirements with VCpuCount and MemoryMiB")
	}
	wanted, err := sameRequirements(*r)
	if err != nil {
		return nil, err
	}
	if name := requirements.Unknown(wanted); name != "" {
		return nil, unsupported("the parameter " + name)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	names := requirements.Match(wanted, e.onDemandMarket(func(t catalog.Type) bool {
		return slices.Contains(in.ArchitectureTypes, types.ArchitectureType(Architecture(t))) &&
			slices.ContainsFunc(virtualization(t), func(v types.VirtualizationType) bool { return slices.Contains(in.VirtualizationTypes, v) })
	}))
	slices.Sort(names)
	out := &ec2.GetInstanceTypesFromInstanceRequirementsOutput{}
	part, next, err := page(names, in.NextToken, in.MaxResults, bounds{1, mostResults})
	for _, name := range part {
		out.InstanceTypes = append(out.InstanceTypes, types.InstanceTypeInfoFromInstanceRequirements{InstanceType: aws.String(name)})
	}
	out.NextToken = next
	return out, err
}

// onDemandMarket are the types that the region sells and that pass.
func (e *EC2) onDemandMarket(passes func(catalog.Type) bool) requirements.Market {
	usd := func(t catalog.Type) float64 {
		price, _ := e.world.Price(world.Pool{InstanceType: t.Name, CapacityType: world.OnDemand})
		return price
	}
	m := requirements.Market{USD: usd, OnDemandUSD: usd}
	for _, t := range e.world.Catalog.Offered(e.world.Options.Region) {
		if passes(t) {
			m.Types = append(m.Types, t)
		}
	}
	return m
}

// sameRequirements are EC2's requirements in the words of Auto Scaling, which
// are the same.
func sameRequirements(r types.InstanceRequirementsRequest) (same asgtypes.InstanceRequirements, err error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return same, err
	}
	return same, json.Unmarshal(raw, &same)
}
