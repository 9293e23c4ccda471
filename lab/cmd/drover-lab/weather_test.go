package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/drover-project/drover/lab/assemble"
	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/weather"
)

// skies is a region behind a lab that seems to run.
type skies struct {
	t     *testing.T
	clock *clock.Manual
	*region.Region
	path string
}

func openSkies(t *testing.T) *skies {
	t.Helper()
	c := clock.NewManual(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC))
	r, err := region.Open(region.Options{Region: "us-west-2", Clock: c, Seed: 1, Cluster: region.ClusterInfo{Name: "blue", Endpoint: "https://127.0.0.1:6443"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix(assemble.AdminPath, r.Admin()))
	t.Cleanup(func() { server.Close(); _ = r.Close() })
	path, _ := runningLab(t, server.URL)
	return &skies{t, c, r, path}
}

// launch starts m5.large instances in us-west-2a and gives their names.
func (s *skies) launch(count int32, spot bool) (names []string) {
	s.t.Helper()
	ctx := context.Background()
	image, err := s.SSM().GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/x86_64/standard/recommended/image_id")})
	if err != nil {
		s.t.Fatal(err)
	}
	subnets, err := s.EC2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{{Name: aws.String("availability-zone"), Values: []string{"us-west-2a"}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	in := &ec2.RunInstancesInput{ImageId: image.Parameter.Value, InstanceType: "m5.large", MinCount: &count, MaxCount: &count, SubnetId: subnets.Subnets[0].SubnetId}
	if spot {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot}
	}
	out, err := s.EC2().RunInstances(ctx, in)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, i := range out.Instances {
		names = append(names, *i.PrivateDnsName)
	}
	s.clock.Advance(10 * time.Second)
	return names
}

// says runs a command, which has to succeed, and looks for a text.
func (s *skies) says(want string, args ...string) {
	s.t.Helper()
	out, err := run(s.t, append(args, "--data-dir", s.path)...)
	if err != nil || !strings.Contains(out, want) {
		s.t.Errorf("%v: %q, %v; want %q", args, out, err, want)
	}
}

// refuses runs a command that has to fail.
func (s *skies) refuses(want string, args ...string) {
	s.t.Helper()
	out, err := run(s.t, append(args, "--data-dir", s.path)...)
	if err == nil || !strings.Contains(err.Error(), want) {
		s.t.Errorf("%v: %q, %v; want the error %q", args, out, err, want)
	}
}

func TestInterruptCommand(t *testing.T) {
	s := openSkies(t)
	onDemand, spot := s.launch(1, false)[0], s.launch(10, true)
	s.says("node/"+spot[0]+" interruption noticed: terminate at 2026-11-24T08:02:20Z (i-", "interrupt", spot[0])
	s.refuses("has its notice already", "interrupt", spot[0])
	s.refuses("is on-demand: only Spot instances are interrupted", "interrupt", onDemand)
	s.refuses(`"nobody" is neither a node nor an instance`, "interrupt", "nobody")
	s.refuses("name nodes or instances, or use --fraction, --pool or --all", "interrupt")
	s.refuses("nodes are named", "interrupt", spot[1], "--all")
	s.refuses("--fraction 200%", "interrupt", "--fraction", "200%")
	s.refuses("use terminate, stop or hibernate", "interrupt", "--all", "--action", "melt")
	s.refuses("no pool fits", "interrupt", "--pool", "m5.large/eu-west-1a")
	s.says("(dry run)", "interrupt", "--fraction", "30%", "--dry-run")
	out, err := run(t, "interrupt", "--fraction", "0.3", "--seed", "7", "--notice", "30s", "-o", "json", "--data-dir", s.path)
	var affected []weather.Affected
	if err != nil || json.Unmarshal([]byte(out), &affected) != nil || len(affected) != 3 || affected[0].At.Sub(*affected[0].Noticed) != 30*time.Second {
		t.Errorf("%q, %v", out, err)
	}
	s.says("rebalance recommended, notice at 2026-11-24T08:08:20Z: terminate at 2026-11-24T08:10:20Z", "interrupt", "--pool", "m5.large/us-west-2a", "--recommend", "10m")
	s.says("No instances found", "interrupt", "--pool", "c5.large/us-west-2a")
}

func TestRecommendAndScheduleCommands(t *testing.T) {
	s := openSkies(t)
	spot := s.launch(2, true)
	s.says("node/"+spot[0]+" rebalance recommended: nothing follows", "recommend", "--false", spot[0])
	s.says("notice at 2026-11-24T08:18:10Z: terminate at 2026-11-24T08:20:10Z", "recommend", spot[1], "--lead", "20m")
	s.refuses("none of the others can be", "recommend", "--false", "--lead", "1m", spot[0])
	s.refuses(`required flag(s) "code" not set`, "schedule-event", spot[0])
	s.refuses(`code "flood": use one of`, "schedule-event", spot[0], "--code", "flood")
	s.says("system-reboot scheduled for 2026-11-24T08:10:10Z: instance-event-", "schedule-event", spot[0], "--code", "system-reboot", "--in", "10m")
	s.says("system-reboot canceled", "schedule-event", "cancel", spot[0])
	s.refuses("no active event has the id", "schedule-event", "cancel", "instance-event-0")
}

func TestZoneCommands(t *testing.T) {
	s := openSkies(t)
	name := s.launch(1, false)[0]
	s.says("zone/us-west-2a failed: 1 instances out of reach\nnode/"+name, "zone", "fail", "us-west-2a", "--for", "10m")
	s.says("zone us-west-2a: out since 2026-11-24T08:00:10Z, until 2026-11-24T08:10:10Z", "weather", "status")
	s.says("zone/us-west-2a restored", "zone", "restore", "us-west-2a")
	s.refuses("is not out", "zone", "restore", "us-west-2a")
	s.refuses("the zones are", "zone", "fail", "mars-1a")
	s.refuses("use keep or end", "zone", "fail", "us-west-2a", "--instances", "burn")
}

func TestWeatherCommands(t *testing.T) {
	s := openSkies(t)
	spot := s.launch(2, true)
	s.refuses("there is no weather to stop", "weather", "stop")
	s.says("weather: calm", "weather", "status")
	s.says("weather started (seed 7, intensity 2)", "weather", "start", "--seed", "7", "--intensity", "2")
	s.refuses("--intensity -1", "weather", "start", "--intensity", "-1")
	s.says("weather: since 2026-11-24T08:00:10Z, seed 7", "weather", "status")
	s.says("weather (seed 7) stopped", "weather", "stop")
	s.says("1 pools changed", "weather", "price", "m5.large/us-west-2a", "50%")
	s.says("1 pools changed", "weather", "depth", "m5.large/us-west-2a", "3")
	s.says("m5.large        us-west-2a   0.0480   0.0960      50%     3       unlimited   2", "weather", "pools", "--used")
	s.says("1 pools changed", "weather", "price", "m5.large/us-west-2a", "market")
	s.refuses(`price "much"`, "weather", "price", "m5.large/us-west-2a", "much")
	s.refuses(`depth "deep"`, "weather", "depth", "m5.large/us-west-2a", "deep")
	s.refuses("use 0 (nothing is spare) to 10", "weather", "depth", "m5.large/us-west-2a", "11")
	s.says("1 pools changed\nnode/ip-", "capacity", "set", "--instance-type", "m5.large", "--zone", "us-west-2a", "--capacity-type", "spot", "--total", "1")
	if out, err := run(t, "weather", "status", "-o", "json", "--data-dir", s.path); err != nil || strings.Count(out, `"noticed":`) != 2 {
		t.Errorf("%s %v of %v", out, err, spot)
	}
}

func TestReplayCommand(t *testing.T) {
	s := openSkies(t)
	s.launch(2, true)
	file := filepath.Join(t.TempDir(), "storm.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte("apiVersion: lab.drover.sh/v1\nkind: WeatherSchedule\nevents:\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("- at: 0s\n  interrupt: {al: true}\n")
	s.refuses(file+":5: events[0].interrupt.al: is no field here", "weather", "replay", file)
	s.refuses("no such file", "weather", "replay", file+".missing")
	write("- at: 0s\n  interrupt: {all: true}\n- at: 0s\n  interrupt: {nodes: [gone]}\n")
	s.refuses("1 of 2 events could not happen", "weather", "replay", file, "--wait")
	s.says(file+":6 interrupt: error: \"gone\" is neither", "weather", "status")
	write("- at: 1h\n  failZone: {zone: us-west-2a}\n")
	s.says("replaying "+file+": 1 events", "weather", "replay", file)
	s.refuses("is being replayed", "weather", "replay", file)
	s.says("0 of 1 events happened, next event at 2026-11-24T09:00:10Z", "weather", "status")
}
