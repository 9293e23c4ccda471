package component

import (
	"context"
	"net"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

func controllerManager(flags []string, listener net.Listener) (component, error) {
	opts, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return component{}, err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	if err := parse(ControllerManager, opts.Flags(known, disabled, aliases), flags); err != nil {
		return component{}, err
	}
	opts.SecureServing.Listener = listener
	return component{name: ControllerManager, logs: opts.Logs, run: func(ctx context.Context) error {
		config, err := opts.Config(ctx, known, disabled, aliases)
		if err != nil {
			return err
		}
		return app.Run(ctx, config.Complete())
	}}, nil
}
