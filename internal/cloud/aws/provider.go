// Package aws is the adapter of cloud.Provider for Amazon EC2: it resolves
// EC2NodeClasses, keeps the catalog of what can be bought, launches instances
// through EC2 Fleet and watches over them. It is the only package that imports
// the AWS SDK.
package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/aws/smithy-go/logging"

	"github.com/drover-project/drover/internal/cloud"
)

// Options say which cluster the adapter buys for. Only ClusterName has no
// default; other facts that are left out are read from EKS DescribeCluster.
type Options struct {
	ClusterName     string
	ClusterEndpoint string
	// ClusterCA is base64 of the PEM bundle.
	ClusterCA string
	// KubernetesVersion is MAJOR.MINOR and selects AMIs.
	KubernetesVersion string
	// ServiceCIDR is the range of Service addresses; AL2023 nodes need it.
	ServiceCIDR string
	// ClusterDNS is given to kubelets whose NodeClass names none; empty lets
	// the AMI derive it from the service CIDR.
	ClusterDNS string
	// VMMemoryOverheadPercent is the share of an instance's advertised memory
	// that the node does not get, as a fraction; 0 means 0.075.
	VMMemoryOverheadPercent float64
	// ReservedENIs are network interfaces that pods cannot use.
	ReservedENIs int
	// SpotWindow is over how long Spot prices are looked at, for moves between pools;
	// 0 means DefaultSpotWindow.
	SpotWindow time.Duration

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told once of what a person may want to know (types without a
	// price, a refresh that failed); nil is silent.
	Logger *slog.Logger
	// OnCall hears of every attempt of an API call, for metrics. It may be
	// called concurrently.
	OnCall func(service, operation string, took time.Duration, err error)
}

// DefaultVMMemoryOverheadPercent is Karpenter's default of the setting with
// the same name.
const DefaultVMMemoryOverheadPercent = 0.075

// DefaultSpotWindow is a day: prices have its rhythm.
const DefaultSpotWindow = 24 * time.Hour

func (o *Options) spotWindow() time.Duration {
	if o.SpotWindow <= 0 {
		return DefaultSpotWindow
	}
	return o.SpotWindow
}

// Provider implements cloud.Provider. Its methods may be called concurrently.
type Provider struct {
	options Options
	cluster Cluster
	region  string
	clients Clients
	now     func() time.Time
	log     *slog.Logger
	// background outlives single calls; it ends refreshes when the program ends.
	background context.Context

	inventory   *inventory
	unavailable *unavailable
	catalogs    *catalogs
	subnets     *subnetAddresses
	templates   *templates
	launches    *launches
	describe    *batcher[string, cloud.Instance]
	byClaim     *batcher[string, cloud.Instance]
	terminate   *batcher[string, bool]
	profileLock sync.Mutex
}

var _ cloud.Provider = (*Provider)(nil)

// New connects with the SDK's default configuration: environment, shared
// files, or the instance's own role and region. The context bounds background
// work for the Provider's whole life.
func New(ctx context.Context, options Options) (*Provider, error) {
	configuration, err := connect(ctx, options)
	if err != nil {
		return nil, err
	}
	return newFrom(ctx, options, configuration)
}

// requestTimeout bounds one try of a request: the SDK itself would wait for ever
// for an answer that does not come.
const requestTimeout = 20 * time.Second

// connect loads the SDK's default configuration; of the options only OnCall and
// Logger count.
func connect(ctx context.Context, options Options) (sdk.Config, error) {
	configuration, err := config.LoadDefaultConfig(ctx, config.WithEC2IMDSRegion(), config.WithAppID(application), config.WithLogger(sdkLogger(options.Logger)),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout)))
	if err != nil {
		return sdk.Config{}, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	return counted(configuration, options), nil
}

// counted has OnCall hear of every call.
func counted(configuration sdk.Config, options Options) sdk.Config {
	if options.OnCall == nil {
		return configuration
	}
	configuration = configuration.Copy()
	configuration.APIOptions = append(configuration.APIOptions, reportCalls(options.OnCall))
	return configuration
}

// sdkLogger takes what the SDK would print on standard error, between drover's
// own lines of JSON.
func sdkLogger(log *slog.Logger) logging.Logger {
	if log == nil {
		return logging.Nop{}
	}
	return logging.LoggerFunc(func(level logging.Classification, format string, values ...any) {
		message := fmt.Sprintf(format, values...)
		if level == logging.Warn {
			log.Warn(message)
			return
		}
		log.Debug(message)
	})
}

// NewFromConfig connects with a given SDK configuration.
func NewFromConfig(ctx context.Context, options Options, configuration sdk.Config) (*Provider, error) {
	return newFrom(ctx, options, counted(configuration, options))
}

func newFrom(ctx context.Context, options Options, configuration sdk.Config) (*Provider, error) {
	prices := configuration.Copy()
	prices.Region = pricingRegion(configuration.Region)
	return NewFromClients(ctx, options, configuration.Region, Clients{
		EC2:     ec2.NewFromConfig(configuration),
		EKS:     eks.NewFromConfig(configuration),
		IAM:     iam.NewFromConfig(configuration),
		Pricing: pricing.NewFromConfig(prices),
		SSM:     ssm.NewFromConfig(configuration),
	})
}

