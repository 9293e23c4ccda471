package imds_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/imds"
	"github.com/drover-project/drover/lab/machine"
)

const id = "i-0123456789abcdef0"

func start() time.Time { return time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC) }

// source is a machine.Source and machine.Keyring that the test moves.
type source struct {
	changed func(machine.Machine)
	present []machine.Machine
	clock   machine.Clock
	opened  int
	refuses bool
}

func (s *source) Watch(changed func(machine.Machine)) (stop func()) {
	s.changed = changed
	for _, m := range s.present {
		changed(m)
	}
	return func() {}
}

func (s *source) Credentials(string) (machine.Credentials, error) {
	if s.refuses {
		return machine.Credentials{}, machine.ErrRoleRefusesEC2
	}
	s.opened++
	now := s.clock.Now()
	return machine.Credentials{
		AccessKeyID: "LABS" + strconv.Itoa(s.opened), Secret: "secret", Token: "token", Updated: now, Expires: now.Add(6 * time.Hour),
	}, nil
}

// bench is one machine with its service.
type bench struct {
	t       *testing.T
	source  *source
	clock   *clock.Manual
	service *imds.Service
	url     string
	machine machine.Machine
}

func web() machine.Machine {
	return machine.Machine{
		ID: id, Type: "m5.large", Region: "us-west-2", Zone: "us-west-2a", ZoneID: "usw2-az1", PrivateIP: "192.168.77.10",
		SubnetCIDR: "192.168.64.0/19", PrivateDNSName: "ip-192-168-77-10.us-west-2.compute.internal", ImageID: "ami-0abc", Spot: true,
		State: machine.Running, LaunchTime: start(), Account: "111122223333", UserData: []byte("#!/bin/bash\n"),
		RoleARN: "arn:aws:iam::111122223333:role/nodes/NodeRole", Tags: map[string]string{"Name": "web", "team": "shop"},
		Launch:   machine.Launch{Reservation: "r-0abc", KeyName: "admin", PublicKey: "ssh-ed25519 AAAA admin", Devices: []string{"/dev/xvda", "/dev/xvdb"}},
		Profile:  machine.Profile{ARN: "arn:aws:iam::111122223333:instance-profile/nodes", ID: "AIPA1"},
		Hardware: machine.Hardware{Arch: "amd64"},
		Network: machine.Network{
			InterfaceID: "eni-0abc", MAC: "02:11:22:33:44:55", SubnetID: "subnet-0abc", VPCID: "vpc-0abc",
			VPCCIDRs: []string{"192.168.0.0/16", "100.64.0.0/16"}, SecurityGroups: []machine.SecurityGroup{{ID: "sg-1", Name: "cluster"}, {ID: "sg-2", Name: "extra"}},
		},
		Metadata: machine.MetadataOptions{TokensRequired: true, HopLimit: 2},
	}
}

func open(t *testing.T, change ...func(*machine.Machine)) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewManual(start()), machine: web()}
	for _, c := range change {
		c(&b.machine)
	}
	b.source = &source{clock: b.clock, present: []machine.Machine{b.machine}}
	var err error
	if b.service, err = imds.New(imds.Options{Source: b.source, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.service.Close() })
	if b.url, err = b.service.URL(id); err != nil {
		t.Fatal(err)
	}
	return b
}

// change moves the machine.
func (b *bench) change(how func(*machine.Machine)) {
	how(&b.machine)
	b.source.changed(b.machine)
}

