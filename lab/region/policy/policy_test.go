package policy_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/policy"
)

// statement is a document with one statement.
func statement(s string) string { return `{"Version":"2012-10-17","Statement":[{` + s + `}]}` }

func TestDocumentsThatAreRefused(t *testing.T) {
	const ok = `"Effect":"Allow","Action":"ec2:*"`
	for name, c := range map[string]struct {
		read     func(string) (policy.Document, error)
		document string
		says     []string
	}{
		"no JSON":                   {policy.Identity, "{\n  \"Version\": }", []string{"Syntax errors in policy.", "line 2, column 14"}},
		"no object":                 {policy.Identity, `[]`, []string{"not an object"}},
		"no version":                {policy.Identity, `{"Statement":[{` + ok + `,"Resource":"*"}]}`, []string{"must be version 2012-10-17", "Version"}},
		"an old version":            {policy.Identity, `{"Version":"2008-10-17","Statement":[{` + ok + `,"Resource":"*"}]}`, []string{"must be version 2012-10-17"}},
		"no such version":           {policy.Trust, `{"Version":"2020-01-01","Statement":[]}`, []string{"Syntax errors", "Version"}},
		"no statement":              {policy.Identity, `{"Version":"2012-10-17","Statement":[]}`, []string{"Syntax errors", "Statement"}},
		"a misspelt element":        {policy.Identity, statement(ok + `,"Resources":"*"`), []string{"Syntax errors", "Statement[0].Resources is not an element"}},
		"no effect":                 {policy.Identity, statement(`"Action":"ec2:*","Resource":"*"`), []string{"Statement[0].Effect"}},
		"a misspelt effect":         {policy.Identity, statement(`"Effect":"allow","Action":"ec2:*","Resource":"*"`), []string{"Statement[0].Effect"}},
		"no resource":               {policy.Identity, statement(ok), []string{"must contain resources", "Statement[0]"}},
		"no action":                 {policy.Identity, statement(`"Effect":"Allow","Resource":"*"`), []string{"must contain actions"}},
		"an action of nobody":       {policy.Identity, statement(`"Effect":"Allow","Action":["ec2:Run","Run"],"Resource":"*"`), []string{"prefaced by a vendor", "Statement[0].Action[1]"}},
		"an action of two":          {policy.Identity, statement(`"Effect":"Allow","Action":"a:b:c","Resource":"*"`), []string{"only one colon"}},
		"a resource without ARN":    {policy.Identity, statement(ok + `,"Resource":["*","x"]`), []string{`Resource x must be in ARN format or "*".`, "Statement[0].Resource[1]"}},
		"a short ARN":               {policy.Identity, statement(ok + `,"Resource":"arn:aws:s3"`), []string{"legacy parsing"}},
		"another partition":         {policy.Identity, statement(ok + `,"Resource":"arn:aws2:s3:::b"`), []string{`Partition "aws2" is not valid`}},
		"both":                      {policy.Identity, statement(ok + `,"Resource":"*","NotResource":"*"`), []string{"both Resource and NotResource"}},
		"a number for an action":    {policy.Identity, statement(`"Effect":"Allow","Action":[1],"Resource":"*"`), []string{"Statement[0].Action[0] is not a string"}},
		"a principal":               {policy.Identity, statement(ok + `,"Resource":"*","Principal":"*"`), []string{"should not specify a principal"}},
		"a Sid twice":               {policy.Identity, `{"Version":"2012-10-17","Statement":[{"Sid":"A",` + ok + `,"Resource":"*"},{"Sid":"A",` + ok + `,"Resource":"*"}]}`, []string{"must be unique", "Statement[1].Sid"}},
		"a Sid with a dash":         {policy.Identity, statement(`"Sid":"a-b",` + ok + `,"Resource":"*"`), []string{"must be alpha-numeric"}},
		"an unknown operator":       {policy.Identity, statement(ok + `,"Resource":"*","Condition":{"StringEqual":{"aws:x":"y"}}`), []string{"Invalid Condition type : StringEqual.", "Statement[0].Condition.StringEqual"}},
		"a condition without key":   {policy.Identity, statement(ok + `,"Resource":"*","Condition":{"StringEquals":"y"}`), []string{"Statement[0].Condition.StringEquals is not an object"}},
		"a resource in a trust":     {policy.Trust, statement(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"`), []string{"prohibited field Resource"}},
		"nobody trusted":            {policy.Trust, statement(`"Effect":"Allow","Action":"sts:AssumeRole"`), []string{"Missing required field Principal"}},
		"an empty principal":        {policy.Trust, statement(`"Effect":"Allow","Principal":{},"Action":"sts:AssumeRole"`), []string{"cannot be empty"}},
		"another service's action":  {policy.Trust, statement(`"Effect":"Allow","Principal":"*","Action":"ec2:RunInstances"`), []string{"may only specify STS AssumeRole actions"}},
		"a service that is none":    {policy.Trust, statement(`"Effect":"Allow","Principal":{"Service":"ec2"},"Action":"sts:AssumeRole"`), []string{`"SERVICE":"ec2"`, "Statement[0].Principal.Service"}},
		"an account that is none":   {policy.Trust, statement(`"Effect":"Allow","Principal":{"AWS":"12"},"Action":"sts:AssumeRole"`), []string{`Invalid principal in policy: "AWS":"12"`}},
		"a misspelt principal kind": {policy.Trust, statement(`"Effect":"Allow","Principal":{"Services":"ec2.amazonaws.com","AWS":"111122223333"},"Action":"sts:AssumeRole"`), []string{"Principal.Services is not an element"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.read(c.document)
			var refused *awserr.Error
			if !errors.As(err, &refused) || refused.Code != "MalformedPolicyDocument" {
				t.Fatalf("got %v", err)
			}
			for _, text := range c.says {
				if !strings.Contains(refused.Message, text) {
					t.Errorf("it says %q, not %q", refused.Message, text)
				}
			}
		})
	}
}

func TestDocumentsThatAreTaken(t *testing.T) {
	for name, document := range map[string]string{
		"one statement without a list": `{"Version":"2012-10-17","Id":"x","Statement":{"Effect":"Deny","NotAction":"iam:*","NotResource":["arn:aws:s3:::b/*"]}}`,
		"conditions of all kinds": statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*"]},
			"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":10},"Null":{"aws:x":"false"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`),
	} {
		if _, err := policy.Identity(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const oidc = "oidc.eks.us-west-2.amazonaws.com/id/A"

func TestWhoIsTrusted(t *testing.T) {
	pod := policy.Request{
		Action: "sts:AssumeRoleWithWebIdentity", Principals: []policy.Principal{{Kind: "Federated", ID: "arn:aws:iam::111122223333:oidc-provider/" + oidc}},
		Context: map[string][]string{oidc + ":sub": {"system:serviceaccount:kube-system:ca"}, oidc + ":aud": {"sts.amazonaws.com"}},
	}
	user := policy.Request{Action: "sts:AssumeRole", Principals: []policy.Principal{{Kind: "AWS", ID: "arn:aws:iam::111122223333:user/lab"}, {Kind: "AWS", ID: "111122223333"}}}
	web := func(condition string) string {
		return `"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + oidc + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}`
	}
	const deny = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:*"},{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}`
	for name, c := range map[string]struct {
		document string
		request  policy.Request
		want     bool
	}{
		"the subject":                   {statement(web(`"StringEquals":{"` + oidc + `:sub":"system:serviceaccount:kube-system:ca"}`)), pod, true},
		"another subject":               {statement(web(`"StringEquals":{"` + oidc + `:sub":"system:serviceaccount:default:ca"}`)), pod, false},
		"one of two subjects":           {statement(web(`"StringEquals":{"` + oidc + `:sub":["a","system:serviceaccount:kube-system:ca"]}`)), pod, true},
		"any of a namespace":            {statement(web(`"StringLike":{"` + oidc + `:sub":"system:serviceaccount:kube-system:*"}`)), pod, true},
		"a star that is not one":        {statement(web(`"StringEquals":{"` + oidc + `:sub":"system:serviceaccount:kube-system:*"}`)), pod, false},
		"the key in capitals":           {statement(web(`"StringEquals":{"` + strings.ToUpper(oidc) + `:sub":"system:serviceaccount:kube-system:ca"}`)), pod, true},
		"another audience":              {statement(web(`"StringEquals":{"` + oidc + `:aud":"me"}`)), pod, false},
		"all but one":                   {statement(web(`"StringNotEquals":{"` + oidc + `:sub":"system:serviceaccount:default:ca"}`)), pod, true},
		"a key that it does not have":   {statement(web(`"StringEquals":{"aws:x":"y"}`)), pod, false},
		"a key that it need not have":   {statement(web(`"StringEqualsIfExists":{"aws:x":"y"}`)), pod, true},
		"a key that it must not have":   {statement(web(`"Null":{"` + oidc + `:sub":"true"}`)), pod, false},
		"no key that must not be there": {statement(web(`"Null":{"aws:x":"true"}`)), pod, true},
		"a date":                        {statement(web(`"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}`)), pod, false},
		"another provider":              {strings.ReplaceAll(statement(web(`"StringEquals":{"a:b":"c"}`)), "/A", "/B"), pod, false},
		"another action":                {statement(web(`"StringLike":{"` + oidc + `:sub":"*"}`)), user, false},
		"the user":                      {statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/lab"},"Action":"sts:AssumeRole"`), user, true},
		"the account":                   {statement(`"Effect":"Allow","Principal":{"AWS":["444455556666","111122223333"]},"Action":["sts:TagSession","sts:AssumeRole"]`), user, true},
		"everyone":                      {statement(`"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:*"`), user, true},
		"a service":                     {statement(`"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"`), user, false},
		"everyone but the account":      {deny, user, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := policy.Trust(c.document)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Allows(c.request); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestAnyTextIsReadOrRefused: nothing makes the reader panic, and what it
// refuses has the code.
func TestAnyTextIsReadOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{statement(`"Effect":"Allow","Action":"a:b","Resource":"*"`), statement(`"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:A","Condition":{"Null":{"a:b":"true"}}`)}).Draw(t, "text")
		from := rapid.IntRange(0, len(text)).Draw(t, "from")
		to := rapid.IntRange(from, len(text)).Draw(t, "to")
		text = text[:from] + rapid.SampledFrom([]string{"", "{}", "[]", "null", `"`, "1", ",", `"x":1,`}).Draw(t, "instead") + text[to:]
		for _, read := range []func(string) (policy.Document, error){policy.Identity, policy.Trust} {
			_, err := read(text)
			var refused *awserr.Error
			if err != nil && !errors.As(err, &refused) {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}
