package engine

import "github.com/drover-project/drover/internal/model"

// Solve places the pending pods of snapshot on its nodes and on nodes to buy.
// Bad input is not an error: what cannot be understood or placed is in the
// Report with a reason, and everything else is decided without it.
func Solve(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
	var report model.Report
	for _, pod := range snapshot.Pending {
		report.Unplaced = append(report.Unplaced, model.PodReason{
			Pods:   []model.PodKey{pod.PodKey},
			Reason: model.Reason{Code: model.CodeNoNodePool, Message: "no NodePool exists"},
		})
	}
	return model.Plan{}, report
}
