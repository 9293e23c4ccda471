package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// Grower raises the sizes of node groups; cloud.NodeGroups does.
type Grower interface {
	// Grow as in cloud.NodeGroups.
	Grow(ctx context.Context, name string, to int) (int, error)
}

// groupPrefix begins what Outcome.Created says of a node group's launch.
const groupPrefix = "nodegroup/"

// grow raises every group that the plan wants larger. What one group refuses
// does not keep the others from growing.
func (a *Applier) grow(ctx context.Context, plan *model.Plan, outcome *Outcome) []error {
	var failures []error
	outcome.Failed = map[string]string{}
	gained := map[string]int{}
	for _, size := range plan.Groups {
		planned := 0
		for i := range plan.Launches {
			if plan.Launches[i].NodeGroup == size.Name {
				planned++
			}
		}
		now, err := a.growOne(ctx, size)
		if err != nil {
			outcome.Failed[size.Name] = err.Error()
			failures = append(failures, err)
		}
		gained[size.Name] = max(0, now-size.From) * planned / max(size.To-size.From, 1)
		if now > size.From {
			outcome.Grown = append(outcome.Grown, model.GroupSize{Name: size.Name, From: size.From, To: now})
		}
		if now < size.To && err == nil {
			outcome.Failed[size.Name] = fmt.Sprintf("node group %s only came to size %d of %d: its maximum was lowered", size.Name, now, size.To)
		}
	}
	for i := range plan.Launches {
		name := plan.Launches[i].NodeGroup
		switch {
		case name == "":
		case gained[name] > 0:
			gained[name]--
			outcome.Created[i] = groupPrefix + name
		default:
			outcome.Refused[i] = outcome.Failed[name]
		}
	}
	return failures
}

func (a *Applier) growOne(ctx context.Context, size model.GroupSize) (int, error) {
	if a.Groups == nil {
		return size.From, errors.New("there is nothing that could raise the size of node group " + size.Name)
	}
	now, err := a.Groups.Grow(ctx, size.Name, size.To)
	switch {
	case cloud.IsNotFound(err):
		return size.From, fmt.Errorf("node group %s was deleted from under us: other groups are tried", size.Name)
	case err != nil:
		return size.From, fmt.Errorf("node group %s: %w", size.Name, err)
	}
	return now, nil
}
