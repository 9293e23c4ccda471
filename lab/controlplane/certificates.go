package controlplane

import (
	"crypto"
	"fmt"
	"path/filepath"

	"github.com/drover-project/drover/lab/controlplane/component"
	"github.com/drover-project/drover/lab/controlplane/pki"
)

// Names under which leaf certificates are kept.
const (
	leafAPIServer         = "apiserver"
	leafKubeletClient     = "apiserver-kubelet-client"
	leafFrontProxy        = "front-proxy-client"
	leafWebhook           = "webhook"
	leafControllerManager = "controller-manager"
	leafScheduler         = "scheduler"
)

const (
	adminGroup     = "system:masters"
	frontProxyUser = "front-proxy-client"
)

// certificates are the authorities and every PEM file that a component is
// pointed to.
type certificates struct {
	cluster *pki.Authority
	// Paths of what is not a leaf.
	authorityFile, authorityKeyFile, frontProxyFile, signingKey string
	tokenKey                                                    crypto.PublicKey
	leaf                                                        map[string]pemFiles
}

// pemFiles are paths.
type pemFiles struct {
	cert, key string
}

// issueCertificates loads the authorities or creates them, and issues every
// leaf anew: its year starts again with each start of the lab.
func issueCertificates(dir string) (*certificates, error) {
	cluster, err := pki.LoadOrCreateAuthority(dir, "ca")
	if err != nil {
		return nil, err
	}
	// The API server believes the user names that this authority's clients
	// send in headers, so it must not be the one that signs users.
	frontProxy, err := pki.LoadOrCreateAuthority(dir, "front-proxy-ca")
	if err != nil {
		return nil, err
	}
	signingKey, tokenKey, err := pki.LoadOrCreateSigningKey(dir)
	if err != nil {
		return nil, err
	}
	c := &certificates{
		cluster:          cluster,
		authorityFile:    filepath.Join(dir, "ca.crt"),
		authorityKeyFile: filepath.Join(dir, "ca.key"),
		frontProxyFile:   filepath.Join(dir, "front-proxy-ca.crt"),
		signingKey:       signingKey,
		tokenKey:         tokenKey,
		leaf:             map[string]pemFiles{},
	}
	loopback := []string{"127.0.0.1", "::1", "localhost"}
	apiHosts := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", serviceIP,
	}, loopback...)
	for _, leaf := range []leaf{
		{name: leafAPIServer, ca: cluster, subject: component.APIServer, hosts: apiHosts},
		{name: leafControllerManager, ca: cluster, subject: component.ControllerManager, hosts: loopback},
		{name: leafScheduler, ca: cluster, subject: component.Scheduler, hosts: loopback},
		{name: leafWebhook, ca: cluster, subject: "drover-lab", hosts: loopback},
		{name: leafKubeletClient, ca: cluster, subject: "kube-apiserver-kubelet-client", groups: []string{adminGroup}},
		{name: leafFrontProxy, ca: frontProxy, subject: frontProxyUser},
	} {
		if c.leaf[leaf.name], err = leaf.issue(dir); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// leaf is a certificate to issue: a serving one if it has hosts, else a
// client's.
type leaf struct {
	name    string
	ca      *pki.Authority
	subject string
	groups  []string
	hosts   []string
}

func (l leaf) issue(dir string) (pemFiles, error) {
	var pair pki.Pair
	var err error
	if len(l.hosts) > 0 {
		pair, err = l.ca.IssueServer(l.subject, l.hosts...)
	} else {
		pair, err = l.ca.IssueClient(l.subject, l.groups...)
	}
	if err != nil {
		return pemFiles{}, err
	}
	cert, key, err := pair.Write(dir, l.name)
	if err != nil {
		return pemFiles{}, fmt.Errorf("keeping certificate %s: %w", l.name, err)
	}
	return pemFiles{cert: cert, key: key}, nil
}
