package cloudtest_test

import (
	"testing"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
)

func TestFakeGroupsConform(t *testing.T) {
	cloudtest.RunGroups(t, func(*testing.T) (cloud.NodeGroups, cloudtest.GroupsFixture) {
		fake := &cloudtest.Groups{}
		first, second := cloudtest.Group("first", "us-west-2a", 1, 2, 4), cloudtest.Group("second", "us-west-2b", 1, 2, 4)
		first.Tags["team"] = "red"
		fake.Put(first)
		fake.Put(second)
		fake.Settle("first")
		fake.Settle("second")
		return fake, cloudtest.GroupsFixture{First: "first", Second: "second", Tag: "team", Value: "red"}
	})
}
