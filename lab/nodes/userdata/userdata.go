// Package userdata reads what a machine was given to boot with, in the ways
// that the EKS images read it: a nodeadm NodeConfig, a script that calls
// bootstrap.sh, or Bottlerocket settings.
package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/machine"
)

// Config is what user data says about the kubelet and the cluster it joins.
type Config struct {
	ClusterName string
	Endpoint    string // empty when the image asks EKS for it
	CA          []byte // PEM, empty when the image asks EKS for it
	// NameIsInstanceID makes the instance ID the node's name.
	NameIsInstanceID bool
	Labels           map[string]string
	Taints           []corev1.Taint
	// MaxPods is 0 when the image's ENI formula decides.
	MaxPods int64
	// These override the image's defaults key by key.
	KubeReserved   map[string]string
	SystemReserved map[string]string
	EvictionHard   map[string]string
}

// ErrEmpty is the error for a machine without user data: it runs and joins
// nothing.
var ErrEmpty = errors.New("the instance has no user data, so its kubelet knows no cluster")

// maxSize is far above EC2's limit of 16 KiB even when unpacked.
const maxSize = 4 << 20

// Family is an image's way to read user data.
type Family string

// Image families.
const (
	AL2          Family = "Amazon Linux 2"
	AL2023       Family = "Amazon Linux 2023"
	Bottlerocket Family = "Bottlerocket"
	// Unknown images are read in whatever way the user data suggests.
	Unknown Family = "custom"
)

// FamilyOf recognises the names that EKS gives to its images.
func FamilyOf(imageName string) Family {
	switch {
	case strings.HasPrefix(imageName, "bottlerocket"):
		return Bottlerocket
	case strings.Contains(imageName, "al2023"):
		return AL2023
	case strings.HasPrefix(imageName, "amazon-eks-node-"),
		strings.HasPrefix(imageName, "amazon-eks-gpu-node-"),
		strings.HasPrefix(imageName, "amazon-eks-arm64-node-"):
		return AL2
	}
	return Unknown
}

// Parse reads the user data of a machine. An error says why a real machine
// would run without ever joining.
func Parse(m machine.Machine) (Config, error) {
	raw, err := unpack(m.UserData)
	if err != nil {
		return Config{}, err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return Config{}, ErrEmpty
	}
	family := FamilyOf(m.ImageName)
	if family == Bottlerocket || family == Unknown && looksLikeBottlerocket(raw) {
		return parseBottlerocket(raw)
	}
	parts, err := splitParts(raw)
	if err != nil {
		return Config{}, err
	}
	config, err := parseParts(parts, family, m)
	if err != nil {
		return Config{}, err
	}
	return config, config.validate()
}

// parseParts takes what the image's family understands. Scripts on AL2023 run
// too, but there is no bootstrap.sh on that image, so they cannot join.
func parseParts(parts []part, family Family, m machine.Machine) (Config, error) {
	var nodeConfigs, scripts, clouds [][]byte
	for _, p := range parts {
		switch p.kind {
		case kindNodeConfig:
			nodeConfigs = append(nodeConfigs, p.body)
		case kindScript:
			scripts = append(scripts, p.body)
		case kindCloudConfig:
			clouds = append(clouds, p.body)
		}
	}
	switch {
	case len(nodeConfigs) > 0 && family == AL2:
		return Config{}, errors.New("user data is a NodeConfig but the image is Amazon Linux 2, which joins by a script that calls /etc/eks/bootstrap.sh CLUSTER")
	case len(nodeConfigs) > 0:
		return parseNodeConfigs(nodeConfigs)
	case family == AL2023:
		return Config{}, errors.New("user data holds no NodeConfig (apiVersion node.eks.aws/v1alpha1), the only thing by which Amazon Linux 2023 joins; bootstrap.sh is not on this image")
	case len(clouds) > 0:
		if config, found, err := parseCloudConfigs(clouds); found || err != nil {
			return config, err
		}
	}
	return parseScripts(scripts, m)
}

func (c Config) validate() error {
	if c.ClusterName == "" {
		return errors.New("user data names no cluster")
	}
	return checkLabels(c.Labels)
}

// unpack undoes a second base64 and gzip, which cloud-init and nodeadm accept.
func unpack(raw []byte) ([]byte, error) {
	trimmed := bytes.TrimSpace(raw)
	if decoded, err := base64.StdEncoding.DecodeString(string(trimmed)); err == nil && len(trimmed) > 0 {
		raw = decoded
	}
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("user data begins as gzip but is not: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxSize))
	if err != nil {
		return nil, fmt.Errorf("user data is damaged gzip: %w", err)
	}
	return text, nil
}
