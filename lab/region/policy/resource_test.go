package policy

import (
	"strings"
	"testing"
)

const queueARN = "arn:aws:sqs:us-west-2:111122223333:q"

// TestPoliciesOfResources: who may do what to the resource that the policy is of.
func TestPoliciesOfResources(t *testing.T) {
	allow := `{"Effect":"Allow","Principal":{"Service":["events.amazonaws.com"]},"Action":"sqs:SendMessage","Resource":"` + queueARN + `"}`
	for statements, want := range map[string]bool{
		allow: true,
		strings.Replace(allow, "events", "sns", 1):                       false,
		strings.Replace(allow, ":q\"", ":x\"", 1):                        false,
		strings.Replace(allow, "Send", "Delete", 1):                      false,
		`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`: true,
		`{"Effect":"Allow","Principal":{"AWS":"*"},"NotAction":"sqs:Delete*","NotResource":"arn:aws:sqs:us-west-2:111122223333:x"}`:      true,
		`{"Effect":"Allow","Principal":"*","Action":"*","NotResource":"` + queueARN + `"}`:                                               false,
		allow + `,{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}`:  true,
		allow + `,{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`: false,
		allow + `,{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"sqs:*","Resource":"*"}`:                                  true,
		strings.Replace(allow, `"Resource"`, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:events:*:*:rule/a*"}},"Resource"`, 1):     true,
		strings.Replace(allow, `"Resource"`, `"Condition":{"StringEquals":{"AWS:SourceAccount":"999999999999"}},"Resource"`, 1):          false,
	} {
		document, err := Resource(`{"Statement":[` + statements + `]}`)
		if err != nil {
			t.Fatalf("%s: %v", statements, err)
		}
		got := document.Allows(Request{
			Action: "sqs:SendMessage", Resource: queueARN, Principals: []Principal{{"Service", "events.amazonaws.com"}, {"AWS", "*"}},
			Context: map[string][]string{"aws:SecureTransport": {"true"}, "aws:SourceArn": {"arn:aws:events:us-west-2:111122223333:rule/abc"}, "aws:SourceAccount": {"111122223333"}},
		})
		if got != want {
			t.Errorf("%s: %v, want %v", statements, got, want)
		}
	}
}

// TestPoliciesOfResourcesThatAreWrong: what is missing is said.
func TestPoliciesOfResourcesThatAreWrong(t *testing.T) {
	for statement, part := range map[string]string{
		`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`:                                  "Principal",
		`{"Effect":"Allow","NotPrincipal":"*","Action":"sqs:*","Resource":"*"}`:               "NotPrincipal",
		`{"Effect":"Allow","Principal":"*","Action":"sqs:*"}`:                                 "must contain resources",
		`{"Effect":"Allow","Principal":"*","Resource":"*"}`:                                   "must contain actions",
		`{"Effect":"Allow","Principal":"*","Action":"send","Resource":"*"}`:                   "prefaced by a vendor",
		`{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"queue"}`:              "ARN format",
		`{"Effect":"Allow","Principal":{"Service":"events"},"Action":"sqs:*","Resource":"*"}`: "Invalid principal",
	} {
		if _, err := Resource(`{"Statement":` + statement + `}`); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q", statement, err, part)
		}
	}
}
