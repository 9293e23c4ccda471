package stacks

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/pelletier/go-toml/v2"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/cloud/aws/userdata"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/model"
)

// part is one part of a MIME archive of user data.
type part struct{ contentType, content string }

const (
	nodeConfigPart = "application/node.eks.aws"
	scriptPart     = `text/x-shellscript; charset="us-ascii"`
)

func archive(parts []part) string {
	var text strings.Builder
	text.WriteString("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"//\"\n\n")
	for _, one := range parts {
		fmt.Fprintf(&text, "--//\nContent-Type: %s\n\n%s\n", one.contentType, strings.TrimRight(one.content, "\n"))
	}
	text.WriteString("--//--\n")
	return text.String()
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// managedUserData is what EKS merges with its own: nothing, unless the file says
// more than EKS knows. It is base64.
func managedUserData(c *Context, g *eksctl.ManagedNodeGroup) (string, error) {
	switch {
	case eksctl.IsBottlerocket(g.AMIFamily):
		return managedBottlerocket(g)
	case g.AMI != "" && g.AMIFamily == eksctl.AmazonLinux2023:
		return joined(c, &g.NodeGroupBase, nil, g.Taints)
	case g.AMI != "":
		return encode(archive([]part{{scriptPart, g.OverrideBootstrapCommand}})), nil
	}
	parts, err := baseParts(&g.NodeGroupBase)
	if err != nil || len(parts) == 0 {
		return "", err
	}
	return encode(archive(parts)), nil
}

func managedBottlerocket(g *eksctl.ManagedNodeGroup) (string, error) {
	settings := bottlerocketSettings(&g.NodeGroupBase)
	if g.MaxPodsPerNode > 0 {
		table(settings, "kubernetes")["max-pods"] = g.MaxPodsPerNode
	}
	if len(settings) == 0 {
		return "", nil
	}
	text, err := toml.Marshal(map[string]any{"settings": settings})
	return encode(string(text)), err
}

// baseParts are scripts and NodeConfigs of the file itself.
func baseParts(g *eksctl.NodeGroupBase) ([]part, error) {
	var parts []part
	for _, command := range g.PreBootstrapCommands {
		parts = append(parts, part{scriptPart, "#!/bin/bash\n" + command})
	}
	if g.MaxPodsPerNode > 0 && g.AMIFamily == eksctl.AmazonLinux2023 {
		parts = append(parts, part{nodeConfigPart, nodeConfig(map[string]any{"maxPods": g.MaxPodsPerNode})})
	}
	if g.MaxPodsPerNode > 0 && g.AMIFamily == eksctl.AmazonLinux2 {
		parts = append(parts, part{scriptPart, fmt.Sprintf("#!/bin/bash\nset -ex\nsed -i '/^KUBELET_EXTRA_ARGS=/a KUBELET_EXTRA_ARGS+=\" --max-pods=%d\"' /etc/eks/bootstrap.sh", g.MaxPodsPerNode)})
	}
	if g.OverrideBootstrapCommand != "" {
		if g.AMIFamily == eksctl.AmazonLinux2023 {
			var document map[string]any
			if err := yaml.Unmarshal([]byte(g.OverrideBootstrapCommand), &document); err != nil || document["kind"] != "NodeConfig" {
				return nil, errors.New("overrideBootstrapCommand must be a NodeConfig document of node.eks.aws/v1alpha1 with AmazonLinux2023")
			}
			parts = append(parts, part{nodeConfigPart, g.OverrideBootstrapCommand})
		} else {
			parts = append(parts, part{scriptPart, g.OverrideBootstrapCommand})
		}
	}
	return parts, nil
}

// nodeConfig holds settings of the kubelet for nodeadm to merge.
func nodeConfig(kubelet map[string]any) string {
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig",
		"spec": map[string]any{"kubelet": map[string]any{"config": kubelet}},
	})
	if err != nil {
		panic(err) // maps of what YAML gave
	}
	return string(text)
}

