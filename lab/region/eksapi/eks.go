// Package eksapi is the region's Elastic Kubernetes Service: the one cluster
// whose control plane the lab runs, its managed node groups, add-ons and access
// entries.
package eksapi

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// EKS implements the operations of the service, one method for each.
type EKS struct {
	world  *world.World
	groups NodeGroups
}

// NodeGroups is what the service needs of the clockwork of its node groups.
type NodeGroups interface {
	// Wake says that there is something to do.
	Wake()
	// Desired is how many nodes a group's Auto Scaling group is to have; known
	// is false when there is no such group.
	Desired(context.Context, world.NodeGroup) (desired int32, known bool)
}

// New makes the service of a region.
func New(w *world.World, groups NodeGroups) *EKS { return &EKS{world: w, groups: groups} }

// How long the service takes for what has no clockwork of its own, before the
// time scale.
const (
	updateTakes = 20 * time.Second
	addonTakes  = 15 * time.Second
)

const (
	notFoundStatus = 404
	conflictStatus = 409
)

func invalid(format string, args ...any) error {
	return awserr.New("InvalidParameterException", format, args...)
}

func badRequest(format string, args ...any) error {
	return awserr.New("InvalidRequestException", format, args...)
}

func notFound(format string, args ...any) error {
	return awserr.WithStatus(notFoundStatus, "ResourceNotFoundException", format, args...)
}

func inUse(format string, args ...any) error {
	return awserr.WithStatus(conflictStatus, "ResourceInUseException", format, args...)
}

// checkCluster is ResourceNotFoundException for any cluster but the lab's.
func (e *EKS) checkCluster(name *string) error {
	if aws.ToString(name) != e.world.Options.Cluster.Name {
		return notFound("No cluster found for name: %s.", aws.ToString(name))
	}
	return nil
}

// arn is the ARN of a resource of the cluster, such as nodegroup/blue/ng/uuid.
func (e *EKS) arn(resource string) string {
	return fmt.Sprintf("arn:aws:eks:%s:%s:%s", e.world.Options.Region, e.world.Options.Account, resource)
}

const mostTags = 50

func checkTags(tags map[string]string) error {
	if len(tags) > mostTags {
		return invalid("%d tags are more than the %d that a resource can have", len(tags), mostTags)
	}
	for key := range tags {
		if key == "" || len(key) > 4 && key[:4] == "aws:" {
			return invalid("Invalid tag key %q: a key has 1 to 128 characters and does not begin with aws:", key)
		}
	}
	return nil
}

// token is the client token of a call; what it stands for is the whole input.
func token(operation string, value *string, in any) world.Token {
	return world.Token{Operation: "eks:" + operation, Value: aws.ToString(value), Parameters: in}
}

func (e *EKS) answered(t world.Token, out any) (bool, error) {
	found, err := e.world.Answered(t, out)
	return found, awserr.Translate(err, map[string]string{"IdempotentParameterMismatch": "InvalidParameterException"})
}

// page is awswire.Page with EKS's codes.
func page[T any](items []T, token *string, limit *int32) (part []T, next *string, err error) {
	const most = 100
	if limit == nil {
		limit = aws.Int32(most)
	}
	if *limit < 1 || *limit > most {
		return nil, nil, invalid("maxResults must be between 1 and %d, not %d", most, *limit)
	}
	part, next, err = awswire.Page(items, token, limit)
	return part, next, awserr.Translate(err, map[string]string{"InvalidNextToken": "InvalidParameterException", "InvalidParameterValue": "InvalidParameterException"})
}

// supported is awswire.Supported with EKS's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "InvalidParameterException"})
}
