package ec2filter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
)

type disk struct {
	id    string
	zones []string
	tags  map[string]string
}

var disks = ec2filter.Set[disk]{
	Fields: map[string]func(disk) []string{
		"volume-id":         func(d disk) []string { return []string{d.id} },
		"availability-zone": func(d disk) []string { return d.zones },
	},
	Tags: func(d disk) []types.Tag {
		var tags []types.Tag
		for k, v := range d.tags {
			tags = append(tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
		}
		return tags
	},
}

func fleet() []disk {
	return []disk{
		{id: "vol-1", zones: []string{"a"}, tags: map[string]string{"Name": "web", "env": "prod"}},
		{id: "vol-2", zones: []string{"a", "b"}, tags: map[string]string{"Name": "db"}},
		{id: "vol-3"},
	}
}

// filters reads "name=v1|v2 name2=v".
func filters(text string) []types.Filter {
	var out []types.Filter
	for _, word := range strings.Fields(text) {
		name, values, _ := strings.Cut(word, "=")
		out = append(out, types.Filter{Name: aws.String(name), Values: strings.Split(values, "|")})
	}
	return out
}

func TestSelect(t *testing.T) {
	for _, c := range []struct{ filters, want string }{
		{"", "vol-1 vol-2 vol-3"},
		{"volume-id=vol-2", "vol-2"},
		{"volume-id=vol-2|vol-3", "vol-2 vol-3"},
		{"volume-id=vol-?", "vol-1 vol-2 vol-3"},
		{"availability-zone=a", "vol-1 vol-2"},
		{"availability-zone=a availability-zone=b", "vol-2"},
		{"tag:Name=w*", "vol-1"},
		{"tag:name=web", ""},
		{"tag:Name=*", "vol-1 vol-2"},
		{"tag-key=env", "vol-1"},
		{"tag-value=db", "vol-2"},
		{"tag:Name=web tag:env=prod availability-zone=a", "vol-1"},
		{"tag:Name=web volume-id=vol-2", ""},
	} {
		got, err := disks.Select(fleet(), filters(c.filters))
		if err != nil {
			t.Fatalf("%s: %v", c.filters, err)
		}
		var ids []string
		for _, d := range got {
			ids = append(ids, d.id)
		}
		if !slices.Equal(ids, strings.Fields(c.want)) {
			t.Errorf("%s: got %v, want %s", c.filters, ids, c.want)
		}
	}
}

func TestSelectRefuses(t *testing.T) {
	untagged := ec2filter.Set[disk]{Fields: disks.Fields}
	many := []types.Filter{{Name: aws.String("volume-id"), Values: make([]string, 201)}}
	for name, c := range map[string]struct {
		set     ec2filter.Set[disk]
		filters []types.Filter
		code    string
	}{
		"unknown filter":  {disks, filters("colour=red"), "InvalidParameterValue"},
		"tags of no tags": {untagged, filters("tag:Name=web"), "InvalidParameterValue"},
		"no name":         {disks, []types.Filter{{Values: []string{"x"}}}, "MissingParameter"},
		"no values":       {disks, []types.Filter{{Name: aws.String("volume-id")}}, "InvalidParameterValue"},
		"too many values": {disks, many, "FilterLimitExceeded"},
	} {
		_, err := c.set.Select(fleet(), c.filters)
		var e *awserr.Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: got %v, want code %s", name, err, c.code)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true}, {"", "x", false}, {"abc", "abc", true}, {"abc", "abcd", false}, {"abc", "ABC", false},
		{"*", "", true}, {"*", "anything", true}, {"a*c", "abbbc", true}, {"a*c", "abbb", false},
		{"a?c", "abc", true}, {"a?c", "ac", true}, {"a?c", "abbc", false},
		{"m5.*", "m5.large", true}, {"m5.*", "m5a.large", false}, {"*.metal*", "c5.metal-24xl", true},
		{`\*x\?\\`, `*x?\`, true}, {`\*x`, "yx", false}, {`\`, `\`, true},
		{"?", "é", true}, {"한?", "한국", true}, {strings.Repeat("*a", 50), strings.Repeat("a", 50), true},
	} {
		if got := ec2filter.Match(c.pattern, c.value); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.value, got)
		}
	}
}
