package imds

import (
	"errors"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

// renewBefore is how long before their end credentials are replaced.
const renewBefore = time.Hour

// addRole shows the instance profile and the credentials of its role.
func (s *Service) addRole(t tree, i *instance, m machine.Machine) {
	if m.Profile.ARN == "" {
		return
	}
	type info struct {
		Code               string
		LastUpdated        string
		InstanceProfileArn string
		InstanceProfileID  string `json:"InstanceProfileId"`
	}
	t["meta-data/iam/info"] = func() (string, error) {
		code, updated := "Success", s.clock.Now()
		c, err := s.credentialsOf(i, m)
		switch {
		case err == nil:
			updated = c.Updated
		case errors.Is(err, machine.ErrRoleRefusesEC2):
			code = "AssumeRoleUnauthorizedAccess"
		default:
			return "", err
		}
		return spaced(info{Code: code, LastUpdated: updated.UTC().Format(timestamp), InstanceProfileArn: m.Profile.ARN, InstanceProfileID: m.Profile.ID}), nil
	}
	if m.RoleARN == "" || s.keys == nil {
		return
	}
	name := m.RoleARN[strings.LastIndex(m.RoleARN, "/")+1:]
	t["meta-data/iam/security-credentials/"+name] = func() (string, error) { return s.securityCredentials(i, m) }
}

func (s *Service) securityCredentials(i *instance, m machine.Machine) (string, error) {
	type success struct {
		Code, LastUpdated, Type            string
		AccessKeyID                        string `json:"AccessKeyId"`
		SecretAccessKey, Token, Expiration string
	}
	type failure struct{ Code, Message, LastUpdated string }
	c, err := s.credentialsOf(i, m)
	if errors.Is(err, machine.ErrRoleRefusesEC2) {
		return spaced(failure{
			Code: "AssumeRoleUnauthorizedAccess", LastUpdated: s.clock.Now().UTC().Format(timestamp),
			Message: "EC2 cannot assume the role " + m.RoleARN + ". Please see documentation at http://docs.amazonwebservices.com/IAM/latest/UserGuide/RolesTroubleshooting.html.",
		}), nil
	}
	if err != nil {
		return "", err
	}
	return spaced(success{
		Code: "Success", LastUpdated: c.Updated.UTC().Format(timestamp), Type: "AWS-HMAC", AccessKeyID: c.AccessKeyID,
		SecretAccessKey: c.Secret, Token: c.Token, Expiration: c.Expires.UTC().Format(timestamp),
	}), nil
}

// credentialsOf are the same for all who ask, until they are near their end.
func (s *Service) credentialsOf(i *instance, m machine.Machine) (machine.Credentials, error) {
	if m.RoleARN == "" || s.keys == nil {
		return machine.Credentials{Updated: s.clock.Now()}, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.credentials.Expires.Sub(s.clock.Now()) > renewBefore {
		return i.credentials, nil
	}
	c, err := s.keys.Credentials(m.ID)
	if err == nil {
		i.credentials = c
	}
	return c, err
}
