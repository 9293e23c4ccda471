package controlplane

import (
	"net"
	"path/filepath"
	"strconv"

	"github.com/drover-project/drover/lab/controlplane/component"
)

const (
	// ServiceCIDR is the range of cluster IPs, as on EKS in a VPC that is not
	// in 10.0.0.0/8 itself.
	ServiceCIDR = "10.100.0.0/16"
	// serviceIP is the address of the Service default/kubernetes.
	serviceIP = "10.100.0.1"
	// advertised is the address in the Endpoints of default/kubernetes. On EKS
	// it is an interface in the VPC; Kubernetes forbids a loopback address
	// here. It is in the VPC's range but in none of its subnets.
	advertised = "192.168.192.2"

	// Clients of the API server may be faster than upstream's default of 20 to
	// 50 requests per second, which would make 1,000 pods take a minute to
	// appear. EKS raises these limits as well.
	clientQPS   = "200"
	clientBurst = "400"

	healthPaths = "/healthz,/livez,/readyz,/metrics"
)

func (s *startup) etcdFlags() []string {
	return []string{
		"--data-dir=" + filepath.Join(s.paths.dir, "etcd"),
		"--unsafe-no-fsync=" + strconv.FormatBool(s.config.Ephemeral),
	}
}

func (s *startup) apiServerFlags(listener net.Listener) []string {
	leaf := s.certs.leaf
	return append(s.auditFlags(),
		"--secure-port="+port(listener),
		"--bind-address=127.0.0.1",
		"--advertise-address="+advertised,
		"--etcd-servers="+component.EtcdSocket,
		"--tls-cert-file="+leaf[leafAPIServer].cert,
		"--tls-private-key-file="+leaf[leafAPIServer].key,
		"--client-ca-file="+s.certs.authorityFile,
		"--service-cluster-ip-range="+ServiceCIDR,
		"--service-account-issuer="+s.config.ServiceAccountIssuer,
		"--service-account-key-file="+s.certs.signingKey,
		"--service-account-signing-key-file="+s.certs.signingKey,
		"--kubelet-certificate-authority="+s.certs.authorityFile,
		"--kubelet-client-certificate="+leaf[leafKubeletClient].cert,
		"--kubelet-client-key="+leaf[leafKubeletClient].key,
		"--kubelet-preferred-address-types=InternalIP",
		"--egress-selector-config-file="+s.paths.file(egressFile),
		"--authentication-token-webhook-config-file="+s.paths.file(webhookFile),
		"--authentication-token-webhook-version=v1",
		// An access entry that changes counts at once.
		"--authentication-token-webhook-cache-ttl=1s",
		"--authorization-mode=Node,RBAC,Webhook",
		"--authorization-webhook-config-file="+s.paths.file(authorizationFile),
		"--authorization-webhook-version=v1",
		"--authorization-webhook-cache-authorized-ttl=1s",
		"--authorization-webhook-cache-unauthorized-ttl=1s",
		// What EKS enables beyond the defaults.
		"--enable-admission-plugins=NodeRestriction,ExtendedResourceToleration",
		"--allow-privileged=true",
		// Aggregated APIs and webhooks are reached by pod address: there is no
		// kube-proxy to give cluster IPs a meaning.
		"--enable-aggregator-routing=true",
		"--requestheader-client-ca-file="+s.certs.frontProxyFile,
		"--requestheader-allowed-names="+frontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+leaf[leafFrontProxy].cert,
		"--proxy-client-key-file="+leaf[leafFrontProxy].key,
	)
}

func (s *startup) controllerManagerFlags(listener net.Listener) []string {
	leaf := s.certs.leaf[leafControllerManager]
	return append(s.clientFlags(listener, leaf, s.paths.file(controllerManagerFile)),
		"--cluster-name="+s.config.ClusterName,
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+s.certs.signingKey,
		"--root-ca-file="+s.certs.authorityFile,
		"--cluster-signing-cert-file="+s.certs.authorityFile,
		"--cluster-signing-key-file="+s.certs.authorityKeyFile,
		// Without this it watches a system folder.
		"--flex-volume-plugin-dir="+s.paths.file("flexvolume"),
	)
}

func (s *startup) schedulerFlags(listener net.Listener) []string {
	return s.clientFlags(listener, s.certs.leaf[leafScheduler], s.paths.file(schedulerFile))
}

// clientFlags are common to the components that are clients of the API server.
func (s *startup) clientFlags(listener net.Listener, leaf pemFiles, kubeconfig string) []string {
	return []string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + port(listener),
		"--tls-cert-file=" + leaf.cert,
		"--tls-private-key-file=" + leaf.key,
		"--authorization-always-allow-paths=" + healthPaths,
		"--kubeconfig=" + kubeconfig,
		// There is one of each, and a lease would be renewed every two seconds.
		"--leader-elect=false",
		"--kube-api-qps=" + clientQPS,
		"--kube-api-burst=" + clientBurst,
	}
}

func port(listener net.Listener) string {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}
