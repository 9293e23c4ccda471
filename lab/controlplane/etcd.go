package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	etcdMember = "drover-lab"
	// etcdClientName is the only certificate name that etcd lets in: the
	// cluster's CA also signs for nodes and users.
	etcdClientName = "kube-apiserver-etcd-client"
	etcdReady      = 30 * time.Second
	// The single member talks to nobody, so it may tick slower than etcd's
	// default of 100 ms; that saves idle CPU.
	etcdTickMs     = 250
	etcdElectionMs = 1250
	etcdQuota      = 4 << 30
)

// startEtcd runs etcd inside the lab's own process: a process of its own would
// cost memory and win nothing, since the lab is of no use without its state.
//
// Writes are synced to disk unless the state is ephemeral. A killed process
// would not need that, the page cache outlives it; but a machine that loses
// power would leave a database that does not open, and with it a lab that does
// not start.
func startEtcd(ctx context.Context, paths layout, certs *certificates, ephemeral bool) (*embed.Etcd, error) {
	config, err := etcdConfig(paths, certs, ephemeral)
	if err != nil {
		return nil, err
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("starting etcd on %s (if its files are damaged, `drover-lab reset` starts afresh): %w", config.Dir, err)
	}
	select {
	case <-server.Server.ReadyNotify():
		return server, nil
	case err := <-server.Err():
		err = fmt.Errorf("etcd failed: %w", err)
		return nil, errors.Join(err, stopEtcd(server))
	case <-time.After(etcdReady):
		err := fmt.Errorf("etcd is not ready after %s: see %s", etcdReady, paths.log("etcd"))
		return nil, errors.Join(err, stopEtcd(server))
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), stopEtcd(server))
	}
}

func stopEtcd(server *embed.Etcd) error {
	server.Close()
	return nil
}

func etcdConfig(paths layout, certs *certificates, ephemeral bool) (*embed.Config, error) {
	logger, err := etcdLogger(paths.log("etcd"))
	if err != nil {
		return nil, err
	}
	config := embed.NewConfig()
	config.Name = etcdMember
	config.Dir = filepath.Join(paths.dir, "etcd")
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	config.TickMs, config.ElectionMs = etcdTickMs, etcdElectionMs
	config.QuotaBackendBytes = etcdQuota
	config.UnsafeNoFsync = ephemeral
	// The API server compacts by itself.
	config.AutoCompactionRetention = "0"

	client := url.URL{Scheme: "https", Host: "127.0.0.1:0"}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	// The advertised peer address is part of the member's identity, so it stays
	// the same forever, and nobody listens there.
	config.ListenPeerUrls = nil
	config.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2380"}}
	config.InitialCluster = config.InitialClusterFromName(etcdMember)
	config.ClientTLSInfo = transport.TLSInfo{
		CertFile: certs.leaf[leafEtcd].cert, KeyFile: certs.leaf[leafEtcd].key,
		TrustedCAFile:  certs.authorityFile,
		ClientCertAuth: true, AllowedCNs: []string{etcdClientName},
	}
	return config, nil
}

func etcdLogger(path string) (*zap.Logger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of etcd: %w", err)
	}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(file), zap.WarnLevel)), nil
}
