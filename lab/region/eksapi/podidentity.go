package eksapi

import (
	"context"
	"encoding/json"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

var objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// CreatePodIdentityAssociation notes which role a service account is to have;
// pods get no credentials by it.
func (e *EKS) CreatePodIdentityAssociation(_ context.Context, in *eks.CreatePodIdentityAssociationInput) (*eks.CreatePodIdentityAssociationOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	t, out := token("CreatePodIdentityAssociation", in.ClientRequestToken, in), &eks.CreatePodIdentityAssociationOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(t, out); found || err != nil {
			return err
		}
		p, err := e.newAssociation(tx, world.PodIdentity{
			Namespace: in.Namespace, ServiceAccount: in.ServiceAccount, RoleArn: in.RoleArn, TargetRoleArn: in.TargetRoleArn,
			DisableSessionTags: in.DisableSessionTags, Policy: in.Policy, Tags: in.Tags,
		})
		if err != nil {
			return err
		}
		out.Association = &p
		return e.world.Remember(tx, t, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// newAssociation checks and stores an association.
func (e *EKS) newAssociation(tx *store.Tx, p world.PodIdentity) (world.PodIdentity, error) {
	namespace, account := aws.ToString(p.Namespace), aws.ToString(p.ServiceAccount)
	if !objectName.MatchString(namespace) || !objectName.MatchString(account) {
		return p, invalid("Namespace %q and service account %q must be the names of Kubernetes objects", namespace, account)
	}
	if err := e.checkAssociation(p); err != nil {
		return p, err
	}
	for _, other := range e.world.PodIdentities.All() {
		if *other.Namespace == namespace && *other.ServiceAccount == account {
			return p, inUse("Association already exists: %s", *other.AssociationId)
		}
	}
	id, err := e.world.NewID(tx, "a-")
	if err != nil {
		return p, err
	}
	now, cluster := e.world.Clock.Now(), e.world.Options.Cluster.Name
	p.AssociationId, p.ClusterName = aws.String(id), aws.String(cluster)
	p.AssociationArn = aws.String(e.arn("podidentityassociation/" + cluster + "/" + id))
	p.CreatedAt, p.ModifiedAt = aws.Time(now), aws.Time(now)
	if p.Tags == nil {
		p.Tags = map[string]string{}
	}
	return p, e.world.PodIdentities.Put(tx, id, p)
}

// checkAssociation checks what an association says of roles.
func (e *EKS) checkAssociation(p world.PodIdentity) error {
	if role := aws.ToString(p.RoleArn); !roleARN.MatchString(role) || !e.exists(role) {
		return invalid("Role provided in the request does not exist: %s", role)
	}
	if role := aws.ToString(p.TargetRoleArn); role != "" && !roleARN.MatchString(role) {
		return invalid("The target role %s is not the ARN of a role", role)
	}
	if text := aws.ToString(p.Policy); text != "" {
		if !json.Valid([]byte(text)) {
			return invalid("The policy is not a JSON document")
		}
		if !aws.ToBool(p.DisableSessionTags) {
			return invalid("A policy needs disableSessionTags")
		}
	}
	return nil
}

// associate makes the associations that an add-on comes with.
func (e *EKS) associate(tx *store.Tx, asked []types.AddonPodIdentityAssociations, owner string) (arns []string, err error) {
	for _, a := range asked {
		p, err := e.newAssociation(tx, world.PodIdentity{
			Namespace: aws.String("kube-system"), ServiceAccount: a.ServiceAccount, RoleArn: a.RoleArn, OwnerArn: aws.String(owner),
		})
		if err != nil {
			return nil, err
		}
		arns = append(arns, *p.AssociationArn)
	}
	return arns, nil
}

// association finds an association. Use it within View or Update.
func (e *EKS) association(id *string) (world.PodIdentity, error) {
	p, found := e.world.PodIdentities.Get(aws.ToString(id))
	if !found {
		return p, notFound("The specified association ID could not be found: %s", aws.ToString(id))
	}
	return p, nil
}

// DescribePodIdentityAssociation describes an association.
func (e *EKS) DescribePodIdentityAssociation(_ context.Context, in *eks.DescribePodIdentityAssociationInput) (out *eks.DescribePodIdentityAssociationOutput, err error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	e.world.Store.View(func() {
		var p world.PodIdentity
		if p, err = e.association(in.AssociationId); err == nil {
			out = &eks.DescribePodIdentityAssociationOutput{Association: &p}
		}
	})
	return out, err
}

// ListPodIdentityAssociations lists the associations of a namespace, a service
// account or the cluster.
func (e *EKS) ListPodIdentityAssociations(_ context.Context, in *eks.ListPodIdentityAssociationsInput) (*eks.ListPodIdentityAssociationsOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	list := []types.PodIdentityAssociationSummary{}
	e.world.Store.View(func() {
		for _, p := range e.world.PodIdentities.All() {
			if in.Namespace != nil && *in.Namespace != *p.Namespace || in.ServiceAccount != nil && *in.ServiceAccount != *p.ServiceAccount {
				continue
			}
			list = append(list, types.PodIdentityAssociationSummary{
				AssociationArn: p.AssociationArn, AssociationId: p.AssociationId, ClusterName: p.ClusterName,
				Namespace: p.Namespace, ServiceAccount: p.ServiceAccount, OwnerArn: p.OwnerArn,
			})
		}
	})
	part, next, err := page(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListPodIdentityAssociationsOutput{Associations: part, NextToken: next}, nil
}

// UpdatePodIdentityAssociation changes the roles of an association.
func (e *EKS) UpdatePodIdentityAssociation(_ context.Context, in *eks.UpdatePodIdentityAssociationInput) (*eks.UpdatePodIdentityAssociationOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	out := &eks.UpdatePodIdentityAssociationOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		p, err := e.association(in.AssociationId)
		if err != nil {
			return err
		}
		if in.RoleArn != nil {
			p.RoleArn = in.RoleArn
		}
		if in.TargetRoleArn != nil {
			p.TargetRoleArn = in.TargetRoleArn
		}
		if in.DisableSessionTags != nil {
			p.DisableSessionTags = in.DisableSessionTags
		}
		if in.Policy != nil {
			p.Policy = in.Policy
		}
		if err := e.checkAssociation(p); err != nil {
			return err
		}
		p.ModifiedAt = aws.Time(e.world.Clock.Now())
		out.Association = &p
		return e.world.PodIdentities.Put(tx, *in.AssociationId, p)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeletePodIdentityAssociation deletes an association.
func (e *EKS) DeletePodIdentityAssociation(_ context.Context, in *eks.DeletePodIdentityAssociationInput) (*eks.DeletePodIdentityAssociationOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	out := &eks.DeletePodIdentityAssociationOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		p, err := e.association(in.AssociationId)
		if err != nil {
			return err
		}
		out.Association = &p
		e.world.PodIdentities.Delete(tx, *in.AssociationId)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
