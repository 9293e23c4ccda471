package nodegroup_test

import (
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
)

// deleting decides, and has the group deleted before the plan is carried out.
func deleting(w *world, group string) func(*model.Snapshot, model.Settings) (model.Plan, model.Report) {
	return func(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
		plan, report := engine.Solve(snapshot, settings)
		w.groups.Delete(group)
		return plan, report
	}
}
