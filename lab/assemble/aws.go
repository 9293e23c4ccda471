package assemble

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/controlplane"
	"github.com/drover-project/drover/lab/controlplane/tokenreview"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/world"
)

// AdminPath is where the AWS endpoint serves the lab's own requests.
const AdminPath = "/drover-lab"

func checkRegion(name string) error {
	if known := world.Regions(); name != "" && !slices.Contains(known, name) {
		return fmt.Errorf("region %q is not simulated: use one of %s", name, strings.Join(known, ", "))
	}
	return nil
}

func listenAWS(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("the AWS endpoint needs port %d on 127.0.0.1, which is taken (%w): choose another with --aws-port", port, err)
	}
	return listener, nil
}

// startRegion opens the region and serves it on the listener.
func (l *Lab) startRegion(listener net.Listener) error {
	dataDir := l.options.Dir.Join("region")
	if l.options.Ephemeral {
		dataDir = ""
	}
	opened, err := region.Open(region.Options{
		DataDir: dataDir,
		Region:  l.state.Region,
		Account: Account,
		Cluster: region.ClusterInfo{
			Name: ClusterName, Endpoint: l.plane.Endpoint(), CAData: l.plane.Authority().CertPEM(),
			Version: controlplane.Version, ServiceCIDR: controlplane.ServiceCIDR, OIDCIssuer: l.issuer(),
		},
		Clock:     l.clock,
		BaseNodes: l.options.BaseNodes,
		Log:       l.options.Log,
	})
	if err != nil {
		return fmt.Errorf("opening the region: %w", err)
	}
	l.region = opened
	server := awswire.New(awswire.Options{Credentials: l.secret, Log: l.options.Log, Account: Account, Region: l.state.Region})
	if err := register(server, opened); err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.Handle("/", server)
	routes.Handle(AdminPath+"/", http.StripPrefix(AdminPath, opened.Admin()))
	l.aws = &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second}
	l.awsURL = "http://" + listener.Addr().String()
	go l.serveAWS(listener)
	l.options.Progress("AWS endpoint")
	return nil
}

func (l *Lab) serveAWS(listener net.Listener) {
	if err := l.aws.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		l.options.Log.Error("the AWS endpoint ended", "error", err)
	}
}

func register(server *awswire.Server, opened *region.Region) error {
	var errs []error
	for name, implementation := range map[string]any{
		"autoscaling": opened.AutoScaling(), "ec2": opened.EC2(), "eks": opened.EKS(), "iam": opened.IAM(),
		"pricing": opened.Pricing(), "ssm": opened.SSM(), "sts": opened.STS(),
	} {
		errs = append(errs, server.Register(name, implementation))
	}
	return errors.Join(errs...)
}

// secret knows the lab's one access key.
func (l *Lab) secret(accessKeyID string) (string, bool) {
	if accessKeyID != l.state.AccessKeyID {
		return "", false
	}
	return l.state.SecretAccessKey, true
}

// tokenKeys makes the owner of the lab's key an administrator of the cluster,
// as the creator of an EKS cluster is.
func (l *Lab) tokenKeys(accessKeyID string) (string, tokenreview.Caller, bool) {
	secret, ok := l.secret(accessKeyID)
	return secret, tokenreview.Caller{
		ARN:     "arn:aws:iam::" + Account + ":user/lab",
		UserID:  "AIDA" + l.state.AccessKeyID[len("AIDA"):],
		Account: Account,
		Groups:  []string{"system:masters"},
	}, ok
}
