package imds_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	b := open(t)
	const macs = "/latest/meta-data/network/interfaces/macs/02:11:22:33:44:55/"
	for path, want := range map[string]string{
		"/latest/meta-data/ami-id":                         "ami-0abc",
		"/latest/meta-data/ami-launch-index":               "0",
		"/latest/meta-data/ami-manifest-path":              "(unknown)",
		"/latest/meta-data/block-device-mapping/ami":       "/dev/xvda",
		"/latest/meta-data/block-device-mapping/root":      "/dev/xvda",
		"/latest/meta-data/block-device-mapping/ebs1":      "/dev/xvdb",
		"/latest/meta-data/hostname":                       b.machine.PrivateDNSName,
		"/latest/meta-data/instance-action":                "none",
		"/latest/meta-data/instance-id":                    id,
		"/2009-04-04/meta-data/instance-id":                id,
		"/1.0/meta-data/instance-id/":                      id,
		"/latest/meta-data/instance-life-cycle":            "spot",
		"/latest/meta-data/instance-type":                  "m5.large",
		"/latest/meta-data/local-hostname":                 b.machine.PrivateDNSName,
		"/latest/meta-data/local-ipv4":                     "192.168.77.10",
		"/latest/meta-data/mac":                            "02:11:22:33:44:55",
		macs + "device-number":                             "0",
		macs + "interface-id":                              "eni-0abc",
		macs + "local-ipv4s":                               "192.168.77.10",
		macs + "owner-id":                                  "111122223333",
		macs + "security-group-ids":                        "sg-1\nsg-2",
		macs + "security-groups":                           "cluster\nextra",
		macs + "subnet-id":                                 "subnet-0abc",
		macs + "subnet-ipv4-cidr-block":                    "192.168.64.0/19",
		macs + "vpc-id":                                    "vpc-0abc",
		macs + "vpc-ipv4-cidr-block":                       "192.168.0.0/16",
		macs + "vpc-ipv4-cidr-blocks":                      "192.168.0.0/16\n100.64.0.0/16",
		"/latest/meta-data/network/interfaces/macs/":       "02:11:22:33:44:55/",
		"/latest/meta-data/placement/":                     "availability-zone\navailability-zone-id\nregion",
		"/latest/meta-data/placement/availability-zone":    "us-west-2a",
		"/latest/meta-data/placement/availability-zone-id": "usw2-az1",
		"/latest/meta-data/placement/region":               "us-west-2",
		"/latest/meta-data/public-keys":                    "0=admin",
		"/latest/meta-data/public-keys/0":                  "openssh-key",
		"/latest/meta-data/public-keys/0/openssh-key":      "ssh-ed25519 AAAA admin",
		"/latest/meta-data/reservation-id":                 "r-0abc",
		"/latest/meta-data/security-groups":                "cluster\nextra",
		"/latest/meta-data/services/domain":                "amazonaws.com",
		"/latest/meta-data/services/partition":             "aws",
		"/latest/meta-data/iam":                            "info\nsecurity-credentials/",
		"/latest/meta-data/iam/security-credentials/":      "NodeRole",
		"/latest/meta-data/events/":                        "maintenance/",
		"/latest/meta-data/events/maintenance/":            "history\nscheduled",
		"/latest/meta-data/events/maintenance/scheduled":   "[]",
		"/latest/meta-data/events/maintenance/history":     "[]",
		"/latest/user-data":                                "#!/bin/bash\n",
		"/latest":                                          "dynamic\nmeta-data\nuser-data",
		"/latest/dynamic":                                  "instance-identity/",
	} {
		b.wants(path, 200, want)
	}
	b.absent("/latest/meta-data/public-ipv4", "/latest/meta-data/public-hostname", macs+"public-ipv4s", macs+"ipv4-associations/",
		"/latest/meta-data/spot", "/latest/meta-data/spot/instance-action", "/latest/meta-data/spot/termination-time",
		"/latest/meta-data/events/recommendations/rebalance", "/latest/meta-data/autoscaling/target-lifecycle-state",
		"/latest/meta-data/tags/instance", "/latest/dynamic/instance-identity/signature", "/latest/dynamic/instance-identity/pkcs7",
		"/latest/meta-data/instance-id/more", "/latest/meta-data/public-keys//names", "/latest/meta-data/placement/group-name", "/latest/api")
	if _, versions := b.get("/"); !strings.HasPrefix(versions, "1.0\n2007-01-19\n") || !strings.HasSuffix(versions, "\nlatest") {
		t.Errorf("versions %q", versions)
	}
	_, names := b.get("/latest/meta-data")
	for _, name := range []string{"ami-id", "block-device-mapping/", "events/", "iam/", "network/", "placement/", "public-keys/"} {
		if !strings.Contains("\n"+names+"\n", "\n"+name+"\n") {
			t.Errorf("%q is not in %q", name, names)
		}
	}
}

