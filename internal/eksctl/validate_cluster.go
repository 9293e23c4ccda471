package eksctl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

func (f *findings) network(c *ClusterConfig) {
	if network := c.KubernetesNetworkConfig; network != nil {
		f.oneOf("kubernetesNetworkConfig.ipFamily", network.IPFamily, "IPv4", "IPv6")
		f.prefix("kubernetesNetworkConfig.serviceIPv4CIDR", network.ServiceIPv4CIDR)
		if network.IPFamily == "IPv6" && network.ServiceIPv4CIDR != "" {
			f.add("kubernetesNetworkConfig.serviceIPv4CIDR", "is not for a cluster with ipFamily IPv6")
		}
	}
	v := c.VPC
	if v == nil {
		return
	}
	f.prefix("vpc.cidr", v.CIDR)
	for i, cidr := range v.PublicAccessCIDRs {
		f.prefix(fmt.Sprintf("vpc.publicAccessCIDRs[%d]", i), cidr)
	}
	if v.NAT != nil {
		f.oneOf("vpc.nat.gateway", v.NAT.Gateway, "HighlyAvailable", "Single", "Disable")
	}
	if v.SecurityGroup != "" && len(v.ControlPlaneSecurityGroupIDs) > 0 {
		f.add("vpc.controlPlaneSecurityGroupIDs", "cannot be set beside vpc.securityGroup")
	}
	if v.ClusterEndpoints != nil && False(v.ClusterEndpoints.PublicAccess) && !True(v.ClusterEndpoints.PrivateAccess) {
		f.add("vpc.clusterEndpoints", "leaves no way to the Kubernetes API: enable publicAccess or privateAccess")
	}
	f.oneOf("vpc.hostnameType", v.HostnameType, "ip-name", "resource-name")
	if v.ID != "" && v.HostnameType != "" {
		f.add("vpc.hostnameType", "is not for a VPC that exists")
	}
	if v.ID != "" && len(c.LocalZones) > 0 {
		f.add("localZones", "are not for a VPC that exists")
	}
}

func (f *findings) prefix(field, value string) {
	if value == "" {
		return
	}
	if _, err := netip.ParsePrefix(value); err != nil {
		f.add(field, "%q is no range of addresses such as 192.168.0.0/16", value)
	}
}

func (f *findings) features(c *ClusterConfig) {
	if a := c.AutoModeConfig; a != nil {
		for i, pool := range a.NodePools {
			f.oneOf(fmt.Sprintf("autoModeConfig.nodePools[%d]", i), pool, "general-purpose", "system")
		}
		f.arn("autoModeConfig.nodeRoleARN", a.NodeRoleARN)
		if c.Outpost != nil && True(a.Enabled) {
			f.add("autoModeConfig.enabled", "is not for clusters on Outposts")
		}
	}
	f.remote(c)
	if k := c.Karpenter; k != nil {
		if k.Version == "" {
			f.add("karpenter.version", "is missing")
		}
		if c.IAM == nil || !True(c.IAM.WithOIDC) {
			f.add("karpenter", "needs iam.withOIDC: true")
		}
	}
	if s := c.SecretsEncryption; s != nil {
		if s.KeyARN == "" {
			f.add("secretsEncryption.keyARN", "is missing")
		}
		f.arn("secretsEncryption.keyARN", s.KeyARN)
	}
	for i := range c.IdentityProviders {
		f.identityProvider(fmt.Sprintf("identityProviders[%d]", i), &c.IdentityProviders[i])
	}
	if p := c.PrivateCluster; p != nil && True(p.Enabled) {
		for i := range c.NodeGroups {
			if !c.NodeGroups[i].PrivateNetworking {
				f.add(fmt.Sprintf("nodeGroups[%d].privateNetworking", i), "must be true in a private cluster")
			}
		}
		for i := range c.ManagedNodeGroups {
			if !c.ManagedNodeGroups[i].PrivateNetworking {
				f.add(fmt.Sprintf("managedNodeGroups[%d].privateNetworking", i), "must be true in a private cluster")
			}
		}
	}
}

func (f *findings) identityProvider(path string, provider *IdentityProvider) {
	if provider.Type == "" {
		f.add(path+".type", "is missing; it is oidc")
	}
	f.oneOf(path+".type", provider.Type, "oidc")
	if provider.Name == "" {
		f.add(path+".name", "is missing")
	}
	if provider.ClientID == "" {
		f.add(path+".clientID", "is missing")
	}
	if !strings.HasPrefix(provider.IssuerURL, "https://") {
		f.add(path+".issuerURL", "%q must start with https://", provider.IssuerURL)
	}
}

