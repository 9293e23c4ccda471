package region_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/drover-project/drover/lab/region"
)

// TestStateFromBeforeNetworks: a region that was made when its network was not
// yet kept goes on with the same ids, tags and instances.
func TestStateFromBeforeNetworks(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t), func(o *region.Options) { o.BaseNodes = 2 })
	ids := l.run(3)
	subnet := l.subnets()[0]
	must[*ec2.CreateTagsOutput](l)(l.CreateTags(ctx(), &ec2.CreateTagsInput{Resources: []string{subnet}, Tags: []types.Tag{tag("mine", "yes")}}))
	must[*ec2.DeleteTagsOutput](l)(l.DeleteTags(ctx(), &ec2.DeleteTagsInput{Resources: []string{subnet}, Tags: []types.Tag{{Key: tag("kubernetes.io/role/internal-elb", "").Key}}}))
	before, network := l.everything(), l.networks()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	makeOld(t, filepath.Join(l.options.DataDir, "region.db"))

	again := openOn(t, l.clock, l.options)
	t.Cleanup(func() { _ = again.Close() })
	for what, then := range before {
		if now := again.everything()[what]; now != then {
			t.Errorf("%s before:\n%s\nafter:\n%s", what, then, now)
		}
	}
	if now := again.networks(); !slices.Equal(now, network) {
		t.Errorf("networks %v, before %v", now, network)
	}
	again.clock.Advance(boot)
	if got := again.stateOf(ids[0]); got != "running" {
		t.Errorf("an instance is %s", got)
	}
	again.reopen()
	if now := again.networks(); !slices.Equal(now, network) {
		t.Errorf("opened once more: networks %v, before %v", now, network)
	}
}

// networks are the ids of all that networks are made of.
func (l *lab) networks() (ids []string) {
	l.t.Helper()
	for _, v := range must[*ec2.DescribeVpcsOutput](l)(l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{})).Vpcs {
		ids = append(ids, *v.VpcId)
	}
	for _, g := range must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{})).SecurityGroups {
		ids = append(ids, *g.GroupId, *g.GroupName)
	}
	for _, t := range must[*ec2.DescribeRouteTablesOutput](l)(l.DescribeRouteTables(ctx(), &ec2.DescribeRouteTablesInput{})).RouteTables {
		ids = append(ids, *t.RouteTableId)
	}
	for _, g := range must[*ec2.DescribeNatGatewaysOutput](l)(l.DescribeNatGateways(ctx(), &ec2.DescribeNatGatewaysInput{})).NatGateways {
		ids = append(ids, *g.NatGatewayId, *g.NatGatewayAddresses[0].PublicIp)
	}
	return ids
}

// makeOld makes a region's file one from before there were tables of networks:
// it lacks them, their tags, and the note that they are there.
func makeOld(t *testing.T, file string) {
	t.Helper()
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{"vpcs", "subnets", "security-groups", "internet-gateways", "nat-gateways", "addresses", "route-tables", "vpc-endpoints", "policies", "sessions"} {
			if err := tx.DeleteBucket([]byte(name)); err != nil && !errors.Is(err, bbolterrors.ErrBucketNotFound) {
				return err
			}
		}
		tags := tx.Bucket([]byte("tags"))
		for _, prefix := range []string{"igw-", "nat-", "rtb-", "eipalloc-"} {
			for key, _ := tags.Cursor().Seek([]byte(prefix)); len(key) > 0 && string(key[:len(prefix)]) == prefix; key, _ = tags.Cursor().Seek([]byte(prefix)) {
				if err := tags.Delete(key); err != nil {
					return err
				}
			}
		}
		meta := tx.Bucket([]byte("meta"))
		row := map[string]any{}
		if err := json.Unmarshal(meta.Get([]byte("region")), &row); err != nil {
			return err
		}
		delete(row, "Networks")
		old, err := json.Marshal(row)
		if err != nil {
			return err
		}
		return meta.Put([]byte("region"), old)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
