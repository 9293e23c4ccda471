package region_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

type scalingPolicy = autoscaling.PutScalingPolicyInput

// scalingPolicyOf puts a policy of the group "workers" and gives its ARN.
func (l *lab) scalingPolicyOf(name string, change func(*scalingPolicy)) (string, error) {
	in := &scalingPolicy{AutoScalingGroupName: aws.String("workers"), PolicyName: &name}
	change(in)
	out, err := l.AutoScaling().PutScalingPolicy(ctx(), in)
	if err != nil {
		return "", err
	}
	return *out.PolicyARN, nil
}

func (l *lab) execute(name string, change ...func(*autoscaling.ExecutePolicyInput)) error {
	in := &autoscaling.ExecutePolicyInput{AutoScalingGroupName: aws.String("workers"), PolicyName: &name}
	for _, c := range change {
		c(in)
	}
	_, err := l.AutoScaling().ExecutePolicy(ctx(), in)
	return err
}

func metric(value, threshold float64) func(*autoscaling.ExecutePolicyInput) {
	return func(in *autoscaling.ExecutePolicyInput) { in.MetricValue, in.BreachThreshold = &value, &threshold }
}

func honouring(in *autoscaling.ExecutePolicyInput) { in.HonorCooldown = aws.Bool(true) }

func simple(adjustment string, by int32) func(*scalingPolicy) {
	return func(in *scalingPolicy) { in.AdjustmentType, in.ScalingAdjustment = &adjustment, &by }
}

func adjusting(by int32, bounds ...float64) asgtypes.StepAdjustment {
	s := asgtypes.StepAdjustment{ScalingAdjustment: &by, MetricIntervalLowerBound: &bounds[0]}
	if len(bounds) > 1 {
		s.MetricIntervalUpperBound = &bounds[1]
	}
	return s
}

func steps(adjustment string, list ...asgtypes.StepAdjustment) func(*scalingPolicy) {
	return func(in *scalingPolicy) {
		in.PolicyType, in.AdjustmentType, in.StepAdjustments = aws.String("StepScaling"), &adjustment, list
	}
}

func TestSimplePolicies(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	for _, c := range []struct {
		adjustment string
		by         int32
		least      int32
		from, to   int32
	}{
		{"ChangeInCapacity", 2, 0, 3, 5}, {"ChangeInCapacity", -2, 0, 3, 1}, {"ChangeInCapacity", 20, 0, 3, 10}, {"ChangeInCapacity", -20, 0, 3, 1},
		{"ExactCapacity", 4, 0, 3, 4}, {"PercentChangeInCapacity", 50, 0, 5, 7}, {"PercentChangeInCapacity", -50, 0, 5, 3},
		{"PercentChangeInCapacity", 10, 0, 3, 4}, {"PercentChangeInCapacity", -10, 0, 3, 2}, {"PercentChangeInCapacity", 25, 2, 4, 6}, {"PercentChangeInCapacity", 0, 2, 4, 4},
	} {
		l.createGroup(l.groupInput("workers", 1, c.from, 10))
		_, err := l.scalingPolicyOf("p", func(in *scalingPolicy) {
			simple(c.adjustment, c.by)(in)
			if c.least > 0 {
				in.MinAdjustmentMagnitude = &c.least
			}
		})
		refused(t, err, "")
		refused(t, l.execute("p"), "")
		check(t, c.adjustment, *l.group("workers").DesiredCapacity, c.to)
		must[*autoscaling.DeleteAutoScalingGroupOutput](l)(l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{
			AutoScalingGroupName: aws.String("workers"), ForceDelete: aws.Bool(true)}))
		l.clock.Advance(time.Minute)
	}
}

func TestSimplePolicyCoolsDown(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 1, 10))
	arn, err := l.scalingPolicyOf("p", func(in *scalingPolicy) {
		simple("ChangeInCapacity", 1)(in)
		in.Cooldown = aws.Int32(120)
	})
	refused(t, err, "")
	l.clock.Advance(time.Second)
	refused(t, l.execute("p", honouring), "")
	l.clock.Advance(8 * time.Second)
	refused(t, l.execute("p", honouring), "ScalingActivityInProgress")
	l.clock.Advance(time.Minute)
	refused(t, l.execute("p", honouring), "ScalingActivityInProgress")
	l.reopen()
	l.clock.Advance(2 * time.Minute)
	_, err = l.AutoScaling().ExecutePolicy(ctx(), &autoscaling.ExecutePolicyInput{PolicyName: &arn, HonorCooldown: aws.Bool(true)})
	refused(t, err, "")
	l.clock.Advance(soon)
	check(t, "states", l.states("workers"), "InService 3")
	if cause := *l.activities("workers")[0].Cause; !strings.Contains(cause, "a user request executed policy p changing the desired capacity from 2 to 3.") {
		t.Errorf("cause %s", cause)
	}
}

