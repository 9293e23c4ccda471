package awswire

import (
	"errors"
	"slices"
	"testing"

	"github.com/drover-project/drover/lab/awserr"
)

func TestPageWalksEverythingOnce(t *testing.T) {
	items := []int{0, 1, 2, 3, 4, 5, 6}
	for size := int32(1); size < 9; size++ {
		var got []int
		var token *string
		for calls := 0; ; calls++ {
			if calls > len(items) {
				t.Fatalf("page size %d never ends", size)
			}
			page, next, err := Page(items, token, &size)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page...)
			if token = next; token == nil {
				break
			}
		}
		if !slices.Equal(got, items) {
			t.Errorf("page size %d: got %v", size, got)
		}
	}
}

func TestPageWithoutLimitGivesAll(t *testing.T) {
	zero, empty := int32(0), ""
	page, next, err := Page([]string{"a", "b"}, &empty, &zero)
	if err != nil || next != nil || len(page) != 2 {
		t.Fatalf("got %v, %v, %v", page, next, err)
	}
}

func TestPageAfterTheListShrank(t *testing.T) {
	two := int32(2)
	_, token, err := Page([]int{1, 2, 3}, nil, &two)
	if err != nil {
		t.Fatal(err)
	}
	page, next, err := Page([]int{1}, token, &two)
	if err != nil || next != nil || len(page) != 0 {
		t.Fatalf("got %v, %v, %v", page, next, err)
	}
}

func TestPageRefuses(t *testing.T) {
	minus := int32(-1)
	for _, c := range []struct {
		token string
		limit *int32
		code  string
	}{
		{"made-up", nil, "InvalidNextToken"},
		{"AAAAAAAAAAAAAAAB", nil, "InvalidNextToken"},
		{"", &minus, "InvalidParameterValue"},
	} {
		_, _, err := Page([]int{1}, &c.token, c.limit)
		var e *awserr.Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("token %q: got %v, want code %s", c.token, err, c.code)
		}
	}
}
