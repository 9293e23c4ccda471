package nodeclass

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/awslabs/operatorpkg/status"

	"github.com/drover-project/drover/internal/cloud"
)

// findings are what one look at a class and the cloud brought.
type findings struct {
	// invalid says what is wrong with the spec itself; nothing was asked then.
	invalid    string
	resolved   cloud.Resolved
	resolveErr error
	profile    string
	profileErr error
}

// apply turns findings into the status. The error says that the cloud did not
// answer and is worth asking again soon; conditions then stay as they were, so
// that a moment's trouble stops nobody.
func (f findings) apply(class *ec2v1.EC2NodeClass) error {
	conditions := class.StatusConditions()
	if f.invalid != "" {
		conditions.SetFalse(ec2v1.ConditionTypeValidationSucceeded, "ValidationFailed", f.invalid)
		return nil
	}
	conditions.SetTrue(ec2v1.ConditionTypeValidationSucceeded)
	conditions.SetTrue(ec2v1.ConditionTypePlacementGroupReady)
	if f.resolveErr == nil {
		f.applyResolved(class)
	}
	if f.profileErr == nil {
		class.Status.InstanceProfile = f.profile
		conditions.SetTrue(ec2v1.ConditionTypeInstanceProfileReady)
	}
	return errors.Join(
		failed(conditions, f.resolveErr, ec2v1.ConditionTypeSubnetsReady, ec2v1.ConditionTypeSecurityGroupsReady, ec2v1.ConditionTypeAMIsReady),
		failed(conditions, f.profileErr, ec2v1.ConditionTypeInstanceProfileReady),
	)
}

func (f findings) applyResolved(class *ec2v1.EC2NodeClass) {
	class.Status.Subnets = f.resolved.Subnets
	class.Status.SecurityGroups = f.resolved.SecurityGroups
	class.Status.AMIs = f.resolved.AMIs
	conditions := class.StatusConditions()
	matched := func(condition string, count int, reason, advice string, terms any) {
		if count > 0 {
			conditions.SetTrue(condition)
			return
		}
		conditions.SetFalse(condition, reason, fmt.Sprintf(advice, asJSON(terms)))
	}
	matched(ec2v1.ConditionTypeSubnetsReady, len(f.resolved.Subnets), "SubnetsNotFound",
		"spec.subnetSelectorTerms %s match no subnet: give the cluster's subnets these tags, or correct the terms (see `aws ec2 describe-subnets`)",
		class.Spec.SubnetSelectorTerms)
	matched(ec2v1.ConditionTypeSecurityGroupsReady, len(f.resolved.SecurityGroups), "SecurityGroupsNotFound",
		"spec.securityGroupSelectorTerms %s match no security group: tag the nodes' security groups so, or correct the terms (see `aws ec2 describe-security-groups`)",
		class.Spec.SecurityGroupSelectorTerms)
	matched(ec2v1.ConditionTypeAMIsReady, len(f.resolved.AMIs), "AMINotFound",
		"spec.amiSelectorTerms %s match no AMI: use an alias such as al2023@latest, or correct the terms (see `aws ec2 describe-images --owners self amazon`)",
		class.Spec.AMISelectorTerms)
}

// failed records an error. What a person has to mend makes the conditions
// False; anything else leaves them, or Unknown if they have never been known,
// and is returned to be tried again.
func failed(conditions status.ConditionSet, err error, types ...string) error {
	if err == nil {
		return nil
	}
	var terminal *cloud.TerminalError
	for _, condition := range types {
		switch {
		case errors.As(err, &terminal):
			conditions.SetFalse(condition, terminal.Reason, err.Error())
		case conditions.Get(condition).IsUnknown():
			conditions.SetUnknownWithReason(condition, "CloudDidNotAnswer", err.Error())
		}
	}
	if terminal != nil {
		return nil
	}
	return err
}

// alias is what the API package can parse; it ends the process on anything else.
var alias = regexp.MustCompile(`^(al2|al2023|bottlerocket|windows2019|windows2022|windows2025)@.+$`)

// invalidSpec says what is wrong with the spec, or asks for what drover does not
// do: leaving a field out of account silently would launch the wrong machines.
func invalidSpec(class *ec2v1.EC2NodeClass) string {
	for i, term := range class.Spec.AMISelectorTerms {
		if term.Alias != "" && !alias.MatchString(term.Alias) {
			return fmt.Sprintf("spec.amiSelectorTerms[%d].alias %q is not FAMILY@VERSION: use one such as al2023@latest or bottlerocket@latest", i, term.Alias)
		}
	}
	for key := range class.Spec.Tags {
		for _, restricted := range ec2v1.RestrictedTagPatterns {
			if restricted.MatchString(key) {
				return fmt.Sprintf("spec.tags[%q] is a tag that drover sets itself: remove it", key)
			}
		}
	}
	var unsupported []string
	if class.Spec.PlacementGroupSelector != nil {
		unsupported = append(unsupported, "spec.placementGroupSelector")
	}
	if len(class.Spec.CapacityReservationSelectorTerms) > 0 {
		unsupported = append(unsupported, "spec.capacityReservationSelectorTerms")
	}
	if len(unsupported) > 0 {
		return fmt.Sprintf("not supported: %s; remove it to launch without", strings.Join(unsupported, ", "))
	}
	return ""
}

func asJSON(terms any) string {
	text, err := json.Marshal(terms)
	if err != nil {
		return fmt.Sprint(terms)
	}
	return string(text)
}
