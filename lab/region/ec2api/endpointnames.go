package ec2api

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region/network"
)

// dnsEntries are the names of an interface endpoint: one of its own, one in each
// zone, and the service's public one when private DNS is enabled.
func (e *EC2) dnsEntries(n network.Endpoint) []types.DnsEntry {
	region := e.world.Options.Region
	service := domainOf(strings.TrimPrefix(n.Service, "com.amazonaws."+region+"."))
	name := n.ID + "-" + strings.ToLower(e.world.Suffix("endpoint " + n.ID)[:8])
	if service == "s3" {
		name = "*." + name // buckets come before it
	}
	domain := fmt.Sprintf("%s.%s.vpce.amazonaws.com", service, region)
	entry := func(name, zone string) types.DnsEntry {
		return types.DnsEntry{DnsName: aws.String(name), HostedZoneId: aws.String("Z" + e.world.Suffix("hosted zone of "+zone))}
	}
	entries := []types.DnsEntry{entry(name+"."+domain, domain)}
	for _, i := range n.Interfaces {
		s, _ := e.world.Network.Subnet(i.SubnetID)
		entries = append(entries, entry(fmt.Sprintf("%s-%s.%s", name, s.Zone.Name, domain), domain))
	}
	if n.PrivateDNS {
		entries = append(entries, entry(publicName(service, region), n.ID))
	}
	return entries
}

// domainOf is a service in names of hosts: those of ecr are turned around.
func domainOf(service string) string {
	if part, ofECR := strings.CutPrefix(service, "ecr."); ofECR {
		return part + ".ecr"
	}
	return service
}

// publicName is the host that clients of a service call.
func publicName(service, region string) string {
	switch service {
	case "dkr.ecr":
		return "*.dkr.ecr." + region + ".amazonaws.com" // each registry has a name of its own
	case "eks-auth":
		return "eks-auth." + region + ".api.aws"
	}
	return service + "." + region + ".amazonaws.com"
}