// ask sends a request and gives status, body and headers.
func (b *bench) ask(method, path string, headers ...string) (int, string, http.Header) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for n := 0; n < len(headers); n += 2 {
		request.Header.Set(headers[n], headers[n+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

func (b *bench) token(seconds int) string {
	b.t.Helper()
	status, token, headers := b.ask("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", strconv.Itoa(seconds))
	if status != http.StatusOK || token == "" || headers.Get("X-aws-ec2-metadata-token-ttl-seconds") != strconv.Itoa(seconds) {
		b.t.Fatalf("no token: %d %q, headers %v", status, token, headers)
	}
	return token
}

// get reads a path with a fresh token: status and body, the body of an error empty.
func (b *bench) get(path string) (int, string) {
	b.t.Helper()
	status, body, _ := b.ask("GET", path, "X-aws-ec2-metadata-token", b.token(60))
	if status != http.StatusOK {
		body = ""
	}
	return status, body
}

func (b *bench) wants(path string, status int, body string) {
	b.t.Helper()
	if s, got := b.get(path); s != status || got != body {
		b.t.Errorf("%s: %d %q, want %d %q", path, s, got, status, body)
	}
}

func (b *bench) absent(paths ...string) {
	b.t.Helper()
	for _, path := range paths {
		b.wants(path, http.StatusNotFound, "")
	}
}

func TestTokenRules(t *testing.T) {
	t.Parallel()
	const ttl, header = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
	b := open(t)
	token := b.token(10)
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
	}{
		"with a token":          {"GET", "/latest/meta-data/instance-id", []string{header, token}, 200},
		"HEAD":                  {"HEAD", "/latest/meta-data/instance-id", []string{header, token}, 200},
		"without a token":       {"GET", "/latest/meta-data/instance-id", nil, 401},
		"with a wrong one":      {"GET", "/latest/meta-data/instance-id", []string{header, "x"}, 401},
		"with a forged one":     {"GET", "/latest/meta-data/instance-id", []string{header, "A" + token[1:]}, 401},
		"no path, no token":     {"GET", "/latest/meta-data/nothing", nil, 401},
		"no life given":         {"PUT", "/latest/api/token", nil, 400},
		"no number":             {"PUT", "/latest/api/token", []string{ttl, "long"}, 400},
		"no life":               {"PUT", "/latest/api/token", []string{ttl, "0"}, 400},
		"a negative life":       {"PUT", "/latest/api/token", []string{ttl, "-1"}, 400},
		"the longest life":      {"PUT", "/latest/api/token", []string{ttl, "21600"}, 200},
		"too long a life":       {"PUT", "/latest/api/token", []string{ttl, "21601"}, 400},
		"through a proxy":       {"PUT", "/latest/api/token", []string{ttl, "60", "X-Forwarded-For", "10.0.0.1"}, 403},
		"a token is not read":   {"GET", "/latest/api/token", []string{header, token}, 405},
		"writing":               {"PUT", "/latest/meta-data/instance-id", []string{header, token}, 405},
		"posting":               {"POST", "/latest/user-data", []string{header, token}, 405},
		"no such version":       {"GET", "/2000-01-01/meta-data", []string{header, token}, 404},
		"tokens of one version": {"PUT", "/2021-07-15/api/token", []string{ttl, "60"}, 405},
	} {
		if status, _, _ := b.ask(c.method, c.path, c.headers...); status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
	b.clock.Advance(9 * time.Second)
	if status, _, _ := b.ask("GET", "/latest/meta-data/", header, token); status != 200 {
		t.Errorf("after 9 s of 10: %d", status)
	}
	b.clock.Advance(time.Second)
	if status, body, _ := b.ask("GET", "/latest/meta-data/", header, token); status != 401 || !strings.Contains(body, "<title>401 - Unauthorized</title>") {
		t.Errorf("after 10 s of 10: %d %s", status, body)
	}
}

// TestTokensAreOfOneInstance: the token of another instance is none.
func TestTokensAreOfOneInstance(t *testing.T) {
	t.Parallel()
	b := open(t)
	token := b.token(60)
	other := web()
	other.ID, other.PrivateDNSName = "i-0ffff", "ip-192-168-77-11.us-west-2.compute.internal"
	b.source.changed(other)
	url, err := b.service.URL(other.ID)
	if err != nil || url == b.url {
		t.Fatalf("%q, %v", url, err)
	}
	b.url = url
	if status, _, _ := b.ask("GET", "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); status != 401 {
		t.Errorf("another's token: %d", status)
	}
	b.wants("/latest/meta-data/instance-id", 200, other.ID)
}

func TestVersion1(t *testing.T) {
	t.Parallel()
	b := open(t, func(m *machine.Machine) { m.Metadata.TokensRequired = false })
	if status, body, _ := b.ask("GET", "/latest/meta-data/instance-id"); status != 200 || body != id {
		t.Errorf("without a token where that is enough: %d %q", status, body)
	}
	if status, _, _ := b.ask("GET", "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", "x"); status != 401 {
		t.Errorf("with a wrong token: %d", status)
	}
	b.change(func(m *machine.Machine) { m.Metadata.TokensRequired = true })
	if status, _, _ := b.ask("GET", "/latest/meta-data/instance-id"); status != 401 {
		t.Errorf("once tokens are required: %d", status)
	}
	b.change(func(m *machine.Machine) { m.Metadata.Disabled = true })
	for _, method := range []string{"GET", "PUT"} {
		if status, _, _ := b.ask(method, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60"); status != 403 {
			t.Errorf("disabled, %s: %d", method, status)
		}
	}
}

func TestMachinesComeAndGo(t *testing.T) {
	t.Parallel()
	b := open(t)
	if again, err := b.service.URL(id); err != nil || again != b.url {
		t.Errorf("the same machine is at %s and %s, %v", b.url, again, err)
	}
	for _, name := range []string{id, b.machine.PrivateDNSName} {
		if found, err := b.service.Find(name); err != nil || found != id {
			t.Errorf("%s is %q, %v", name, found, err)
		}
	}
	b.change(func(m *machine.Machine) { m.State = machine.ShuttingDown })
	b.wants("/latest/meta-data/instance-id", 200, id)
	b.change(func(m *machine.Machine) { m.State = machine.Stopped })
	if _, err := b.service.URL(id); !errors.Is(err, imds.ErrUnknown) {
		t.Errorf("a stopped machine: %v", err)
	}
	b.change(func(m *machine.Machine) { m.State = machine.Running })
	url, err := b.service.URL(id)
	if err != nil {
		t.Fatal(err)
	}
	b.url = url
	b.wants("/latest/meta-data/instance-id", 200, id)
	b.change(func(m *machine.Machine) { m.State = machine.Terminated })
	if _, err := b.service.URL(id); !errors.Is(err, imds.ErrUnknown) {
		t.Errorf("a terminated machine: %v", err)
	}
	if _, err := b.service.Find(b.machine.PrivateDNSName); !errors.Is(err, imds.ErrUnknown) {
		t.Errorf("a terminated machine's name: %v", err)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	b := open(t)
	routes := http.NewServeMux()
	routes.Handle("GET /imds/{instance}", b.service.Admin())
	for name, want := range map[string]string{
		id: b.url, b.machine.PrivateDNSName: b.url, "i-0fff": "no running instance",
	} {
		answer := httptest.NewRecorder()
		routes.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/imds/"+name, nil))
		if (answer.Code == http.StatusOK) != (want == b.url) || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
}
