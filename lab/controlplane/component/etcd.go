package component

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
)

const (
	// EtcdSocket is where etcd listens, in the process's working directory: a
	// longer path would not fit into the address of a socket.
	EtcdSocket = "unix://etcd.sock"

	etcdMember = "drover-lab"
	etcdReady  = 30 * time.Second
	// At start the single member waits for up to the election timeout before it
	// makes itself leader. Nobody can miss its heartbeats, so both are as short
	// as they may be without costing CPU; etcd wants a ratio of five.
	etcdTickMs     = 50
	etcdElectionMs = 250
	etcdQuota      = 4 << 30
)

// etcd is the embedded server. Its writes are synced to disk unless the state is
// ephemeral. A killed process would not need that, the page cache outlives it;
// but a machine that loses power would leave a database that does not open, and
// with it a lab that does not start.
func etcd(flags []string) (component, error) {
	set := pflag.NewFlagSet(Etcd, pflag.ContinueOnError)
	dir := set.String("data-dir", "", "folder of the database")
	noSync := set.Bool("unsafe-no-fsync", false, "do not sync writes to disk")
	if err := set.Parse(flags); err != nil {
		return component{}, err
	}
	config, err := etcdConfig(*dir, *noSync)
	if err != nil {
		return component{}, err
	}
	var server *embed.Etcd
	return component{
		name: Etcd,
		prepare: func(ctx context.Context) error {
			server, err = startEtcd(ctx, config)
			return err
		},
		run: func(ctx context.Context) error {
			defer server.Close()
			select {
			case err := <-server.Err():
				return err
			case <-ctx.Done():
				return nil
			}
		},
	}, nil
}

func startEtcd(ctx context.Context, config *embed.Config) (*embed.Etcd, error) {
	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-server.Server.ReadyNotify():
		return server, nil
	case err = <-server.Err():
	case <-time.After(etcdReady):
		err = fmt.Errorf("not ready after %s", etcdReady)
	case <-ctx.Done():
		err = ctx.Err()
	}
	server.Close()
	return nil, err
}

func etcdConfig(dir string, noSync bool) (*embed.Config, error) {
	if dir == "" {
		return nil, errors.New("--data-dir is missing")
	}
	socket, err := url.Parse(EtcdSocket)
	if err != nil {
		return nil, err
	}
	config := embed.NewConfig()
	config.Name = etcdMember
	config.Dir = dir
	config.LogLevel = "warn"
	config.LogOutputs = []string{"stderr"}
	config.TickMs, config.ElectionMs = etcdTickMs, etcdElectionMs
	config.QuotaBackendBytes = etcdQuota
	config.UnsafeNoFsync = noSync
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*socket}, []url.URL{*socket}
	// The advertised peer address is part of the member's identity, so it stays
	// the same forever, and nobody listens there.
	config.ListenPeerUrls = nil
	config.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2380"}}
	config.InitialCluster = config.InitialClusterFromName(etcdMember)
	return config, nil
}
