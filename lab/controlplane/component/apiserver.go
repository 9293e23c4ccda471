package component

import (
	"context"
	"net"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	apimachineryversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/component-base/compatibility"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/drover-project/drover/lab/controlplane/version"
)

func apiServer(flags []string, listener net.Listener) (component, error) {
	opts := options.NewServerRunOptions()
	if err := parse(APIServer, opts.Flags(), flags); err != nil {
		return component{}, err
	}
	opts.SecureServing.Listener = listener
	return component{name: APIServer, logs: opts.Logs, run: func(ctx context.Context) error {
		completed, err := opts.Complete(ctx)
		if err != nil {
			return err
		}
		if errs := completed.Validate(); len(errs) > 0 {
			return utilerrors.NewAggregate(errs)
		}
		return serve(ctx, completed)
	}}, nil
}

func serve(ctx context.Context, opts options.CompletedOptions) error {
	config, err := app.NewConfig(opts)
	if err != nil {
		return err
	}
	// The aggregator is the outermost of the three servers: it answers /version.
	generic := config.Aggregator.GenericConfig
	generic.EffectiveVersion = eksVersion{generic.EffectiveVersion}
	completed, err := config.Complete()
	if err != nil {
		return err
	}
	server, err := app.CreateServerChain(completed)
	if err != nil {
		return err
	}
	prepared, err := server.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

// eksVersion answers /version as EKS does. Kubernetes gets its version from
// linker flags, which a library does not have.
type eksVersion struct {
	compatibility.EffectiveVersion
}

func (v eksVersion) Info() *apimachineryversion.Info {
	info := *v.EffectiveVersion.Info()
	info.Major, info.Minor, info.GitVersion = version.Major, version.Minor, version.Git
	info.GitCommit, info.GitTreeState = "", ""
	return &info
}
