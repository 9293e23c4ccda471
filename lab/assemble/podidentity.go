package assemble

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/lab/podidentity"
)

// startPodIdentity serves the webhook that gives pods the role of their
// service account, and gives the object that tells the API server of it.
func (l *Lab) startPodIdentity(background context.Context) (*unstructured.Unstructured, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the webhook for pod identities: %w", err)
	}
	object, err := l.servePodIdentity(background, listener)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return object, nil
}

func (l *Lab) servePodIdentity(background context.Context, listener net.Listener) (*unstructured.Unstructured, error) {
	accounts, err := l.accounts(background)
	if err != nil {
		return nil, err
	}
	pair, err := l.plane.Authority().IssueServer("pod-identity-webhook", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pair.CertPEM, pair.KeyPEM)
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler: &podidentity.Webhook{Account: accounts, Region: l.state.Region, Log: l.options.Log}, ReadHeaderTimeout: 10 * time.Second,
	}
	secured := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	l.background.Go(func() {
		if err := server.Serve(secured); !errors.Is(err, http.ErrServerClosed) {
			l.options.Log.Error("the webhook for pod identities ended", "error", err)
		}
	})
	l.background.Go(func() {
		<-background.Done()
		_ = server.Close()
	})
	return podidentity.Configuration("https://"+listener.Addr().String()+"/mutate", l.plane.Authority().CertPEM())
}

// accounts finds service accounts in a cache that follows them. One that is
// not there yet is asked for.
func (l *Lab) accounts(background context.Context) (func(context.Context, string, string) (*corev1.ServiceAccount, error), error) {
	client, err := kubernetes.NewForConfig(l.plane.AdminConfig())
	if err != nil {
		return nil, fmt.Errorf("making a client for pod identities: %w", err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	cached := factory.Core().V1().ServiceAccounts().Lister()
	factory.StartWithContext(background)
	return func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		account, err := cached.ServiceAccounts(namespace).Get(name)
		if apierrors.IsNotFound(err) {
			return client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
		}
		return account, err
	}, nil
}
