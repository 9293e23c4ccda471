package network

import (
	"slices"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// Endpoint is a way from a VPC to a service of AWS.
type Endpoint struct {
	ID, VPCID   string
	Service     string // com.amazonaws.us-west-2.s3
	Kind        string // Gateway or Interface
	Policy      string
	RouteTables []string            `json:",omitempty"` // of a gateway
	Interfaces  []EndpointInterface `json:",omitempty"` // one in each subnet
	Groups      []string            `json:",omitempty"`
	PrivateDNS  bool                `json:",omitempty"`
	Created     time.Time
}

// EndpointInterface is what an endpoint has in a subnet.
type EndpointInterface struct{ ID, SubnetID, PrivateIP string }

// Kinds of endpoints.
const (
	GatewayEndpoint   = "Gateway"
	InterfaceEndpoint = "Interface"
)

// GatewayServices are the services that routes can lead to.
func GatewayServices() []string { return []string{"dynamodb", "s3"} }

// interfaceServices are the services that the nodes and controllers of a
// cluster call.
func interfaceServices() []string {
	return []string{
		"autoscaling", "cloudformation", "ec2", "ec2messages", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticfilesystem",
		"elasticloadbalancing", "events", "kms", "logs", "monitoring", "s3", "secretsmanager", "sqs", "ssm", "ssmmessages", "sts", "xray",
	}
}

// Subnets are where the endpoint has interfaces.
func (e Endpoint) Subnets() (ids []string) {
	for _, i := range e.Interfaces {
		ids = append(ids, i.SubnetID)
	}
	return ids
}

// FindEndpoint finds an endpoint; another id is InvalidVpcEndpointId.NotFound.
func (n *Network) FindEndpoint(id string) (Endpoint, error) {
	return find(n.Endpoints, id, "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist")
}

// CreateEndpoint makes an endpoint of which all but the ids is given; subnets
// are those for its interfaces. Without groups it has the VPC's default one.
func (n *Network) CreateEndpoint(tx *store.Tx, e Endpoint, subnets []string) (Endpoint, error) {
	v, err := n.FindVPC(e.VPCID)
	if err != nil {
		return e, err
	}
	if err := n.checkService(e); err != nil {
		return e, err
	}
	if e.ID, err = n.NewID(tx, "vpce-"); err != nil {
		return e, err
	}
	e.Created = n.Now()
	if e.Kind == GatewayEndpoint {
		err = n.checkGateway(e)
	} else {
		e, err = n.withInterfaces(tx, v, e, subnets)
	}
	if err != nil {
		return e, err
	}
	return e, n.Endpoints.Put(tx, e.ID, e)
}

func (n *Network) checkService(e Endpoint) error {
	name, ofRegion := strings.CutPrefix(e.Service, "com.amazonaws."+n.Region+".")
	known := interfaceServices()
	if e.Kind == GatewayEndpoint {
		known = GatewayServices()
	}
	if !ofRegion || !slices.Contains(append(interfaceServices(), GatewayServices()...), name) {
		return awserr.New("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", e.Service)
	}
	if !slices.Contains(known, name) {
		return awserr.New("InvalidParameter", "Endpoint type (%s) does not match available service types.", e.Kind)
	}
	return nil
}

func (n *Network) checkGateway(e Endpoint) error {
	for _, id := range e.RouteTables {
		t, err := n.FindRouteTable(id)
		if err != nil {
			return err
		}
		if t.VPCID != e.VPCID {
			return invalid("route table %s and vpc endpoint %s belong to different networks", id, e.VPCID)
		}
		taken := func(o Endpoint) bool { return o.Service == e.Service && slices.Contains(o.RouteTables, id) }
		if slices.ContainsFunc(n.Endpoints.All(), taken) {
			return awserr.New("RouteAlreadyExists", "route table %s already has a route with destination-prefix-list-id %s", id, n.PrefixListID(e.Service))
		}
	}
	return nil
}

func (n *Network) withInterfaces(tx *store.Tx, v VPC, e Endpoint, subnets []string) (Endpoint, error) {
	if e.PrivateDNS {
		if err := n.checkPrivateDNS(v, e); err != nil {
			return e, err
		}
	}
	groups, err := n.GroupsFor(v.ID, e.Groups)
	if err != nil {
		return e, err
	}
	e.Groups = groups
	zones := map[string]bool{}
	for _, id := range subnets {
		s, err := n.FindSubnet(id)
		if err != nil {
			return e, err
		}
		if s.VPCID != v.ID {
			return e, awserr.New("InvalidSubnetId.NotFound", "The subnet ID '%s' is not in the VPC '%s'", id, v.ID)
		}
		if zones[s.Zone.Name] {
			return e, awserr.New("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.", id)
		}
		zones[s.Zone.Name] = true
		i, err := n.endpointInterface(tx, s)
		if err != nil {
			return e, err
		}
		e.Interfaces = append(e.Interfaces, i)
	}
	return e, nil
}

func (n *Network) endpointInterface(tx *store.Tx, s Subnet) (EndpointInterface, error) {
	id, err := n.NewID(tx, "eni-")
	if err != nil {
		return EndpointInterface{}, err
	}
	addresses, err := n.PickAddresses(s, 1, hash(id))
	if err != nil {
		return EndpointInterface{}, err
	}
	return EndpointInterface{ID: id, SubnetID: s.ID, PrivateIP: addresses[0].String()}, nil
}

func (n *Network) checkPrivateDNS(v VPC, e Endpoint) error {
	if !v.DNSSupport || !v.DNSHostnames {
		return awserr.New("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", v.ID)
	}
	same := func(o Endpoint) bool { return o.VPCID == v.ID && o.Service == e.Service && o.PrivateDNS }
	if slices.ContainsFunc(n.Endpoints.All(), same) {
		return awserr.New("InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s", e.Service, v.ID)
	}
	return nil
}

// DeleteEndpoint deletes an endpoint with its interfaces.
func (n *Network) DeleteEndpoint(tx *store.Tx, id string) error {
	if _, err := n.FindEndpoint(id); err != nil {
		return err
	}
	n.Endpoints.Delete(tx, id)
	return nil
}

// PrefixListID is the id of the addresses of a gateway service.
func (n *Network) PrefixListID(service string) string {
	const digits = "0123456789abcdef"
	id := []byte("pl-")
	for number := hash(n.Region + service); len(id) < len("pl-")+8; number >>= 4 {
		id = append(id, digits[number&0xf])
	}
	return string(id)
}

// GatewayRoutes are the gateway endpoints that a route table leads to.
func (n *Network) GatewayRoutes(tableID string) []Endpoint {
	return filtered(n.Endpoints, func(e Endpoint) bool { return slices.Contains(e.RouteTables, tableID) })
}