// NewFromClients checks that the services answer, completes what Options leave
// out and returns the adapter.
func NewFromClients(ctx context.Context, options Options, region string, clients Clients) (*Provider, error) {
	if options.ClusterName == "" {
		return nil, errors.New("the cluster's name is missing: set CLUSTER_NAME")
	}
	if region == "" {
		return nil, errors.New("the AWS region is unknown: set AWS_REGION, or run where the instance metadata service answers")
	}
	if err := checkAccess(ctx, clients.EC2, region); err != nil {
		return nil, err
	}
	cluster, err := discoverCluster(ctx, clients.EKS, options)
	if err != nil {
		return nil, err
	}
	options.complete()
	return assemble(ctx, options, region, clients, cluster), nil
}

// complete sets what is left to its default.
func (o *Options) complete() {
	if o.VMMemoryOverheadPercent == 0 {
		o.VMMemoryOverheadPercent = DefaultVMMemoryOverheadPercent
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func assemble(ctx context.Context, options Options, region string, clients Clients, cluster Cluster) *Provider {
	p := &Provider{
		options: options, cluster: cluster, region: region, clients: clients,
		now: options.Now, log: options.Logger, background: ctx,
		unavailable: newUnavailable(options.Now),
		catalogs:    newCatalogs(),
		templates:   newTemplates(clients.EC2),
		launches:    newLaunches(options.Now),
	}
	p.subnets = &subnetAddresses{ec2: clients.EC2, now: options.Now}
	p.inventory = newInventory(ctx, p.fetchTypes, p.fetchSpotPrices, options)
	p.describe = newBatcher(ctx, maxFilterValues, p.describeByID)
	p.byClaim = newBatcher(ctx, maxFilterValues, p.describeByClaim)
	p.terminate = newBatcher(ctx, maxTerminations, p.terminateAll)
	return p
}

// checkAccess asks for a dry run, as a way to learn before any decision that
// credentials, region and endpoint are right.
func checkAccess(ctx context.Context, client EC2, region string) error {
	_, err := client.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{DryRun: sdk.Bool(true)})
	if err == nil || errorCode(err) == "DryRunOperation" {
		return nil
	}
	return fmt.Errorf("EC2 in %s does not let us in; check AWS_REGION, the credentials (AWS_ACCESS_KEY_ID and "+
		"AWS_SECRET_ACCESS_KEY, a profile, or the pod's role) and that they allow ec2:DescribeInstanceTypes: %w", region, err)
}

// Cluster is what nodes need to know of the cluster.
type Cluster struct {
	Name, Endpoint, CA, Version, ServiceCIDR string
	IPv6                                     bool
}

// Cluster returns the facts in use, whether given or discovered.
func (p *Provider) Cluster() Cluster { return p.cluster }

// Region returns the AWS region.
func (p *Provider) Region() string { return p.region }

func discoverCluster(ctx context.Context, client EKS, options Options) (Cluster, error) {
	cluster := Cluster{
		Name: options.ClusterName, Endpoint: options.ClusterEndpoint, CA: options.ClusterCA,
		Version: options.KubernetesVersion, ServiceCIDR: options.ServiceCIDR,
	}
	if cluster.Endpoint == "" || cluster.CA == "" || cluster.Version == "" || cluster.ServiceCIDR == "" {
		answer, err := client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &options.ClusterName})
		if err != nil {
			return Cluster{}, fmt.Errorf("describing EKS cluster %q (set CLUSTER_NAME to a cluster of this region, or give "+
				"endpoint, certificate authority, version and service CIDR): %w", options.ClusterName, err)
		}
		if answer.Cluster == nil {
			return Cluster{}, fmt.Errorf("EKS answered without a cluster for %q", options.ClusterName)
		}
		fill(&cluster.Endpoint, answer.Cluster.Endpoint)
		fill(&cluster.Version, answer.Cluster.Version)
		if ca := answer.Cluster.CertificateAuthority; ca != nil {
			fill(&cluster.CA, ca.Data)
		}
		if network := answer.Cluster.KubernetesNetworkConfig; network != nil {
			fill(&cluster.ServiceCIDR, network.ServiceIpv4Cidr)
			fill(&cluster.ServiceCIDR, network.ServiceIpv6Cidr)
		}
	}
	cluster.IPv6 = strings.Contains(cluster.ServiceCIDR, ":")
	return cluster, nil
}

// fill sets what is still unknown.
func fill(target *string, value *string) {
	if *target == "" {
		*target = sdk.ToString(value)
	}
}

// ownerTags mark everything made for a NodeClass of this cluster.
func (p *Provider) ownerTags(class *ec2v1.EC2NodeClass) map[string]string {
	return map[string]string{
		"kubernetes.io/cluster/" + p.cluster.Name: "owned",
		ec2v1.EKSClusterNameTagKey:                p.cluster.Name,
		ec2v1.NodeClassTagKey:                     class.Name,
	}
}

// pricingRegion is the one of the Price List's regions that is closest; the
// service has endpoints in few regions, see
// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
func pricingRegion(region string) string {
	switch {
	case strings.HasPrefix(region, "ap-"):
		return "ap-south-1"
	case strings.HasPrefix(region, "cn-"):
		return "cn-northwest-1"
	case strings.HasPrefix(region, "eu-"):
		return "eu-central-1"
	}
	return "us-east-1"
}
