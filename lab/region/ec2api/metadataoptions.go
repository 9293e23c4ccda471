package ec2api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// mostHops is the largest hop limit of the instance metadata service.
const mostHops = 64

// ModifyInstanceMetadataOptions changes how an instance's metadata service is
// reached: with tokens or without, at all, by pods, with the instance's tags.
func (e *EC2) ModifyInstanceMetadataOptions(_ context.Context, in *ec2.ModifyInstanceMetadataOptionsInput) (*ec2.ModifyInstanceMetadataOptionsOutput, error) {
	if err := awswire.Supported(in, "InstanceId", "DryRun", "HttpTokens", "HttpEndpoint", "HttpProtocolIpv6", "HttpPutResponseHopLimit", "InstanceMetadataTags"); err != nil {
		return nil, err
	}
	if aws.ToString(in.InstanceId) == "" {
		return nil, missing("InstanceId")
	}
	if hops := in.HttpPutResponseHopLimit; hops != nil && (*hops < 1 || *hops > mostHops) {
		return nil, awserr.New("InvalidParameterValue", "Value (%d) for parameter HttpPutResponseHopLimit is invalid. Valid values are between 1 and %d", *hops, mostHops)
	}
	out := &ec2.ModifyInstanceMetadataOptionsOutput{InstanceId: in.InstanceId}
	_, err := e.change([]string{aws.ToString(in.InstanceId)}, in.DryRun, func(tx *store.Tx, i world.Instance) (world.Instance, error) {
		m := &i.Config.Metadata
		m.Tokens, m.Endpoint = first(string(in.HttpTokens), m.Tokens), first(string(in.HttpEndpoint), m.Endpoint)
		m.IPv6, m.Tags = first(string(in.HttpProtocolIpv6), m.IPv6), first(string(in.InstanceMetadataTags), m.Tags)
		if in.HttpPutResponseHopLimit != nil {
			m.HopLimit = *in.HttpPutResponseHopLimit
		}
		out.InstanceMetadataOptions = metadataOptions(*m)
		out.InstanceMetadataOptions.State = types.InstanceMetadataOptionsStatePending
		return i, e.world.PutMetadataOptions(tx, i)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
