package region_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-project/drover/lab/region/cfn/resource"
)

var update = flag.Bool("update", false, "write docs/reference/lab-aws.md anew")

// referenceHead is what stands above the operations.
const referenceHead = `# What the lab does of AWS

Generated from the code by ` + "`cd lab && go test ./region -run TestReference -update`" + `; a test fails when it is out of date.

The lab serves these operations on one endpoint, for every AWS client. Any other
operation is answered with the error that the service itself has for an unknown
one, and counted in ` + "`drover_lab_unimplemented_total`" + `. A parameter that an operation here
does not honour is refused, not ignored: ` + "`UnsupportedOperation`" + ` in EC2, the
service's validation error elsewhere.
`

// notes say of a service what its operations do not.
func notes() map[string]string {
	return map[string]string{
		"autoscaling": `Waits are divided by the time scale; the dates of scheduled actions are those of the clock at every scale. Simple and step
scaling policies run when they are executed: the region has no CloudWatch, so that target tracking and predictive policies
are refused and no alarm executes a policy. Warm pools hold on-demand instances, stopped or running; hibernation is refused.`,
		"ec2": `The region begins with the VPC of its cluster, as eksctl makes it: public and private subnets in three zones, an
internet gateway, a NAT gateway in the first zone, their route tables, and the cluster's security groups. There is no
default VPC. Networks of your own are kept beside it, with AWS's arithmetic and refusals: ranges that overlap or are out of
bounds, addresses that run out, resources that something still depends on. Instances get an address of their subnet and, as
the subnet or the launch says, a public one; public addresses are made up (198.18.0.0/15). A NAT gateway takes 90 seconds
to come up and 45 to end, before the time scale.

Routes and security groups are kept and described; no packet is filtered. IPv6, peering, transit gateways, network ACLs and
DHCP options are not done. VPCs and addresses have no quota.`,
		"iam": `Documents are read strictly: ` + "`MalformedPolicyDocument`" + ` says what is wrong and, in parentheses, where. Permissions are kept
and listed, **not enforced**: whoever has credentials of this lab may call everything, whatever the policies and the
boundary of the role say. Trust policies are enforced, by STS. The AWS managed policies that clusters use exist, with their
actions in short; any other ARN is ` + "`NoSuchEntity`" + `.`,
		"events": `There is the default bus, and targets are standard SQS queues of the account; scheduled rules, other buses and other
targets are refused. Patterns have all of EventBridge's filters: values, prefix, suffix, equals-ignore-case, wildcard, anything-but
(also with those), numeric, cidr, exists, $or. A target may have Input, InputPath or InputTransformer, and a dead-letter queue;
a delivery is not tried twice, as it fails for good or not at all. A queue whose policy does not admit events.amazonaws.com gets
no events; the lab's log says so.`,
		"sqs": `Standard queues, in JSON and in the query protocol of older clients. FIFO queues, message groups, permissions by label and
moving tasks are refused. Durations are seconds of real time at every time scale. A name is free as soon as its queue is
deleted. Encryption settings are kept and encrypt nothing; queue policies decide what other services may send, and nothing
about callers. An explicit zero (VisibilityTimeout, WaitTimeSeconds, DelaySeconds) is not the queue's default.`,
		"sts": `A role's trust policy decides who may have it. Tokens for ` + "`AssumeRoleWithWebIdentity`" + ` must be signed by the cluster's API
server and issued for an audience of an IAM identity provider with the cluster's issuer; the keys of other issuers cannot be
fetched, because the lab calls nobody. Conditions on dates, numbers and addresses never hold. Session credentials work on
this endpoint until they expire, also after a restart.`,
	}
}

// served are the titles of the services and the folders of their code, by the
// name in the SigV4 credential scope.
func served() map[string]struct{ title, folder string } {
	return map[string]struct{ title, folder string }{
		"autoscaling": {"Auto Scaling", "asgapi"}, "cloudformation": {"CloudFormation", "cfnapi"},
		"ec2": {"Elastic Compute Cloud", "ec2api"}, "eks": {"Elastic Kubernetes Service", "eksapi"},
		"events": {"EventBridge", "eventsapi"},
		"iam":    {"Identity and Access Management", "iamapi"}, "pricing": {"Price List", "pricingapi"},
		"sqs": {"Simple Queue Service", "sqsapi"},
		"ssm": {"Systems Manager", "ssmapi"}, "sts": {"Security Token Service", "stsapi"},
	}
}

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "reference", "lab-aws.md")
	want := reference(t, open(t))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the code does (%v): run go test ./region -run TestReference -update", file, err)
	}
}

func reference(t *testing.T, l *lab) string {
	t.Helper()
	text := &strings.Builder{}
	text.WriteString(referenceHead)
	implementations := l.services()
	var names []string
	for name := range implementations {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		about, known := served()[name]
		if !known {
			t.Fatalf("no title for service %s", name)
		}
		synopses := synopses(t, about.folder)
		fmt.Fprintf(text, "\n## %s (%s)\n", about.title, name)
		if note := notes()[name]; note != "" {
			fmt.Fprintf(text, "\n%s\n", note)
		}
		text.WriteString("\n| operation | what it does here |\n|---|---|\n")
		for _, operation := range operations(implementations[name]) {
			fmt.Fprintf(text, "| %s | %s |\n", operation, synopsis(t, operation, synopses[operation]))
		}
	}
	writeResourceTypes(text)
	return text.String()
}

// resourceTypesHead is what stands above the types that stacks can have.
const resourceTypesHead = `
## Resource types of stacks

What a template may contain. Another type is refused before anything is made (` + "`Unrecognized resource types`" + `),
another property when its resource is made (` + "`Encountered unsupported property`" + `). Changing a property marked * makes a
new resource and deletes the old one at the end; every other property is changed in place.

| type | properties | Fn::GetAtt |
|---|---|---|
`

func writeResourceTypes(text *strings.Builder) {
	text.WriteString(resourceTypesHead)
	for _, name := range resource.Names() {
		kind, _ := resource.Find(name)
		var properties []string
		for property, change := range kind.Properties {
			if change == resource.Replaces {
				property += "*"
			}
			properties = append(properties, property)
		}
		slices.Sort(properties)
		attributes := slices.Sorted(slices.Values(kind.Attributes))
		fmt.Fprintf(text, "| %s | %s | %s |\n", name, strings.Join(properties, ", "), strings.Join(attributes, ", "))
	}
}

// synopsis is the first sentence of an operation's comment without its name.
func synopsis(t *testing.T, operation, comment string) string {
	t.Helper()
	says, named := strings.CutPrefix(comment, operation+" ")
	if !named {
		t.Errorf("the comment of %s does not begin with its name: %q", operation, comment)
	}
	// Without the name: a synopsis that begins with "Author" counts as none.
	return strings.ReplaceAll((&doc.Package{}).Synopsis(says), "|", `\|`)
}

// synopses are the comments of all methods in a folder, by name.
func synopses(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no code in %s: %v", folder, err)
	}
	comments := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, isFunc := d.(*ast.FuncDecl); isFunc && f.Recv != nil {
				comments[f.Name.Name] = f.Doc.Text()
			}
		}
	}
	return comments
}