func TestWhatAnInstanceMayHave(t *testing.T) {
	t.Parallel()
	b := open(t, func(m *machine.Machine) {
		m.Spot, m.UserData, m.Metadata.Tags, m.Profile, m.RoleARN, m.Launch = false, nil, true, machine.Profile{}, "", machine.Launch{PlacementGroup: "close"}
		m.Network.PublicIP, m.Network.PublicDNSName = "203.0.113.7", "ec2-203-0-113-7.us-west-2.compute.amazonaws.com"
	})
	const macs = "/latest/meta-data/network/interfaces/macs/02:11:22:33:44:55/"
	for path, want := range map[string]string{
		"/latest/meta-data/instance-life-cycle":  "on-demand",
		"/latest/meta-data/public-ipv4":          "203.0.113.7",
		"/latest/meta-data/public-hostname":      "ec2-203-0-113-7.us-west-2.compute.amazonaws.com",
		macs + "ipv4-associations/":              "203.0.113.7",
		macs + "ipv4-associations/203.0.113.7":   "192.168.77.10",
		"/latest/meta-data/tags/instance":        "Name\nteam",
		"/latest/meta-data/tags/instance/Name":   "web",
		"/latest/meta-data/placement/group-name": "close",
		"/latest":                                "dynamic\nmeta-data",
	} {
		b.wants(path, 200, want)
	}
	b.absent("/latest/user-data", "/latest/meta-data/iam/info", "/latest/meta-data/iam/security-credentials/", "/latest/meta-data/public-keys")
}

func TestIdentityDocument(t *testing.T) {
	t.Parallel()
	_, content := open(t).get("/latest/dynamic/instance-identity/document")
	var document map[string]any
	if err := json.Unmarshal([]byte(content), &document); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"accountId": "111122223333", "architecture": "x86_64", "availabilityZone": "us-west-2a", "imageId": "ami-0abc", "instanceId": id,
		"instanceType": "m5.large", "kernelId": nil, "pendingTime": "2026-11-24T08:00:00Z", "privateIp": "192.168.77.10", "region": "us-west-2", "version": "2017-09-30",
	} {
		if got, there := document[name]; !there || got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestCredentialsAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	b := open(t)
	const path = "/latest/meta-data/iam/security-credentials/NodeRole"
	read := func() (c struct{ Code, Type, AccessKeyID, SecretAccessKey, Token, LastUpdated, Expiration string }) {
		t.Helper()
		status, content := b.get(path)
		if err := json.Unmarshal([]byte(content), &c); err != nil || status != 200 {
			t.Fatalf("%d %v: %s", status, err, content)
		}
		return c
	}
	first := read()
	if first.Code != "Success" || first.Type != "AWS-HMAC" || first.AccessKeyID != "LABS1" || first.SecretAccessKey == "" || first.Token == "" ||
		first.LastUpdated != "2026-11-24T08:00:00Z" || first.Expiration != "2026-11-24T14:00:00Z" {
		t.Errorf("%+v", first)
	}
	b.clock.Advance(5*time.Hour - time.Second)
	if again := read(); again != first {
		t.Errorf("renewed too early: %+v", again)
	}
	b.clock.Advance(time.Second)
	if again := read(); again.AccessKeyID != "LABS2" || again.Expiration != "2026-11-24T19:00:00Z" {
		t.Errorf("not renewed an hour before the end: %+v", again)
	}
	b.change(func(m *machine.Machine) { m.RoleARN = "arn:aws:iam::111122223333:role/Other" })
	b.absent(path)
	if _, content := b.get("/latest/meta-data/iam/security-credentials/Other"); !strings.Contains(content, `"LABS3"`) {
		t.Errorf("another role has %s", content)
	}
}