func selfManagedUserData(c *Context, g *eksctl.NodeGroup) (string, error) {
	switch {
	case eksctl.IsWindows(g.AMIFamily), eksctl.IsUbuntu(g.AMIFamily):
		return "", fmt.Errorf("amiFamily %s is not supported for self-managed groups; use %s or %s", g.AMIFamily, eksctl.AmazonLinux2023, eksctl.BottlerocketFamily)
	case g.AMIFamily == eksctl.AmazonLinux2 && g.OverrideBootstrapCommand != "":
		parts, err := baseParts(&g.NodeGroupBase)
		return encode(archive(parts)), err
	}
	kubelet := &ec2v1.KubeletConfiguration{}
	if g.ClusterDNS != "" {
		kubelet.ClusterDNS = []string{g.ClusterDNS}
	}
	return joined(c, &g.NodeGroupBase, &extra{kubelet, g.KubeletExtraConfig}, g.Taints)
}

type extra struct {
	kubelet *ec2v1.KubeletConfiguration
	config  map[string]any
}

// joined is user data with which a node joins by itself.
func joined(c *Context, g *eksctl.NodeGroupBase, more *extra, taints []eksctl.Taint) (string, error) {
	node := userdata.Node{
		Cluster: userdata.Cluster{
			Name: c.Cluster.Name, Endpoint: c.Cluster.Endpoint, CertificateAuthority: c.Cluster.CA, ServiceCIDR: c.Cluster.ServiceCIDR,
		},
		Labels: g.Labels,
	}
	for _, taint := range taints {
		node.Taints = append(node.Taints, model.Taint{Key: taint.Key, Value: taint.Value, Effect: model.TaintEffect(taint.Effect)})
	}
	if more != nil {
		node.Kubelet = more.kubelet
	}
	custom, err := customData(g, more)
	if err != nil {
		return "", err
	}
	node.Custom = custom
	if g.MaxPodsPerNode > 0 && g.AMIFamily != eksctl.AmazonLinux2023 {
		if node.Kubelet == nil {
			node.Kubelet = &ec2v1.KubeletConfiguration{}
		}
		most := int32(g.MaxPodsPerNode)
		node.Kubelet.MaxPods = &most
	}
	text, err := userdata.Render(userDataFamily(g.AMIFamily), node)
	if err != nil {
		return "", err
	}
	return encode(text), nil
}

func userDataFamily(amiFamily string) string {
	switch {
	case eksctl.IsBottlerocket(amiFamily):
		return ec2v1.AMIFamilyBottlerocket
	case amiFamily == eksctl.AmazonLinux2:
		return ec2v1.AMIFamilyAL2
	}
	return ec2v1.AMIFamilyAL2023
}

// customData goes before what joins the cluster.
func customData(g *eksctl.NodeGroupBase, more *extra) (string, error) {
	if eksctl.IsBottlerocket(g.AMIFamily) {
		text, err := toml.Marshal(map[string]any{"settings": bottlerocketSettings(g)})
		return string(text), err
	}
	copied := *g
	if g.AMIFamily == eksctl.AmazonLinux2 {
		copied.MaxPodsPerNode = 0
	}
	parts, err := baseParts(&copied)
	if err != nil {
		return "", err
	}
	if more != nil && len(more.config) > 0 {
		if g.AMIFamily == eksctl.AmazonLinux2 {
			parts = append(parts, part{scriptPart, mergeKubeletConfig(more.config)})
		} else {
			parts = append(parts, part{nodeConfigPart, nodeConfig(more.config)})
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return archive(parts), nil
}

// mergeKubeletConfig changes the kubelet's file of Amazon Linux 2 before it starts.
func mergeKubeletConfig(config map[string]any) string {
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // maps of what YAML gave
	}
	const file = "/etc/kubernetes/kubelet/kubelet-config.json"
	return fmt.Sprintf("#!/bin/bash\nset -e\njq --argjson extra '%s' '. * $extra' %s > %s.new\nmv %s.new %s",
		strings.ReplaceAll(string(text), "'", `'\''`), file, file, file, file)
}

func bottlerocketSettings(g *eksctl.NodeGroupBase) map[string]any {
	settings := map[string]any{}
	var admin *bool
	if g.Bottlerocket != nil {
		for key, value := range g.Bottlerocket.Settings {
			settings[key] = value
		}
		admin = g.Bottlerocket.EnableAdminContainer
	}
	if admin == nil && eksctl.True(g.SSH.Allow) {
		admin = g.SSH.Allow // SSH ends in the admin container
	}
	if admin != nil {
		table(table(settings, "host-containers"), "admin")["enabled"] = *admin
	}
	return settings
}

func table(parent map[string]any, key string) map[string]any {
	if found, ok := parent[key].(map[string]any); ok {
		return found
	}
	made := map[string]any{}
	parent[key] = made
	return made
}
