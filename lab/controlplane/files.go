package controlplane

import (
	"fmt"
	"net"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/apis/apiserver/v1beta1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/controlplane/component"
)

// Files that components read, in the config folder.
const (
	egressFile            = "egress-selector.yaml"
	webhookFile           = "token-webhook.kubeconfig"
	authorizationFile     = "authorization-webhook.kubeconfig"
	controllerManagerFile = "controller-manager.kubeconfig"
	schedulerFile         = "scheduler.kubeconfig"
)

// Paths of the webhooks.
const (
	tokenReviewPath  = "/tokenreview"
	accessReviewPath = "/accessreview"
)

func (s *startup) writeFiles(tunnel, webhook net.Listener) error {
	if err := s.writeEgress(tunnel); err != nil {
		return err
	}
	if err := s.writeAuditPolicy(); err != nil {
		return err
	}
	for file, path := range map[string]string{webhookFile: tokenReviewPath, authorizationFile: accessReviewPath} {
		hook := clientcmdapi.Cluster{
			Server:                   "https://" + webhook.Addr().String() + path,
			CertificateAuthorityData: s.certs.cluster.CertPEM(),
		}
		if err := writeKubeconfig(s.paths.file(file), hook, clientcmdapi.AuthInfo{}); err != nil {
			return err
		}
	}
	for file, user := range map[string]string{
		controllerManagerFile: "system:" + component.ControllerManager,
		schedulerFile:         "system:" + component.Scheduler,
	} {
		pair, err := s.certs.cluster.IssueClient(user)
		if err != nil {
			return err
		}
		api := clientcmdapi.Cluster{Server: s.endpoint, CertificateAuthorityData: s.certs.cluster.CertPEM()}
		auth := clientcmdapi.AuthInfo{ClientCertificateData: pair.CertPEM, ClientKeyData: pair.KeyPEM}
		if err := writeKubeconfig(s.paths.file(file), api, auth); err != nil {
			return err
		}
	}
	return nil
}

// writeEgress sends everything that the API server opens towards the cluster
// (kubelets, webhooks, aggregated APIs) through the tunnel.
func (s *startup) writeEgress(tunnel net.Listener) error {
	content, err := yaml.Marshal(v1beta1.EgressSelectorConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: v1beta1.SchemeGroupVersion.String(), Kind: "EgressSelectorConfiguration"},
		EgressSelections: []v1beta1.EgressSelection{{
			Name: "cluster",
			Connection: v1beta1.Connection{
				ProxyProtocol: v1beta1.ProtocolHTTPConnect,
				Transport: &v1beta1.Transport{TCP: &v1beta1.TCPTransport{
					URL: "https://" + tunnel.Addr().String(),
					TLSConfig: &v1beta1.TLSConfig{
						CABundle:   s.certs.authorityFile,
						ClientCert: s.certs.leaf[leafKubeletClient].cert,
						ClientKey:  s.certs.leaf[leafKubeletClient].key,
					},
				}},
			},
		}},
	})
	if err != nil {
		return fmt.Errorf("encoding the egress selector: %w", err)
	}
	if err := os.WriteFile(s.paths.file(egressFile), content, 0o600); err != nil {
		return fmt.Errorf("writing the egress selector: %w", err)
	}
	return nil
}

func writeKubeconfig(path string, cluster clientcmdapi.Cluster, auth clientcmdapi.AuthInfo) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["lab"] = &cluster
	config.AuthInfos["lab"] = &auth
	config.Contexts["lab"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "lab"}
	config.CurrentContext = "lab"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
