package assemble

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drover-project/drover/deploy"
	"github.com/drover-project/drover/lab/datadir"
	"github.com/drover-project/drover/lab/nodes"
)

// droverImage is the image name that nodes run as the drover program.
const droverImage = "drover-lab/drover:local"

// Names that drover's manifest gives its ports.
const (
	metricsPort = "http-metrics"
	healthPort  = "http"
)

// processes gives the drover program what a pod on EKS gets from its service
// account: a region, credentials and where the API is.
func (l *Lab) processes() map[string]nodes.Process {
	if l.options.DroverBinary == "" {
		return nil
	}
	drover := nodes.Process{
		Path: l.options.DroverBinary,
		Env: []string{
			"AWS_ENDPOINT_URL=" + l.awsURL,
			"AWS_REGION=" + l.state.Region,
			"AWS_ACCESS_KEY_ID=" + l.state.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY=" + l.state.SecretAccessKey,
			"AWS_EC2_METADATA_DISABLED=true",
		},
	}
	autoscaler := drover
	autoscaler.Args = []string{"cluster-autoscaler"}
	programs := map[string]nodes.Process{droverImage: drover}
	for _, image := range autoscalerImages {
		programs[image] = autoscaler
	}
	for _, image := range handlerImages {
		// It asks nothing of AWS but the metadata service, and has no keys.
		programs[image] = nodes.Process{Path: l.options.DroverBinary, Args: []string{"agent"}}
	}
	return programs
}

// handlerImages are those that aws-node-termination-handler's manifests name:
// drover's agent takes its place.
var handlerImages = [...]string{
	"public.ecr.aws/aws-ec2/aws-node-termination-handler:*",
	"amazon/aws-node-termination-handler:*",
	"docker.io/amazon/aws-node-termination-handler:*",
}

// autoscalerImages are those that cluster-autoscaler's manifests name: drover
// takes its place, so that they can be applied as they are.
var autoscalerImages = [...]string{
	"registry.k8s.io/autoscaling/cluster-autoscaler:*",
	"k8s.gcr.io/autoscaling/cluster-autoscaler:*",
	"us.gcr.io/k8s-artifacts-prod/autoscaling/cluster-autoscaler:*",
}

// droverObjects are drover's manifests for this lab. Its pod has the network of
// this machine, where the usual ports may be taken.
func (l *Lab) droverObjects() ([]*unstructured.Unstructured, error) {
	ports, err := l.options.Dir.DroverPorts(freePort)
	if err != nil {
		return nil, err
	}
	objects, err := deploy.Objects(deploy.Parameters{
		Image:       droverImage,
		ClusterName: l.state.Cluster,
		Region:      l.state.Region,
		// A second process would only wait for the first.
		Replicas: 1,
		Env: map[string]string{
			"INTERRUPTION_QUEUE": l.state.Cluster,
			"METRICS_PORT":       strconv.Itoa(ports.Metrics),
			"HEALTH_PROBE_PORT":  strconv.Itoa(ports.Health),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("drover's manifests: %w", err)
	}
	for _, object := range objects {
		if object.GetKind() != "Deployment" {
			continue
		}
		if err := setPorts(object, ports); err != nil {
			return nil, fmt.Errorf("drover's Deployment: %w", err)
		}
	}
	return objects, nil
}

// setPorts changes the numbers of a Deployment's named container ports.
func setPorts(deployment *unstructured.Unstructured, ports datadir.DroverPorts) error {
	path := []string{"spec", "template", "spec", "containers"}
	containers, _, err := unstructured.NestedSlice(deployment.Object, path...)
	if err != nil {
		return err
	}
	numbers := map[any]int{metricsPort: ports.Metrics, healthPort: ports.Health}
	for _, item := range containers {
		container, ok := item.(map[string]any)
		if !ok {
			return errors.New("a container is not an object")
		}
		declared, _ := container["ports"].([]any)
		for _, item := range declared {
			port, ok := item.(map[string]any)
			if number, known := numbers[port["name"]]; ok && known {
				port["containerPort"] = int64(number)
			}
		}
	}
	return unstructured.SetNestedSlice(deployment.Object, containers, path...)
}

// freePort returns the port if nobody listens there, else one that is free.
func freePort(preferred int) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(preferred)))
	if err != nil {
		listener, err = net.Listen("tcp", ":0")
	}
	if err != nil {
		return 0, fmt.Errorf("finding a port for drover: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
