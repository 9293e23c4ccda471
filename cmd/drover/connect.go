package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/drover-project/drover/internal/addons"
	"github.com/drover-project/drover/internal/cloud/aws/region"
	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/nodegroups"
	"github.com/drover-project/drover/internal/say"
	"github.com/drover-project/drover/internal/serviceaccounts"
)

// regional is what commands need of a region of AWS.
type regional interface {
	nodegroups.AWS
	serviceaccounts.AWS
	addons.AWS
	Clusters(ctx context.Context) ([]string, error)
	DescribeCluster(ctx context.Context, name string) (any, error)
	Name() string
}

// connector reaches AWS and clusters.
type connector interface {
	Region(ctx context.Context, name, profile string) (regional, error)
	Kubernetes(ctx context.Context, aws regional, cluster *eks.Cluster, kubeconfig string) (kubernetes.Interface, error)
	// Sleep waits, or returns the context's cause.
	Sleep(ctx context.Context, d time.Duration) error
}

// realConnector reaches those of the environment.
type realConnector struct{}

func (realConnector) Region(ctx context.Context, name, profile string) (regional, error) {
	return region.New(ctx, name, profile)
}

// Kubernetes speaks to the cluster's own endpoint with a token of EKS, or as a
// kubeconfig says.
func (realConnector) Kubernetes(_ context.Context, aws regional, cluster *eks.Cluster, kubeconfig string) (kubernetes.Interface, error) {
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("reading --kubeconfig: %w", err)
		}
		return kubernetes.NewForConfig(config)
	}
	ca, err := base64.StdEncoding.DecodeString(cluster.CA)
	if err != nil {
		return nil, fmt.Errorf("the certificate authority of cluster %q is not base64: %w", cluster.Name, err)
	}
	tokens := &tokenSource{cluster: cluster.Name, aws: aws.(tokenMaker)}
	config := &rest.Config{Host: cluster.Endpoint, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, UserAgent: "drover", QPS: 50, Burst: 100}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bearer{tokens: tokens, next: next} })
	return kubernetes.NewForConfig(config)
}

type tokenMaker interface {
	Token(ctx context.Context, cluster string) (string, time.Time, error)
}

// tokenSource keeps a token until shortly before it ends.
type tokenSource struct {
	cluster string
	aws     tokenMaker
	lock    sync.Mutex
	token   string
	until   time.Time
}

func (s *tokenSource) get(ctx context.Context) (string, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.token != "" && time.Now().Before(s.until.Add(-time.Minute)) {
		return s.token, nil
	}
	token, until, err := s.aws.Token(ctx, s.cluster)
	if err != nil {
		return "", err
	}
	s.token, s.until = token, until
	return token, nil
}

type bearer struct {
	tokens *tokenSource
	next   http.RoundTripper
}

// RoundTrip adds the token.
func (b *bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := b.tokens.get(request.Context())
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token)
	return b.next.RoundTrip(request)
}

// place says which cluster a command is for, by eksctl's flags.
type place struct {
	cluster, region, profile, kubeconfig string
	timeout                              time.Duration
}

func (p *place) flags(flags *pflag.FlagSet) {
	flags.StringVar(&p.cluster, "cluster", "", "name of the EKS cluster")
	p.regionFlags(flags)
	flags.StringVar(&p.kubeconfig, "kubeconfig", "", "kubeconfig to reach the cluster with; default: its endpoint, with a token of EKS")
	flags.DurationVar(&p.timeout, "timeout", 25*time.Minute, "how long to wait for what takes time")
}

func (p *place) regionFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&p.region, "region", "r", "", "AWS region; default: AWS_REGION, or that of the profile")
	flags.StringVarP(&p.profile, "profile", "p", "", "profile of the AWS configuration")
}

// session is a cluster that a command acts on.
type session struct {
	connect connector
	aws     regional
	kube    kubernetes.Interface
	cluster *eks.Cluster
	log     *say.Log
}

// open reaches the cluster. Problems are failures of what was asked for.
func (p *place) open(ctx context.Context, connect connector, log *say.Log) (*session, error) {
	aws, err := connect.Region(ctx, p.region, p.profile)
	if err != nil {
		return nil, failure{err}
	}
	cluster, err := aws.Cluster(ctx, p.cluster)
	if err != nil {
		return nil, failure{err}
	}
	kube, err := connect.Kubernetes(ctx, aws, cluster, p.kubeconfig)
	if err != nil {
		return nil, failure{err}
	}
	return &session{connect: connect, aws: aws, kube: kube, cluster: cluster, log: log}, nil
}

func (s *session) groups() *nodegroups.Manager {
	return &nodegroups.Manager{AWS: s.aws, Cluster: s.cluster, Kube: s.kube, Log: s.log, Sleep: s.connect.Sleep, ReadFile: os.ReadFile}
}

func (s *session) accounts() *serviceaccounts.Manager {
	return &serviceaccounts.Manager{AWS: s.aws, Cluster: s.cluster, Kube: s.kube, Log: s.log, Sleep: s.connect.Sleep}
}

func (s *session) addons() *addons.Manager {
	return &addons.Manager{AWS: s.aws, Cluster: s.cluster, Log: s.log, Sleep: s.connect.Sleep}
}

// Sleep waits.
func (realConnector) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
