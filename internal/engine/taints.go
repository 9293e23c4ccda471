package engine

import (
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// tolerates reports whether a toleration covers a taint, as kube-scheduler
// reads it: an empty effect or key covers all, the operator defaults to Equal.
func tolerates(t model.Toleration, taint model.Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect {
		return false
	}
	if t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case "", "Equal":
		return t.Value == taint.Value
	case "Exists":
		return true
	case "Lt", "Gt":
		limit, ok := decimal(t.Value)
		have, ok2 := decimal(taint.Value)
		if !ok || !ok2 {
			return false
		}
		return t.Operator == "Lt" && have < limit || t.Operator == "Gt" && have > limit
	}
	return false
}

// decimal parses a whole number without sign decorations or leading zeros.
func decimal(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

func toleratesAny(tolerations []model.Toleration, taint model.Taint) bool {
	for _, t := range tolerations {
		if tolerates(t, taint) {
			return true
		}
	}
	return false
}

// untolerated returns the first taint that keeps the pod off. Taints with the
// effect PreferNoSchedule do so only when soft is set.
func untolerated(taints []model.Taint, tolerations []model.Toleration, soft bool) (model.Taint, bool) {
	for _, taint := range taints {
		if taint.Effect == model.PreferNoSchedule && !soft {
			continue
		}
		if !toleratesAny(tolerations, taint) {
			return taint, true
		}
	}
	return model.Taint{}, false
}

// lastingTaints leaves out those that are expected to disappear by themselves.
func lastingTaints(taints, startup []model.Taint) []model.Taint {
	if len(startup) == 0 {
		return taints
	}
	var lasting []model.Taint
	for _, taint := range taints {
		passing := false
		for _, s := range startup {
			passing = passing || s.Key == taint.Key && s.Effect == taint.Effect
		}
		if !passing {
			lasting = append(lasting, taint)
		}
	}
	return lasting
}

func taintText(t model.Taint) string {
	if t.Value == "" {
		return t.Key + ":" + string(t.Effect)
	}
	return t.Key + "=" + t.Value + ":" + string(t.Effect)
}
