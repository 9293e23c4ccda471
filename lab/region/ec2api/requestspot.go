package ec2api

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// RequestSpotInstances asks for Spot instances: a request that cannot be
// fulfilled now stays open until it can.
func (e *EC2) RequestSpotInstances(_ context.Context, in *ec2.RequestSpotInstancesInput) (*ec2.RequestSpotInstancesOutput, error) {
	template, count, err := readSpotRequest(in)
	if err != nil {
		return nil, err
	}
	token := tokenOf("RequestSpotInstances", in.ClientToken, *in)
	out := &ec2.RequestSpotInstancesOutput{}
	err = e.world.Store.Update(func(tx *store.Tx) error {
		var ids []string
		found, err := e.answered(token, in.DryRun, &ids)
		if err != nil {
			return err
		}
		if !found {
			if ids, err = e.requestSpot(tx, in, template, count); err != nil {
				return err
			}
			if err := e.world.Remember(tx, token, ids); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if r, exists := e.world.SpotRequests.Get(id); exists {
				out.SpotInstanceRequests = append(out.SpotInstanceRequests, e.spotRequest(r))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// readSpotRequest checks a request as far as that is possible without the state.
func readSpotRequest(in *ec2.RequestSpotInstancesInput) (r world.SpotRequest, count int, err error) {
	if err := awswire.Supported(in, "ClientToken", "DryRun", "InstanceCount", "InstanceInterruptionBehavior", "LaunchSpecification", "SpotPrice",
		"TagSpecifications", "Type", "ValidUntil"); err != nil {
		return r, 0, err
	}
	if in.LaunchSpecification == nil {
		return r, 0, missing("LaunchSpecification")
	}
	if err := awswire.Supported(in.LaunchSpecification, "BlockDeviceMappings", "EbsOptimized", "IamInstanceProfile", "ImageId", "InstanceType",
		"KeyName", "Monitoring", "NetworkInterfaces", "Placement", "SecurityGroupIds", "SubnetId", "UserData"); err != nil {
		return r, 0, err
	}
	count = 1
	if in.InstanceCount != nil {
		count = int(*in.InstanceCount)
	}
	if count < 1 || count > mostInstances {
		return r, 0, invalid("InstanceCount %d is invalid: it must be between 1 and %d", count, mostInstances)
	}
	r = world.SpotRequest{Persistent: in.Type == types.SpotInstanceTypePersistent, MaxPrice: aws.ToString(in.SpotPrice), Behavior: first(string(in.InstanceInterruptionBehavior), world.ActionTerminate)}
	if in.ValidUntil != nil {
		r.Valid = *in.ValidUntil
	}
	if err := checkBehavior(r.Persistent, r.Behavior); err != nil {
		return r, 0, err
	}
	return r, count, checkTagSpecs(tagSpecs(in.TagSpecifications), types.ResourceTypeSpotInstancesRequest)
}

// checkBehavior refuses to stop what is not asked for again.
func checkBehavior(persistent bool, behavior string) error {
	switch behavior {
	case "", world.ActionTerminate:
		return nil
	case world.ActionStop, world.ActionHibernate:
		if persistent {
			return nil
		}
		return invalidCombination("The interruption behavior '" + behavior + "' is only for persistent Spot requests.")
	}
	return invalid("Value (%s) for parameter instanceInterruptionBehavior is invalid.", behavior)
}

// requestSpot stores requests and fulfils those that it can at once.
func (e *EC2) requestSpot(tx *store.Tx, in *ec2.RequestSpotInstancesInput, template world.SpotRequest, count int) (ids []string, err error) {
	data, err := overlay(types.RequestLaunchTemplateData{}, *in.LaunchSpecification)
	if err != nil {
		return nil, err
	}
	if err := checkLaunchData(data); err != nil {
		return nil, err
	}
	l, err := e.launchFrom(data, place{subnetID: aws.ToString(in.LaunchSpecification.SubnetId)})
	if err != nil {
		return nil, err
	}
	if err := e.checkOffered(l); err != nil {
		return nil, err
	}
	l.Spot, l.SpotMaxPrice = true, template.MaxPrice
	tags, err := tagsFor(types.ResourceTypeSpotInstancesRequest, tagSpecs(in.TagSpecifications))
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	for range count {
		r := template
		if r.ID, err = e.world.NewID(tx, "sir-"); err != nil {
			return nil, err
		}
		launch := l
		launch.SpotRequest = r.ID
		r.Created, r.Type, r.Launch = e.world.Clock.Now(), l.Type, &launch
		if err := e.world.SetTags(tx, r.ID, tags); err != nil {
			return nil, err
		}
		if err := e.world.SetSpotStatus(tx, r, world.SpotOpen, "pending-evaluation", "Your Spot request has been submitted for review, and is pending evaluation."); err != nil {
			return nil, err
		}
		ids = append(ids, r.ID)
		if err := e.fulfil(tx, r.ID); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// FulfilSpot looks again at the Spot requests that are open, and reports whether
// any still is.
func (e *EC2) FulfilSpot(tx *store.Tx) (open bool, err error) {
	for _, r := range e.world.SpotRequests.All() {
		if r.State != world.SpotOpen {
			if err := e.world.ForgetRequest(tx, r); err != nil {
				return false, err
			}
			continue
		}
		if err := e.fulfil(tx, r.ID); err != nil {
			return false, err
		}
		after, _ := e.world.SpotRequests.Get(r.ID)
		open = open || after.State == world.SpotOpen
	}
	return open, nil
}

// fulfil launches what an open request is for, starts the instance that it had
// to stop, or says in its status what is in the way.
func (e *EC2) fulfil(tx *store.Tx, id string) error {
	r, _ := e.world.SpotRequests.Get(id)
	if !r.Valid.IsZero() && !e.world.Clock.Now().Before(r.Valid) {
		r.Launch = nil
		return e.world.SetSpotStatus(tx, r, world.SpotClosed, "schedule-expired", "Your Spot request expired before it was fulfilled.")
	}
	had, exists := e.world.Instances.Get(r.InstanceID)
	switch {
	case exists && had.State == machine.Stopped:
		return e.startAgain(tx, had)
	case exists && (had.State == machine.Stopping || had.State == machine.ShuttingDown):
		return nil // it is on its way there
	case r.Launch == nil:
		return e.world.SetSpotStatus(tx, r, world.SpotClosed, r.Code, r.Message)
	}
	l := *r.Launch
	err := e.checkSpot(l, l.SpotMaxPrice)
	if err == nil {
		_, err = e.room(l, 1)
	}
	if err != nil {
		return e.stillOpen(tx, r, err)
	}
	if l.Reservation, err = e.world.NewID(tx, "r-"); err != nil {
		return err
	}
	if _, err = e.world.Launch(tx, l, 1); err != nil || r.Persistent {
		return err
	}
	r, _ = e.world.SpotRequests.Get(id)
	r.Launch = nil
	return e.world.SpotRequests.Put(tx, id, r)
}

// startAgain starts an instance that EC2 stopped, unless there is no room for it.
func (e *EC2) startAgain(tx *store.Tx, i world.Instance) error {
	if e.world.Outbid(i) {
		return nil
	}
	again, possible, err := e.world.TakeAgain(tx, i)
	if err != nil || !possible {
		return err
	}
	again.Reason, again.LaunchTime = world.Reason{}, e.world.Clock.Now()
	_, err = e.world.Enter(tx, again, machine.Pending)
	return err
}

// stillOpen notes why a request is not fulfilled. The status of one that was
// interrupted stays what it is.
func (e *EC2) stillOpen(tx *store.Tx, r world.SpotRequest, why error) error {
	code, text := "capacity-not-available", "There is no Spot capacity available that matches your request."
	var known *awserr.Error
	if errors.As(why, &known) && known.Code == "SpotMaxPriceTooLow" {
		code, text = "price-too-low", "Your Spot request price is lower than the required Spot request fulfillment price."
	}
	if r.Code == code {
		return nil
	}
	return e.world.SetSpotStatus(tx, r, world.SpotOpen, code, text)
}
