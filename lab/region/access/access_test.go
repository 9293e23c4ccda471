package access_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drover-project/drover/lab/region/access"
	"github.com/drover-project/drover/lab/region/world"
)

const (
	node    = "ip-192-168-1-2.us-west-2.compute.internal"
	roleARN = "arn:aws:iam::111122223333:role/path/Nodes"
	session = "arn:aws:sts::111122223333:assumed-role/Nodes/i-0123"
)

func entry(arn, user string, groups ...string) world.AccessEntry {
	return world.AccessEntry{Description: types.AccessEntry{PrincipalArn: aws.String(arn), Username: aws.String(user), KubernetesGroups: groups}}
}

func nodeEntry() world.AccessEntry {
	return entry(roleARN, "system:node:{{EC2PrivateDNSName}}", "system:nodes")
}

const configMap = `
- rolearn: arn:aws:iam::111122223333:role/Nodes
  username: system:node:{{EC2PrivateDNSName}}
  groups: [system:bootstrappers, system:nodes]
- rolearn: arn:aws:iam::111122223333:role/Admins
  username: "admin:{{SessionName}}"
  groups: [system:masters]
`

func TestIdentify(t *testing.T) {
	data := map[string]string{"mapRoles": configMap, "mapUsers": "- {userarn: 'arn:aws:iam::111122223333:user/jo', username: jo, groups: [dev]}", "mapAccounts": `["444455556666"]`}
	for name, c := range map[string]struct {
		rules  access.Rules
		caller access.Caller
		want   access.Identity
		err    string
	}{
		"a node by its entry": {
			access.Rules{Mode: "API", Entries: []world.AccessEntry{nodeEntry()}}, access.Caller{ARN: session, PrivateDNSName: node},
			access.Identity{Username: "system:node:" + node, Groups: []string{"system:nodes"}}, "",
		},
		"a node by aws-auth": {
			access.Rules{Mode: "CONFIG_MAP", ConfigMap: data}, access.Caller{ARN: roleARN, PrivateDNSName: node},
			access.Identity{Username: "system:node:" + node, Groups: []string{"system:bootstrappers", "system:nodes"}}, "",
		},
		"an entry goes before aws-auth": {
			access.Rules{Mode: "API_AND_CONFIG_MAP", Entries: []world.AccessEntry{entry("arn:aws:iam::111122223333:role/Admins", "ops", "ops")}, ConfigMap: data},
			access.Caller{ARN: "arn:aws:sts::111122223333:assumed-role/Admins/jo@x"}, access.Identity{Username: "ops", Groups: []string{"ops"}}, "",
		},
		"a session's name": {
			access.Rules{Mode: "API_AND_CONFIG_MAP", ConfigMap: data}, access.Caller{ARN: "arn:aws:sts::111122223333:assumed-role/Admins/jo@x"},
			access.Identity{Username: "admin:jo-x", Groups: []string{"system:masters"}}, "",
		},
		"a user by aws-auth": {
			access.Rules{Mode: "CONFIG_MAP", ConfigMap: data}, access.Caller{ARN: "arn:aws:iam::111122223333:user/jo"},
			access.Identity{Username: "jo", Groups: []string{"dev"}}, "",
		},
		"an account by aws-auth": {
			access.Rules{Mode: "CONFIG_MAP", ConfigMap: data}, access.Caller{ARN: "arn:aws:iam::444455556666:user/al"},
			access.Identity{Username: "arn:aws:iam::444455556666:user/al"}, "",
		},
		"aws-auth does not count in mode API": {
			access.Rules{Mode: "API", ConfigMap: data}, access.Caller{ARN: session}, access.Identity{}, "role/Nodes has no access entry",
		},
		"entries do not count in mode CONFIG_MAP": {
			access.Rules{Mode: "CONFIG_MAP", Entries: []world.AccessEntry{nodeEntry()}}, access.Caller{ARN: session}, access.Identity{}, "is not mapped in the ConfigMap kube-system/aws-auth",
		},
		"nobody": {
			access.Rules{Mode: "API_AND_CONFIG_MAP"}, access.Caller{ARN: session}, access.Identity{}, "has no access entry and is not mapped",
		},
		"aws-auth that cannot be read": {
			access.Rules{Mode: "CONFIG_MAP", ConfigMap: map[string]string{"mapRoles": "{"}}, access.Caller{ARN: session}, access.Identity{}, "mapRoles of the ConfigMap",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.rules.Identify(c.caller)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCheckNode(t *testing.T) {
	for name, c := range map[string]struct {
		identity access.Identity
		err      string
	}{
		"let in":      {access.Identity{Username: "system:node:" + node, Groups: []string{"system:nodes"}}, ""},
		"other user":  {access.Identity{Username: "jo", Groups: []string{"system:nodes"}}, `user "jo"`},
		"other group": {access.Identity{Username: "system:node:" + node, Groups: []string{"dev"}}, "without system:nodes"},
	} {
		if err := c.identity.CheckNode(node); (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
}
