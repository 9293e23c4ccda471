package assemble

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/drover-project/drover/lab/addons"
	"github.com/drover-project/drover/lab/controlplane"
	"github.com/drover-project/drover/lab/kubeconfig"
	"github.com/drover-project/drover/lab/nodes"
)

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
	l.connect(background, client)
	simulator, err := nodes.New(nodes.Options{
		Client: client,
		Source: l.region,
		Reach:  l.reach,
		Admit:  l.admitNode,
		Clock:  l.clock,
		Cluster: nodes.Cluster{
			Name: l.state.Cluster, Version: controlplane.Version, Endpoint: l.plane.Endpoint(),
			CA: l.plane.Authority().CertPEM(),
		},
		ServingCA: l.plane.Authority().TLS(),
		ClientCAs: l.plane.Authority().Pool(),
		DataDir:   l.options.Dir.Join("nodes"),
		Processes: l.processes(),
		Metadata:  l.metadata.URL,
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

func (l *Lab) applyObjects(ctx, background context.Context) error {
	objects, err := addons.Objects(addons.Cluster{Region: l.state.Region, ClusterName: l.state.Cluster})
	if err != nil {
		return err
	}
	webhook, err := l.startPodIdentity(background)
	if err != nil {
		return err
	}
	objects = append(objects, webhook)
	if l.options.DroverBinary != "" && !l.options.NotDeployed {
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
