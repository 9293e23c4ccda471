package assemble

import (
	"context"
	"fmt"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drover-project/drover/deploy"
	"github.com/drover-project/drover/lab/addons"
	"github.com/drover-project/drover/lab/controlplane"
	"github.com/drover-project/drover/lab/kubeconfig"
	"github.com/drover-project/drover/lab/nodes"
)

// droverImage is the image name that nodes run as the drover program.
const droverImage = "drover-lab/drover:local"

// startNodes lets machines become nodes until background ends.
func (l *Lab) startNodes(background context.Context) error {
	config, err := l.plane.ClientConfig("drover-lab-nodes", "system:masters")
	if err != nil {
		return err
	}
	client, err := nodes.NewClient(config)
	if err != nil {
		return fmt.Errorf("making a client for nodes: %w", err)
	}
	simulator, err := nodes.New(nodes.Options{
		Client: client,
		Source: l.region,
		Clock:  l.clock,
		Cluster: nodes.Cluster{
			Name: ClusterName, Version: controlplane.Version, Endpoint: l.plane.Endpoint(),
			CA: l.plane.Authority().CertPEM(), ServiceDNS: addons.ClusterDNS,
		},
		ServingCA: l.plane.Authority().TLS(),
		ClientCAs: l.plane.Authority().Pool(),
		DataDir:   l.options.Dir.Join("nodes"),
		Processes: l.processes(),
		Log:       l.options.Log,
	})
	if err != nil {
		return fmt.Errorf("preparing nodes: %w", err)
	}
	l.nodes.Store(simulator)
	l.background.Go(func() {
		if err := simulator.Run(background); err != nil {
			l.failed <- fmt.Errorf("the nodes ended: %w", err)
		}
	})
	l.options.Progress("nodes")
	return nil
}

// processes gives the drover program what a pod on EKS gets from its service
// account: a region, credentials and where the API is.
func (l *Lab) processes() map[string]nodes.Process {
	if l.options.DroverBinary == "" {
		return nil
	}
	return map[string]nodes.Process{droverImage: {
		Path: l.options.DroverBinary,
		Env: []string{
			"AWS_ENDPOINT_URL=" + l.awsURL,
			"AWS_REGION=" + l.state.Region,
			"AWS_ACCESS_KEY_ID=" + l.state.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY=" + l.state.SecretAccessKey,
			"AWS_EC2_METADATA_DISABLED=true",
		},
	}}
}

func (l *Lab) applyObjects(ctx context.Context) error {
	objects, err := addons.Objects(addons.Cluster{Region: l.state.Region, ClusterName: ClusterName})
	if err != nil {
		return err
	}
	if l.options.DroverBinary != "" {
		drover, err := l.droverObjects()
		if err != nil {
			return err
		}
		objects = append(objects, drover...)
	}
	applier, err := addons.NewApplier(l.plane.AdminConfig(), l.options.Log)
	if err != nil {
		return err
	}
	if err := applier.Apply(ctx, objects); err != nil {
		return err
	}
	l.options.Progress("add-ons")
	return nil
}

func (l *Lab) droverObjects() ([]*unstructured.Unstructured, error) {
	objects, err := deploy.Objects(deploy.Parameters{
		Image:       droverImage,
		ClusterName: ClusterName,
		Region:      l.state.Region,
		// A second process would only wait for the first.
		Replicas: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("drover's manifests: %w", err)
	}
	return objects, nil
}

// Kubeconfig is the lab's own file, in which the lab is the current context.
func (l *Lab) Kubeconfig() string { return filepath.Join(l.options.Dir.Path(), "kubeconfig") }

func (l *Lab) writeOwnKubeconfig() error {
	_, err := l.MergeKubeconfig(l.Kubeconfig(), "drover-lab")
	return err
}

// MergeKubeconfig adds the cluster to a kubeconfig file under a name; see
// kubeconfig.Merge.
func (l *Lab) MergeKubeconfig(path, name string) (current string, err error) {
	pair, err := l.plane.Authority().IssueClient("drover-lab-admin", "system:masters")
	if err != nil {
		return "", err
	}
	return kubeconfig.Merge(path, kubeconfig.Entry{
		Name: name, Server: l.plane.Endpoint(),
		CA: l.plane.Authority().CertPEM(), ClientCert: pair.CertPEM, ClientKey: pair.KeyPEM,
	})
}
