package mutation

// mutation is one rule of the scheduler or of NodePools, and how to break it.
type mutation struct {
	rule     string
	file     string // in internal/engine
	old, new string // old occurs once
}

func mutations() []mutation {
	return []mutation{
		{"requests fit on new nodes", "resources.go", "if amount > 0 && amount > room[i] {", "if amount > 0 && amount > room[i]+1 {"},
		{"pods per node", "resources.go", "if name == model.PodCount && v[i] == 0 {\n\t\t\tv[i] = 1", "if name == model.PodCount && v[i] == 0 {\n\t\t\tv[i] = 0"},
		{"room of running pods", "node.go", "n.room.add(x.podVector(spec.Pods[i].Requests), -1)", "_ = x"},
		{"share of DaemonSets on existing nodes", "node.go", "n.room.add(x.podVector(daemon.Template.Requests), -1)", "_ = x"},
		{"share of DaemonSets on new nodes", "daemons.go", "c.room.add(share.vector, -1)", "c.room.add(share.vector, 0)"},
		{"cordoned nodes", "node.go", "\tif n.spec.Unschedulable {\n\t\treturn false\n\t}\n", ""},
		{"host ports", "node.go", "if t.Port == w.Port && protocol(t)", "if t.Port == w.Port+1 && protocol(t)"},
		{"host ports of all addresses", "node.go", `return ip == "" || ip == "0.0.0.0"`, `return ip == ""`},
		{"node selector", "class.go", "for _, key := range sortedKeys(pod.NodeSelector) {", "for _, key := range sortedKeys(map[string]string{}) {"},
		{"required node affinity: all of a term", "node.go", "if !holds(r, value, ok) {", "if !holds(r, value, ok) && len(term.Labels) == 1 {"},
		{"required node affinity: node fields", "node.go", "!holds(r, n.spec.Name, true)", "holds(r, n.spec.Name, true)"},
		{"operator NotIn without the label", "labels.go", "return !present || !contains(r.Values, value)", "return present && !contains(r.Values, value)"},
		{"operator Gt", "labels.go", "return have > bound", "return have >= bound"},
		{"operator Lt", "labels.go", "return have < bound", "return have <= bound"},
		{"old names of labels", "labels.go", "return labelZone\n", "return key\n"},
		{"taints", "taints.go", "\t\tif !toleratesAny(tolerations, taint) {\n\t\t\treturn taint, true\n\t\t}\n", ""},
		{"soft taints", "taints.go", "taint.Effect == model.PreferNoSchedule && !soft", "!soft && taint.Effect != model.NoExecute"},
		{"startup taints", "taints.go", "s.Key == taint.Key && s.Effect == taint.Effect", "false && s.Key == taint.Key"},
		{"tolerations: effect", "taints.go", `if t.Effect != "" && t.Effect != taint.Effect {`, `if t.Effect == "-" {`},
		{"tolerations: value", "taints.go", "return t.Value == taint.Value", "return true"},
		{"tolerations: numbers", "taints.go", `t.Operator == "Gt" && have > limit`, `t.Operator == "Gt" && have < limit`},
		{"spread: skew on nodes and domains", "ledger.go", "if t.owns && next-l.floor(t.rule, d) > int32(t.maxSkew) {", "if t.owns && next-l.floor(t.rule, d) > int32(t.maxSkew)+1 {"},
		{"spread: minDomains", "ledger.go", "t.domains < r.minDomains || t.domains == 0", "t.domains == 0"},
		{"spread: hosts to buy", "occupancy.go", "want = min(want, t.maxSkew-int(o.match[r]))", "want = min(want, 1+t.maxSkew-int(o.match[r]))"},
		{"spread: matchLabelKeys", "selector.go", "m.same[key] = value", "_ = value"},
		{"spread: node affinity policy", "topology.go", "n.hasLabels(keys) && (s.IgnoreNodeAffinity || n.admits(c.terms))", "n.hasLabels(keys)"},
		{"spread: node taints policy", "topology.go", "r.nodes[i] = !off", "_ = off"},
		{"spread: terminating pods", "topology_count.go", "Terminating", "OwnedByDaemonSet"},
		{"affinity", "ledger.go", "return d >= 0 && (tally.count[d] > 0 || t.matched && l.opens(t.rule))", "return d >= 0"},
		{"affinity on hosts to buy", "occupancy.go", "if t.owns && o.match[r] == 0 && !(first && t.matched) {", "if t.owns && o.match[r] < 0 {"},
		{"anti-affinity", "ledger.go", "!(t.owns && tally.count[d] > 0) &&", ""},
		{"anti-affinity of others", "ledger.go", "&& !(t.matched && tally.own[d] > 0)", ""},
		{"anti-affinity on hosts to buy", "occupancy.go", "if t.owns && t.matched {\n\t\t\treturn min(want, 1)\n\t\t}\n", ""},
		{"anti-affinity of running pods", "topology_count.go", "r.own[d]++", "_ = d"},
		{"namespaces of affinity", "selector.go", "!contains(m.namespaces, namespace) ||", ""},
		{"volumes per node", "volumes.go", "requests[volumeResource+v.Driver]++", "_ = v"},
		{"volumes that are still attached", "volumes.go", "for _, v := range n.Attached {", "for _, v := range n.Attached[:0] {"},
		{"ReadWriteOncePod", "volumes.go", "if v.Exclusive && inUse {", "if v.Exclusive && !inUse {"},
		{"pod groups", "ration.go", "started && placed[g.Name] < g.MinCount", "started && placed[g.Name] < 0"},
		{"NodePool requirements", "config.go", "if !c.meets(p.spec.Requirements) {", "if !c.meets(nil) {"},
		{"NodePool limits", "bins.go", "amount > o.largest[r] && o.used[o.pool][r]+amount > o.pool.limit[r]", "r < 0 && amount < 0"},
		{"minValues", "pool.go", "if r.MinValues > 1 {", "if r.MinValues > 1000 {"},
		{"pools that are not ready", "pool.go", `if spec.NotReadyReason != "" {`, `if spec.NotReadyReason == "-" {`},
		{"offerings without capacity", "config.go", `return c.offering.UnavailableReason == ""`, "return true"},
	}
}
