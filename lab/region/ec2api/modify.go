package ec2api

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// modify runs a change in one transaction. A dry run that would have succeeded
// does nothing and is told so.
func (e *EC2) modify(dry *bool, do func(*store.Tx) error) error {
	return e.world.Store.Update(func(tx *store.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return dryRun(dry)
	})
}

// creation is a call that makes one resource with tags.
type creation struct {
	dry      *bool
	token    *string // of an idempotent call
	input    any     // what must be the same for the same token
	resource types.ResourceType
	specs    []types.TagSpecification
}

// create makes a resource, or finds the one that the client token made before.
// It gives the id, and describes the resource while it is as it was made.
func (e *EC2) create(operation string, c creation, do func(*store.Tx) (id string, err error), describe func(id string)) (id string, err error) {
	specs := tagSpecs(c.specs)
	if err := checkTagSpecs(specs, c.resource); err != nil {
		return "", err
	}
	tags, err := tagsFor(c.resource, specs)
	if err != nil {
		return "", err
	}
	token := world.Token{Operation: operation, Value: aws.ToString(c.token), Parameters: c.input}
	err = e.modify(c.dry, func(tx *store.Tx) error {
		found, err := e.world.Answered(token, &id)
		if err != nil {
			return err
		}
		if found {
			describe(id)
			return nil
		}
		if id, err = do(tx); err != nil {
			return err
		}
		if err := e.world.SetTags(tx, id, tags); err != nil {
			return err
		}
		describe(id)
		return e.world.Remember(tx, token, id)
	})
	return id, err
}

// forget removes the tags of resources that are gone.
func (e *EC2) forget(tx *store.Tx, ids ...string) error {
	for _, id := range ids {
		if err := e.world.SetTags(tx, id, nil); err != nil {
			return err
		}
	}
	return nil
}
