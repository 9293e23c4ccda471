package region_test

import (
	"testing"
	"time"

	"github.com/drover-project/drover/lab/region/weather"
)

// TestSpotFromTheCommandLine: what the unmodified aws CLI sees of an interrupted
// instance, of its request, of prices and of scheduled events.
func TestSpotFromTheCommandLine(t *testing.T) {
	t.Parallel()
	l := open(t)
	s := newShell(t, serve(t, l).endpoint)
	s.vars["IMAGE"], s.vars["SUBNET"] = l.imageOf("x86_64"), l.subnets()[0]
	s.file("spec.json", `{"ImageId":"`+s.vars["IMAGE"]+`","InstanceType":"m5.large","SubnetId":"`+s.vars["SUBNET"]+`"}`)
	s.run([]cliStep{
		{command: "ec2 request-spot-instances --instance-count 1 --launch-specification file://spec.json --query SpotInstanceRequests[0].[SpotInstanceRequestId] ", into: "REQUEST"},
		{command: "ec2 describe-spot-instance-requests --spot-instance-request-ids $REQUEST --query SpotInstanceRequests[].[State,Status.Code,Type]", want: "active\tfulfilled\tone-time"},
		{command: "ec2 describe-spot-instance-requests --spot-instance-request-ids $REQUEST --query SpotInstanceRequests[].InstanceId", into: "ID"},
	})
	l.clock.Advance(boot)
	l.interrupt(weather.Interruption{Selection: those(s.vars["ID"])})
	s.run([]cliStep{{command: "ec2 describe-spot-instance-requests --filters Name=status-code,Values=marked-for-termination --query SpotInstanceRequests[].InstanceId", want: "$ID"}})
	l.clock.Advance(2*time.Minute + shutdown)
	s.run([]cliStep{
		{command: "ec2 describe-instances --instance-ids $ID --query Reservations[].Instances[].[State.Name,StateReason.Code,InstanceLifecycle]", want: "terminated\tServer.SpotInstanceTermination\tspot"},
		{command: "ec2 describe-spot-instance-requests --spot-instance-request-ids $REQUEST --query SpotInstanceRequests[].[State,Status.Code]", want: "closed\tinstance-terminated-no-capacity"},
		{command: "ec2 cancel-spot-instance-requests --spot-instance-request-ids sir-0123456789", fails: "(InvalidSpotInstanceRequestID.NotFound)"},
		{command: "ec2 run-instances --image-id $IMAGE --instance-type m5.large --subnet-id $SUBNET --query Instances[0].[InstanceId]", into: "OWN"},
	})
	l.clock.Advance(boot)
	l.scheduled(s.vars["OWN"], "system-reboot", 10*time.Minute, time.Hour)
	if _, err := l.Weather.SetPrice(weather.PriceChange{Pool: "m5.large/us-west-2a", USD: 0.08}); err != nil {
		t.Fatal(err)
	}
	s.run([]cliStep{
		{command: "ec2 describe-instance-status --instance-ids $OWN --query InstanceStatuses[].Events[].[Code,Description]", want: "system-reboot\tscheduled reboot"},
		{command: "ec2 reboot-instances --instance-ids $OWN"},
		{command: "ec2 describe-spot-price-history --instance-types m5.large --availability-zone us-west-2a --start-time " + l.clock.Now().Format(time.RFC3339) + " --query SpotPriceHistory[].SpotPrice", want: "0.080000"},
	})
}