func TestARoleThatDoesNotTrustEC2(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.source.refuses = true
	for _, path := range []string{"/latest/meta-data/iam/info", "/latest/meta-data/iam/security-credentials/NodeRole"} {
		if status, content := b.get(path); status != 200 || !strings.Contains(content, `"Code": "AssumeRoleUnauthorizedAccess"`) {
			t.Errorf("%s: %d %s", path, status, content)
		}
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	b := open(t)
	at := start().Add(2 * time.Minute)
	b.change(func(m *machine.Machine) {
		m.Notices = machine.Notices{
			Interruption: &machine.Interruption{Action: "terminate", At: at, Noticed: start()}, Rebalance: start(), TargetLifecycle: "InService",
			Scheduled: []machine.ScheduledEvent{
				{ID: "instance-event-1", Code: "system-reboot", Description: "scheduled reboot", NotBefore: at, NotAfter: at.Add(time.Hour), State: "active"},
				{ID: "instance-event-2", Code: "instance-stop", Description: "scheduled stop", NotBefore: at, State: "canceled"},
				{ID: "instance-event-3", Code: "instance-reboot", Description: "[Completed] scheduled reboot", NotBefore: at, State: "completed"},
			},
		}
	})
	b.wants("/latest/meta-data/spot/instance-action", 200, `{"action":"terminate","time":"2026-11-24T08:02:00Z"}`)
	b.wants("/latest/meta-data/spot/termination-time", 200, "2026-11-24T08:02:00Z")
	b.wants("/latest/meta-data/spot", 200, "instance-action\ntermination-time")
	b.wants("/latest/meta-data/events/recommendations/rebalance", 200, `{"noticeTime":"2026-11-24T08:00:00Z"}`)
	b.wants("/latest/meta-data/autoscaling/target-lifecycle-state", 200, "InService")
	b.wants("/latest/meta-data/events/maintenance/scheduled", 200, `[
  {
    "NotBefore": "24 Nov 2026 08:02:00 GMT",
    "Code": "system-reboot",
    "Description": "scheduled reboot",
    "EventId": "instance-event-1",
    "NotAfter": "24 Nov 2026 09:02:00 GMT",
    "State": "active"
  }
]`)
	_, history := b.get("/latest/meta-data/events/maintenance/history")
	for _, part := range []string{`"[Canceled] scheduled stop"`, `"[Completed] scheduled reboot"`, `"State": "canceled"`} {
		if !strings.Contains(history, part) {
			t.Errorf("%s is not in %s", part, history)
		}
	}
	b.change(func(m *machine.Machine) {
		m.Notices = machine.Notices{Interruption: &machine.Interruption{Action: "hibernate", At: at}, TargetLifecycle: "Terminated"}
	})
	b.wants("/latest/meta-data/spot/instance-action", 200, `{"action":"hibernate","time":"2026-11-24T08:02:00Z"}`)
	b.wants("/latest/meta-data/autoscaling/target-lifecycle-state", 200, "Terminated")
	b.absent("/latest/meta-data/spot/termination-time", "/latest/meta-data/events/recommendations/rebalance")
}
