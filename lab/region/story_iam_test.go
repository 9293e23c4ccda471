package region_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/golang-jwt/jwt/v5"

	"github.com/drover-project/drover/lab/region"
)

const (
	issuer      = "https://oidc.eks.us-west-2.amazonaws.com/id/ABC"
	providerARN = "arn:aws:iam::" + account + ":oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC"
	podTrust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + providerARN + `"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{
			"oidc.eks.us-west-2.amazonaws.com/id/ABC:sub":"system:serviceaccount:kube-system:cluster-autoscaler",
			"oidc.eks.us-west-2.amazonaws.com/id/ABC:aud":"sts.amazonaws.com"}}}]}`
)

// signer makes tokens as the API server of a cluster does.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

// of makes the region believe the tokens.
func (s signer) of(o *region.Options) {
	o.Cluster.OIDCIssuer = issuer
	o.Cluster.TokenKeys = append(o.Cluster.TokenKeys, &s.key.PublicKey)
}

// token is a token for a service account that ends at a time.
func (s signer) token(t tester, account, audience string, ends time.Time) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
		Issuer: issuer, Subject: "system:serviceaccount:" + account, Audience: jwt.ClaimStrings{audience}, ExpiresAt: jwt.NewNumericDate(ends),
	}).SignedString(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func policySteps() []step {
	arn := aws.String("arn:aws:iam::" + account + ":policy/story/story")
	managed := aws.String("arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy")
	role := aws.String("story")
	return []step{
		always(&iam.CreatePolicyInput{PolicyName: aws.String("story"), Path: aws.String("/story/"), PolicyDocument: aws.String(permissions), Description: aws.String("of a story")}),
		always(&iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(permissions), SetAsDefault: true}),
		always(&iam.ListPolicyVersionsInput{PolicyArn: arn}),
		always(&iam.GetPolicyVersionInput{PolicyArn: managed, VersionId: aws.String("v1")}),
		always(&iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}),
		always(&iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")}),
		always(&iam.TagPolicyInput{PolicyArn: arn, Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}, {Key: aws.String("c"), Value: aws.String("")}}}),
		always(&iam.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"c"}}),
		always(&iam.ListPolicyTagsInput{PolicyArn: arn}), always(&iam.GetPolicyInput{PolicyArn: arn}), always(&iam.ListPoliciesInput{}),
		always(&iam.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(trust)}),
		always(&iam.AttachRolePolicyInput{RoleName: role, PolicyArn: arn}),
		always(&iam.ListEntitiesForPolicyInput{PolicyArn: arn}),
		always(&iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn}),
		always(&iam.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: arn}),
		always(&iam.GetRoleInput{RoleName: role}),
		always(&iam.DeleteRolePermissionsBoundaryInput{RoleName: role}),
		always(&iam.DeletePolicyInput{PolicyArn: arn}),
		always(&iam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("in"), PolicyDocument: aws.String(permissions)}),
		always(&iam.GetRolePolicyInput{RoleName: role, PolicyName: aws.String("in")}),
		always(&iam.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("in")}),
		always(&iam.UpdateRoleInput{RoleName: role, MaxSessionDuration: aws.Int32(7200)}),
		always(&iam.UpdateRoleDescriptionInput{RoleName: role, Description: aws.String("é")}),
		always(&iam.TagRoleInput{RoleName: role, Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}),
		always(&iam.ListRoleTagsInput{RoleName: role}), always(&iam.UntagRoleInput{RoleName: role, TagKeys: []string{"a"}}),
	}
}

// identitySteps open sessions; the role of policySteps is still there.
func identitySteps(s signer) []step {
	arn, role := aws.String(providerARN), aws.String("story")
	roleARN := aws.String("arn:aws:iam::" + account + ":role/story")
	spot := aws.String("AWSServiceRoleForEC2Spot")
	return []step{
		always(&iam.CreateOpenIDConnectProviderInput{Url: aws.String(issuer), ThumbprintList: []string{"9e99a48a9960b14926bb7f3b02e22da2b0ab7280"}}),
		always(&iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("sts.amazonaws.com")}),
		always(&iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("other")}),
		always(&iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("other")}),
		always(&iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn, ThumbprintList: []string{"9e99a48a9960b14926bb7f3b02e22da2b0ab7281"}}),
		always(&iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}),
		always(&iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: arn}),
		always(&iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, TagKeys: []string{"a"}}),
		always(&iam.ListOpenIDConnectProvidersInput{}), always(&iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}),
		always(&iam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: aws.String(podTrust)}),
		func(l *lab) any {
			token := s.token(l.t, "kube-system:cluster-autoscaler", "sts.amazonaws.com", l.clock.Now().Add(time.Hour))
			return &sts.AssumeRoleWithWebIdentityInput{RoleArn: roleARN, RoleSessionName: aws.String("pod"), WebIdentityToken: &token}
		},
		always(&iam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: aws.String(accountTrust)}),
		always(&sts.AssumeRoleInput{RoleArn: roleARN, RoleSessionName: aws.String("me"), DurationSeconds: aws.Int32(7200)}),
		always(&iam.DeleteRoleInput{RoleName: role}),
		always(&iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}),
		always(&iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("spot.amazonaws.com")}),
		always(&iam.DeleteServiceLinkedRoleInput{RoleName: spot}),
		func(l *lab) any {
			return &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: aws.String(l.deletionTask)}
		},
		always(&iam.GetUserInput{}),
	}
}

const accountTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"sts:AssumeRole"}]}`
