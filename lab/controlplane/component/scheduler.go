package component

import (
	"context"
	"net"

	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func scheduler(flags []string, listener net.Listener) (component, error) {
	opts := options.NewOptions()
	if err := parse(Scheduler, *opts.Flags, flags); err != nil {
		return component{}, err
	}
	opts.SecureServing.Listener = listener
	return component{name: Scheduler, logs: opts.Logs, run: func(ctx context.Context) error {
		var err error
		if opts.InformerName, err = cache.NewInformerName(Scheduler); err != nil {
			return err
		}
		config, scheduler, err := app.Setup(ctx, opts)
		if err != nil {
			return err
		}
		return app.Run(ctx, config, scheduler)
	}}, nil
}
