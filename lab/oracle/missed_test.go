package oracle_test

import (
	"fmt"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/enginetest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/lab/oracle"
)

func TestMissed(t *testing.T) {
	c := newCourt(t)
	n, shown := 0, 0
	for i := range uint64(*clusters) {
		s := draw(*seed + i)
		missed := func(s *model.Snapshot) []oracle.Refusal {
			for _, n := range s.Nodes {
				if n.Unschedulable {
					return nil
				}
			}
			plan, _ := engine.Solve(s, model.Settings{MaxSteps: 20000, MaxOfferings: 1})
			cl, err := oracle.NewCluster(s, &plan, oracle.First)
			if err != nil {
				t.Fatal(err)
			}
			m, err := c.judge.Missed(cl)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		if m := missed(s); len(m) > 0 {
			n++
			if shown++; shown < 6 {
				text, _ := enginetest.Shrink(s, func(s *model.Snapshot) bool { return len(missed(s)) > 0 })
				fmt.Println("seed", *seed+i, m)
				fmt.Println(text)
			}
		}
	}
	fmt.Println("missed", n)
}
