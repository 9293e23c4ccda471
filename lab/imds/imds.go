// Package imds is the instance metadata service of the simulated machines: what
// the software on an instance asks for itself at 169.254.169.254. Here every
// machine has a port of its own on the loopback interface, opened when somebody
// wants to know where it is.
package imds

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

// Options of the service. Source and Clock are required.
type Options struct {
	// Source tells of machines. When it is also a machine.Keyring, their roles
	// have credentials.
	Source machine.Source
	Clock  machine.Clock
	Log    *slog.Logger // nil discards
}

// Service is the metadata service of all machines.
type Service struct {
	clock  machine.Clock
	keys   machine.Keyring // nil without
	log    *slog.Logger
	tokens tokens
	server *http.Server
	stop   func()

	mu        sync.Mutex
	closed    bool
	instances map[string]*instance
}

// instance is one machine's service.
type instance struct {
	mu          sync.Mutex
	machine     machine.Machine
	listener    net.Listener // nil until it is wanted
	credentials machine.Credentials
}

// ErrUnknown says that there is no such machine, or that it is switched off.
var ErrUnknown = errors.New("no such instance is running")

const secretBytes = 32

// New serves the machines of a source until Close.
func New(o Options) (*Service, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	secret := make([]byte, secretBytes)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("making a key for metadata tokens: %w", err)
	}
	s := &Service{clock: o.Clock, log: log, tokens: tokens{key: secret}, instances: map[string]*instance{}}
	s.keys, _ = o.Source.(machine.Keyring)
	s.server = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(l net.Listener) context.Context {
			return context.WithValue(context.Background(), ownKey{}, l.(owned).instance)
		},
	}
	s.stop = o.Source.Watch(s.changed)
	return s, nil
}

// owned is a listener that knows whose it is.
type owned struct {
	net.Listener
	instance *instance
}

type ownKey struct{}

// Close ends the service.
func (s *Service) Close() error {
	s.stop()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	return s.server.Close()
}

// changed keeps what the source tells.
func (s *Service) changed(m machine.Machine) {
	s.mu.Lock()
	i := s.instances[m.ID]
	switch {
	case m.State == machine.Terminated:
		delete(s.instances, m.ID)
	case i == nil:
		i = &instance{}
		s.instances[m.ID] = i
	}
	s.mu.Unlock()
	if i != nil {
		i.set(m)
	}
}

// set takes a new state of the machine; one that is switched off answers nobody.
func (i *instance) set(m machine.Machine) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if m.RoleARN != i.machine.RoleARN {
		i.credentials = machine.Credentials{}
	}
	i.machine = m
	if isOff(m.State) && i.listener != nil {
		_ = i.listener.Close() // nothing is lost with it
		i.listener = nil
	}
}

func isOff(s machine.State) bool { return s == machine.Stopped || s == machine.Terminated }

// Find is the id of the instance with an id or host name: ErrUnknown without one.
func (s *Service) Find(name string) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, i := range s.instances {
		i.mu.Lock()
		found := !isOff(i.machine.State) && (id == name || i.machine.PrivateDNSName == name)
		i.mu.Unlock()
		if found {
			return id, nil
		}
	}
	return "", ErrUnknown
}

// URL is where an instance's service is, such as http://127.0.0.1:40001; it is
// there from now until the machine is switched off.
func (s *Service) URL(id string) (string, error) {
	s.mu.Lock()
	i, closed := s.instances[id], s.closed
	s.mu.Unlock()
	if i == nil || closed {
		return "", fmt.Errorf("%s: %w", id, ErrUnknown)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if isOff(i.machine.State) {
		return "", fmt.Errorf("%s: %w", id, ErrUnknown)
	}
	if i.listener == nil {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("metadata service of %s: %w", id, err)
		}
		i.listener = listener
		go s.serve(owned{listener, i}, id)
	}
	return "http://" + i.listener.Addr().String(), nil
}

func (s *Service) serve(l owned, id string) {
	if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		s.log.Error("an instance's metadata service ended", "instance", id, "error", err)
	}
}
