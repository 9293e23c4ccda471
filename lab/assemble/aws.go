package assemble

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/controlplane"
	"github.com/drover-project/drover/lab/controlplane/tokenreview"
	"github.com/drover-project/drover/lab/datadir"
	"github.com/drover-project/drover/lab/imds"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/world"
)

// callLogMegabytes is when the log of AWS calls is rotated.
const callLogMegabytes = 50

// AdminPath is where the AWS endpoint serves the lab's own requests.
const AdminPath = "/drover-lab"

func checkRegion(name string) error {
	if known := world.Regions(); name != "" && !slices.Contains(known, name) {
		return fmt.Errorf("region %q is not simulated: use one of %s", name, strings.Join(known, ", "))
	}
	return nil
}

// clusterName is what EKS accepts.
var clusterName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)

func checkCluster(name string) error {
	if name != "" && !clusterName.MatchString(name) {
		return fmt.Errorf("cluster name %q: must be at most 100 letters, digits, - and _, and begin with a letter or digit", name)
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
			Name: l.state.Cluster, Endpoint: l.plane.Endpoint(), CAData: l.plane.Authority().CertPEM(),
			Version: controlplane.Version, ServiceCIDR: controlplane.ServiceCIDR, OIDCIssuer: l.issuer(),
			TokenKeys: []crypto.PublicKey{l.plane.TokenKey()},
		},
		Endpoint:  "http://" + listener.Addr().String(),
		Clock:     l.clock,
		BaseNodes: l.options.BaseNodes,
		Log:       l.options.Log,
	})
	if err != nil {
		return fmt.Errorf("opening the region: %w", err)
	}
	l.region = opened
	l.opened.Store(opened)
	// Its name is the cluster's, as Karpenter's users have it.
	if err := opened.EnsureInterruptionQueue(context.Background(), l.state.Cluster); err != nil {
		return err
	}
	if l.metadata, err = imds.New(imds.Options{Source: opened, Clock: l.clock, Log: l.options.Log}); err != nil {
		return err
	}
	l.calls = &lumberjack.Logger{Filename: datadir.CallLog(l.options.Dir.Path()), MaxSize: callLogMegabytes, MaxBackups: 1}
	server := awswire.New(awswire.Options{Credentials: l.secret, Session: l.session, Log: l.options.Log, Account: Account, Region: l.state.Region, Called: l.noteCall})
	if err := register(server, opened); err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.Handle("/", server)
	routes.Handle("GET "+AdminPath+"/imds/{instance}", l.metadata.Admin())
	routes.Handle(AdminPath+"/", http.StripPrefix(AdminPath, opened.Admin()))
	l.aws = &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second}
	l.awsURL = "http://" + listener.Addr().String()
	go l.serveAWS(listener)
	l.options.Progress("AWS endpoint")
	return nil
}

// noteCall writes a request down, one line of JSON each.
func (l *Lab) noteCall(call awswire.Call) {
	line, err := json.Marshal(call)
	if err == nil {
		_, err = l.calls.Write(append(line, '\n'))
	}
	if err != nil {
		l.options.Log.Error("an AWS call is not in the log of calls", "requestID", call.RequestID, "error", err)
	}
}

func (l *Lab) serveAWS(listener net.Listener) {
	if err := l.aws.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		l.options.Log.Error("the AWS endpoint ended", "error", err)
	}
}

func register(server *awswire.Server, opened *region.Region) error {
	var errs []error
	for name, implementation := range map[string]any{
		"autoscaling": opened.AutoScaling(), "cloudformation": opened.CloudFormation(), "ec2": opened.EC2(), "eks": opened.EKS(), "events": opened.Events(),
		"iam": opened.IAM(), "pricing": opened.Pricing(), "sqs": opened.SQS(), "ssm": opened.SSM(), "sts": opened.STS(),
	} {
		errs = append(errs, server.Register(name, implementation))
	}
	return errors.Join(errs...)
}

// secret knows the lab's one access key, and those of the sessions of roles.
func (l *Lab) secret(accessKeyID string) (string, bool) {
	if accessKeyID == l.state.AccessKeyID {
		return l.state.SecretAccessKey, true
	}
	session, _, found := l.region.Session(accessKeyID)
	return session.Secret, found
}

// session says of an access key whether it is that of a session.
func (l *Lab) session(accessKeyID string) (token string, expired, temporary bool) {
	session, expired, temporary := l.region.Session(accessKeyID)
	return session.Token, expired, temporary
}

// tokenKeys makes the owner of the lab's key an administrator of the cluster,
// as the creator of an EKS cluster is. The session of a role is known by its
// name, and belongs to no group.
func (l *Lab) tokenKeys(accessKeyID string) (string, tokenreview.Caller, bool) {
	if accessKeyID == l.state.AccessKeyID {
		return l.state.SecretAccessKey, tokenreview.Caller{
			ARN:     "arn:aws:iam::" + Account + ":user/lab",
			UserID:  "AIDA" + l.state.AccessKeyID[len("AIDA"):],
			Account: Account,
			Groups:  []string{"system:masters"},
		}, true
	}
	opened := l.opened.Load()
	if opened == nil {
		return "", tokenreview.Caller{}, false
	}
	session, expired, found := opened.Session(accessKeyID)
	return session.Secret, tokenreview.Caller{
		ARN: opened.SessionARN(session), UserID: session.RoleID + ":" + session.Name, Account: Account,
	}, found && !expired
}