func TestStepPolicy(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 10, 40))
	l.clock.Advance(10 * time.Minute)
	_, err := l.scalingPolicyOf("out", func(in *scalingPolicy) {
		steps("PercentChangeInCapacity", adjusting(0, 0, 10), adjusting(10, 10, 20), adjusting(30, 20))(in)
		in.EstimatedInstanceWarmup = aws.Int32(300)
	})
	refused(t, err, "")
	refused(t, l.execute("out", metric(49, 50)), "ValidationError")
	refused(t, l.execute("out", metric(59.5, 50)), "")
	check(t, "within the first step", *l.group("workers").DesiredCapacity, 10)
	refused(t, l.execute("out", metric(60, 50)), "")
	check(t, "at a bound", *l.group("workers").DesiredCapacity, 11)
	l.clock.Advance(soon)
	refused(t, l.execute("out", metric(60, 50)), "")
	check(t, "again while one warms up", *l.group("workers").DesiredCapacity, 11)
	refused(t, l.execute("out", metric(80, 50)), "")
	check(t, "a higher step meanwhile", *l.group("workers").DesiredCapacity, 13)
	_, err = l.scalingPolicyOf("in", func(in *scalingPolicy) {
		in.PolicyType, in.AdjustmentType = aws.String("StepScaling"), aws.String("ChangeInCapacity")
		in.StepAdjustments = []asgtypes.StepAdjustment{{ScalingAdjustment: aws.Int32(-2), MetricIntervalUpperBound: aws.Float64(0)}}
	})
	refused(t, err, "")
	l.clock.Advance(soon)
	refused(t, l.execute("in", metric(10, 50)), "")
	check(t, "nothing goes while others come", *l.group("workers").DesiredCapacity, 13)
	l.clock.Advance(6 * time.Minute)
	refused(t, l.execute("in", metric(10, 50)), "")
	check(t, "afterwards", *l.group("workers").DesiredCapacity, 11)
}

func TestPoliciesRefused(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 1, 4))
	for name, c := range map[string]struct {
		change     func(*scalingPolicy)
		code, text string
	}{
		"group":           {func(in *scalingPolicy) { in.AutoScalingGroupName = aws.String("none") }, "ValidationError", "not found"},
		"name":            {func(in *scalingPolicy) { in.PolicyName = aws.String("a:b") }, "ValidationError", "policyName"},
		"no adjustment":   {func(*scalingPolicy) {}, "ValidationError", "AdjustmentType is required"},
		"adjustment":      {simple("Double", 1), "ValidationError", "Invalid adjustment type: Double"},
		"negative":        {simple("ExactCapacity", -1), "ValidationError", "must not be negative"},
		"no by":           {func(in *scalingPolicy) { in.AdjustmentType = aws.String("ExactCapacity") }, "ValidationError", "ScalingAdjustment is required"},
		"least":           {func(in *scalingPolicy) { simple("ExactCapacity", 1)(in); in.MinAdjustmentMagnitude = aws.Int32(1) }, "ValidationError", "PercentChangeInCapacity"},
		"warmup":          {func(in *scalingPolicy) { simple("ExactCapacity", 1)(in); in.EstimatedInstanceWarmup = aws.Int32(1) }, "ValidationError", "EstimatedInstanceWarmup"},
		"target tracking": {func(in *scalingPolicy) { in.PolicyType = aws.String("TargetTrackingScaling") }, "ValidationError", "CloudWatch metrics"},
		"predictive":      {func(in *scalingPolicy) { in.PolicyType = aws.String("PredictiveScaling") }, "ValidationError", "CloudWatch metrics"},
		"kind":            {func(in *scalingPolicy) { in.PolicyType = aws.String("Guess") }, "ValidationError", "Invalid policy type: Guess"},
		"no steps":        {steps("ChangeInCapacity"), "ValidationError", "StepAdjustments are required"},
		"overlap":         {steps("ChangeInCapacity", adjusting(1, 0, 10), adjusting(2, 5)), "ValidationError", "overlap"},
		"gap":             {steps("ChangeInCapacity", adjusting(1, 0, 10), adjusting(2, 15)), "ValidationError", "gaps"},
		"two open":        {steps("ChangeInCapacity", adjusting(1, 0), adjusting(2, 15)), "ValidationError", "overlap"},
		"backwards":       {steps("ChangeInCapacity", adjusting(1, 10, 0)), "ValidationError", "greater than its lower bound"},
		"unbounded":       {steps("ChangeInCapacity", asgtypes.StepAdjustment{ScalingAdjustment: aws.Int32(1)}), "ValidationError", "a lower or an upper bound"},
	} {
		_, err := l.scalingPolicyOf("p", c.change)
		says(t, name, err, c.code, c.text)
	}
	_, err := l.scalingPolicyOf("off", func(in *scalingPolicy) { simple("ExactCapacity", 1)(in); in.Enabled = aws.Bool(false) })
	refused(t, err, "")
	says(t, "disabled", l.execute("off"), "ValidationError", "is disabled")
	says(t, "unknown", l.execute("none"), "ValidationError", "No policy found with name none")
	_, err = l.AutoScaling().DeletePolicy(ctx(), &autoscaling.DeletePolicyInput{PolicyName: aws.String("off")})
	says(t, "without a group", err, "ValidationError", "group name is required")
	_, err = l.AutoScaling().DeletePolicy(ctx(), &autoscaling.DeletePolicyInput{AutoScalingGroupName: aws.String("workers"), PolicyName: aws.String("off")})
	refused(t, err, "")
}