func (f *findings) remote(c *ClusterConfig) {
	r := c.RemoteNetworkConfig
	if r == nil {
		return
	}
	if c.KubernetesNetworkConfig != nil && c.KubernetesNetworkConfig.IPFamily == "IPv6" {
		f.add("remoteNetworkConfig", "is not for a cluster with ipFamily IPv6")
	}
	if c.AccessConfig != nil && c.AccessConfig.AuthenticationMode == "CONFIG_MAP" {
		f.add("remoteNetworkConfig", "needs accessConfig.authenticationMode API_AND_CONFIG_MAP or API")
	}
	if len(r.RemoteNodeNetworks) == 0 {
		f.add("remoteNetworkConfig.remoteNodeNetworks", "is missing")
	}
	if len(r.RemoteNodeNetworks) > 1 {
		f.add("remoteNetworkConfig.remoteNodeNetworks", "takes one entry; put all ranges into its cidrs")
	}
	if len(r.RemotePodNetworks) > 1 {
		f.add("remoteNetworkConfig.remotePodNetworks", "takes one entry; put all ranges into its cidrs")
	}
	if g := r.VPCGatewayID; g != "" && !strings.HasPrefix(g, "tgw-") && !strings.HasPrefix(g, "vgw-") {
		f.add("remoteNetworkConfig.vpcGatewayID", "%q must start with tgw- or vgw-", g)
	}
	if r.VPCGatewayID != "" && c.VPC != nil && c.VPC.ID != "" {
		f.add("remoteNetworkConfig.vpcGatewayID", "is not for a VPC that exists")
	}
	if i := r.IAM; i != nil {
		f.oneOf("remoteNetworkConfig.iam.provider", i.Provider, "SSM", "IRA", "ssm", "ira")
		anywhere := strings.EqualFold(i.Provider, "ira")
		if anywhere && i.CABundleCert == "" && i.RoleARN == "" {
			f.add("remoteNetworkConfig.iam.caBundleCert", "is needed with provider IRA")
		}
		if !anywhere && i.CABundleCert != "" {
			f.add("remoteNetworkConfig.iam.caBundleCert", "is only for provider IRA")
		}
	}
}

func (f *findings) controlPlane(c *ClusterConfig) {
	if a := c.AccessConfig; a != nil {
		f.oneOf("accessConfig.authenticationMode", a.AuthenticationMode, "API_AND_CONFIG_MAP", "API", "CONFIG_MAP")
		for i := range a.AccessEntries {
			path := fmt.Sprintf("accessConfig.accessEntries[%d]", i)
			if a.AccessEntries[i].PrincipalARN == "" {
				f.add(path+".principalARN", "is missing")
			}
			f.arn(path+".principalARN", a.AccessEntries[i].PrincipalARN)
		}
		if len(a.AccessEntries) > 0 && a.AuthenticationMode == "CONFIG_MAP" {
			f.add("accessConfig.accessEntries", "needs authenticationMode API_AND_CONFIG_MAP or API")
		}
	}
	if u := c.UpgradePolicy; u != nil {
		f.oneOf("upgradePolicy.supportType", u.SupportType, "STANDARD", "EXTENDED")
	}
	if w := c.CloudWatch; w != nil && w.ClusterLogging != nil {
		f.logging(w.ClusterLogging)
	}
}

func (f *findings) logging(l *ClusterLogging) {
	for i, kind := range l.EnableTypes {
		f.oneOf(fmt.Sprintf("cloudWatch.clusterLogging.enableTypes[%d]", i), kind,
			"api", "audit", "authenticator", "controllerManager", "scheduler", "all", "*")
	}
	days := []int{0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	if !slices.Contains(days, l.LogRetentionInDays) {
		f.add("cloudWatch.clusterLogging.logRetentionInDays", "%d is none of CloudWatch's retentions: %v", l.LogRetentionInDays, days[1:])
	}
	if l.LogRetentionInDays != 0 && len(l.EnableTypes) == 0 {
		f.add("cloudWatch.clusterLogging.logRetentionInDays", "needs enableTypes: nothing is logged without")
	}
}
