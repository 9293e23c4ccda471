package mutation

// mutants lists the rules, broken one at a time. A new rule comes with one.
func mutants() []mutant {
	var all []mutant
	for _, list := range [][]mutant{labelMutants(), nodeMutants(), topologyMutants(), bundleMutants(), poolMutants(), volumeMutants(), fairnessMutants(), observeMutants(), groupMutants(), boughtMutants(), spotMutants()} {
		all = append(all, list...)
	}
	for _, m := range mutations() {
		all = append(all, mutant{"another way: " + m.rule, "internal/engine/" + m.file, m.old, m.new})
	}
	return all
}

func labelMutants() []mutant {
	const labels, class, config, taints = "internal/engine/labels.go", "internal/engine/class.go", "internal/engine/config.go", "internal/engine/taints.go"
	return []mutant{
		{"node selector", class, "for _, key := range sortedKeys(pod.NodeSelector) {", "for _, key := range sortedKeys(pod.NodeSelector)[:0] {"},
		{"required node affinity", class, "terms = append(terms, model.NodeSelectorTerm{Labels: labels, Fields: term.Fields})", "_, terms = labels, append(terms, model.NodeSelectorTerm{Labels: base})"},
		{"an empty affinity term selects nothing", class, "continue // an empty term selects no node", "_ = term // an empty term selects no node"},
		{"affinity terms are alternatives", config, "union.or(set)", "if union.or(set); len(terms) > 1 { union.and(set) }"},
		{"operator In", labels, "return present && contains(r.Values, value)", "return present"},
		{"operator NotIn", labels, "return !present || !contains(r.Values, value)", "return true"},
		{"operator NotIn without the label", labels, "return !present || !contains(r.Values, value)", "return present && !contains(r.Values, value)"},
		{"operator Exists", labels, "case model.Exists:\n\t\treturn present", "case model.Exists:\n\t\treturn true"},
		{"operator DoesNotExist", labels, "return !present\n", "return true\n"},
		{"operator Gt", labels, "return have > bound", "return have >= bound"},
		{"operator Lt", labels, "return have < bound", "return have <= bound"},
		{"operator Gte", labels, "return have >= bound", "return have > bound"},
		{"operator Lte", labels, "return have <= bound", "return have < bound"},
		{"malformed requirements", labels, "return fmt.Sprintf(\"%s has the operator %q; it must be In, NotIn, Exists, DoesNotExist, Gt, Lt, Gte or Lte\", r.Key, r.Operator)", "return \"\""},
		{"old names of labels", labels, "return labelZone\n", "return key\n"},
		{"matchFields on new nodes", config, "if r.Key != fieldNodeName || r.Operator != model.NotIn {\n\t\t\t\tset = newBitset(len(s.configs))", "if r.Key == \"\" {\n\t\t\t\tset = newBitset(len(s.configs))"},
		{"hostname of a new node", config, "if !unknown && s.configs[i].meetsOne(r) {", "if unknown || s.configs[i].meetsOne(r) {"},
		{"taint NoSchedule", taints, "return taint, true\n", "return taint, taint.Effect == model.NoExecute\n"},
		{"taint NoExecute", taints, "return taint, true\n", "return taint, taint.Effect != model.NoExecute\n"},
		{"taint PreferNoSchedule keeps nobody off", taints, "if taint.Effect == model.PreferNoSchedule && !soft {", "if taint.Effect == \"\" && !soft {"},
		{"toleration effect", taints, "if t.Effect != \"\" && t.Effect != taint.Effect {", "if t.Effect == \"-\" {"},
		{"toleration key", taints, "if t.Key != \"\" && t.Key != taint.Key {", "if t.Key == \"-\" {"},
		{"toleration Equal", taints, "return t.Value == taint.Value", "return true"},
		{"toleration Exists", taints, "case \"Exists\":\n\t\treturn true", "case \"Exists\":\n\t\treturn t.Value == taint.Value"},
		{"toleration Lt", taints, "have < limit", "have <= limit"},
		{"toleration Gt", taints, "have > limit", "have >= limit"},
		{"toleration numbers", taints, "return n, err == nil && strconv.FormatInt(n, 10) == s", "return n, err == nil"},
		{"startup taints", taints, "if !passing {", "if true || !passing {"},
	}
}

func nodeMutants() []mutant {
	const node, config, resources = "internal/engine/node.go", "internal/engine/config.go", "internal/engine/resources.go"
	return []mutant{
		{"requests fit", resources, "if amount > 0 && amount > room[i] {", "if amount > 0 && amount > room[i]+1 {"},
		{"a pod takes one of the node's pods", resources, "if name == model.PodCount && v[i] == 0 {", "if name == model.PodCount && v[i] < 0 {"},
		{"bound pods take room", node, "n.room.add(x.podVector(spec.Pods[i].Requests), -1)", "n.room.add(x.podVector(spec.Pods[i].Requests), 0)"},
		{"bound pods take host ports", node, "n.ports = append(n.ports, spec.Pods[i].HostPorts...)", "n.ports = append(n.ports, spec.Pods[i].HostPorts[:0]...)"},
		{"host ports", node, "t.Port == w.Port && protocol(t)", "t.Port == -w.Port && protocol(t)"},
		{"host port protocol", node, "protocol(t) == protocol(w)", "protocol(t) != \"\""},
		{"host port address", node, "(anyIP(t.IP) || anyIP(w.IP) || t.IP == w.IP)", "(anyIP(t.IP) || anyIP(w.IP) || t.IP != \"-\")"},
		{"node name", node, "if r.Key != fieldNodeName || !holds(r, n.spec.Name, true) {", "if r.Key != fieldNodeName {"},
		{"unschedulable nodes", node, "func (n *node) admitsClass(c *class) bool {\n\tif n.spec.Unschedulable {", "func (n *node) admitsClass(c *class) bool {\n\tif n.spec == nil {"},
		{"taints of nodes", node, "untolerated(n.taints, c.pod.Tolerations, c.granted.taints && !n.indifferent)", "untolerated(nil, c.pod.Tolerations, c.granted.taints && !n.indifferent)"},
		{"affinity to nodes", node, "return n.admits(c.terms)", "return true"},
		{"ready nodes first", node, "return b.Launching\n", "return a.Launching\n"},
		{"DaemonSets to come on nodes", node, "n.room.add(x.podVector(daemon.Template.Requests), -1)", "n.room.add(x.podVector(daemon.Template.Requests), 0)"},
		{"ports of DaemonSets to come on nodes", node, "n.ports = append(n.ports, daemon.Template.HostPorts...)", "_ = n.ports"},
		{"DaemonSet pods that are there", node, "return true\n\t\t}\n\t}\n\treturn false\n}\n\nfunc (n *node) hasLabels", "return false\n\t\t}\n\t}\n\treturn false\n}\n\nfunc (n *node) hasLabels"},
		{"DaemonSets that do not run on a node", node, "return !off && n.admits(selectorTerms(&daemon.Template))", "return !off || n.admits(selectorTerms(&daemon.Template))"},
		{"DaemonSets on new nodes", "internal/engine/daemons.go", "c.room.add(share.vector, -1)", "c.room.add(share.vector, 0)"},
		{"DaemonSets where they run", "internal/engine/daemons.go", "sets[d] = s.admits(selectorTerms(&daemon.Template))", "sets[d] = fullBitset(len(s.configs))"},
		{"tolerations of DaemonSets", "internal/engine/daemons.go", "all = append(all, model.Toleration{Key: \"node.kubernetes.io/\" + name, Operator: \"Exists\"})", "_ = name"},
		{"ports of DaemonSets on new nodes", "internal/engine/occupancy.go", "o.ports = append(o.ports, pod.HostPorts...)", "_ = pod"},
	}
}

func topologyMutants() []mutant {
	const topup, topology, count, ledger, occupancy, selector = "internal/engine/topup.go", "internal/engine/topology.go", "internal/engine/topology_count.go", "internal/engine/ledger.go", "internal/engine/occupancy.go", "internal/engine/selector.go"
	return []mutant{
		{"pods tried together in another domain", topup, "a = s.resume(known) // without", "_ = a // without"},
		{"nodes on their way are spread over like new ones", ledger, "(r.axis.late[d] || l.rules[r.id].waits)", "l.rules[r.id].waits"},
		{"pods that wait for others are spread over new nodes too", ledger, "(r.axis.late[d] || l.rules[r.id].waits)", "r.axis.late[d]"},
		{"pods whose other spread waits are spread over new nodes too", "internal/engine/wait.go", "k.waits[t.rule], news = true, true", "news = false"},
		{"minDomains counts hosts that joined", ledger, "if exists && (r.axis.late == nil || !r.axis.late[d]) {", "if exists && d >= 0 {"},
		{"the last pods strand nobody", topup, "if s.p.draws() && len(s.stranded()) > 0 {", "if s.p.draws() && len(s.stranded()) < 0 {"},
		{"the last nodes open no domain", topup, "after.opened(s) && !s.keepsSpreads(after)", "after.opened(s) && s.p == nil"},
		{"pods placed together keep their rules", topup, "for admitted < count && a.allowed(c, pl) {", "for admitted < count && (admitted > 0 || a.allowed(c, pl)) {"},
		{"anti-affinity of the pod", ledger, "!(t.owns && tally.count[d] > 0)", "!(t.owns && tally.count[d] < 0)"},
		{"anti-affinity of planned pods", ledger, "!(t.matched && tally.own[d] > 0)", "!(t.matched && tally.own[d] < 0)"},
		{"anti-affinity of bound pods", count, "r.own[d]++", "r.own[d] += 0"},
		{"anti-affinity on a new node", occupancy, "if t.owns && o.match[r] > 0 || t.matched && o.own[r] > 0 {", "if t.owns && o.match[r] < 0 {"},
		{"anti-affinity to itself on a new node", occupancy, "if t.owns && t.matched {\n\t\t\treturn min(want, 1)", "if t.owns && t.matched {\n\t\t\treturn want"},
		{"affinity", ledger, "return d >= 0 && (tally.count[d] > 0 || t.matched && l.opens(t.rule))", "return true"},
		{"the first pod of an affinity", ledger, "t.matched && l.opens(t.rule))", "false && l.opens(t.rule))"},
		{"namespaces of affinity", selector, "if !contains(m.namespaces, namespace) || !selects(m.selector, labels) {", "if !selects(m.selector, labels) {"},
		{"pods that run already count", count, "r.count[d]++", "r.count[d] += 0"},
		{"pods on their way out do not count for spread", count, "leaving := r.kind == spreadRule && n.spec.Pods[j].Terminating", "leaving := false && n.spec.Pods[j].Terminating"},
		{"pods on their way out count for affinity", count, "leaving := r.kind == spreadRule && n.spec.Pods[j].Terminating", "leaving := n.spec.Pods[j].Terminating"},
		{"maxSkew", ledger, "if t.owns && next-l.floor(t.rule, d) > int32(t.maxSkew) {", "if t.owns && next-l.floor(t.rule, d) > int32(t.maxSkew)+2 {"},
		{"maxSkew on one node", occupancy, "want = min(want, t.maxSkew-int(o.match[r]))", "want = min(want, t.maxSkew+1-int(o.match[r]))"},
		{"minDomains", ledger, "if t.domains < r.minDomains || t.domains == 0 {", "if t.domains == 0 {"},
		{"nodeAffinityPolicy Honor", topology, "r.nodes[i] = n.hasLabels(keys) && (s.IgnoreNodeAffinity || n.admits(c.terms))", "r.nodes[i] = n.hasLabels(keys)"},
		{"nodeAffinityPolicy Ignore", topology, "r.nodes[i] = n.hasLabels(keys) && (s.IgnoreNodeAffinity || n.admits(c.terms))", "r.nodes[i] = n.hasLabels(keys) && n.admits(c.terms)"},
		{"nodeTaintsPolicy Honor", topology, "r.nodes[i] = !off", "_ = off"},
		{"spread needs the topology label", topology, "r.nodes[i] = n.hasLabels(keys) && (s.", "r.nodes[i] = (s."},
		{"matchLabelKeys of spread", selector, "m.same[key] = value", "_ = value"},
		{"an empty selector of a spread", selector, "m.selector = nil\n", "_ = m.selector\n"},
		{"ScheduleAnyway is no rule", topology, "!s.ScheduleAnyway {\n\t\t\towned = t.spread(", "s != nil {\n\t\t\towned = t.spread("},
		{"preferred anti-affinity is no rule", topology, "if requires(term) {\n\t\t\taway", "if true {\n\t\t\taway"},
		{"preferred affinity is no rule", topology, "if requires(term) {\n\t\t\trules", "if true {\n\t\t\trules"},
		{"affinity terms hold together", topology, "r.siblings = append(r.siblings, sibling)", "_ = sibling"},
		{"planned pods count for all terms", ledger, "if l.rules[sibling.id].total > 0 {", "if sibling.total > 0 {"},
		{"nodes without the topology key", topology, "a.ofNode[i] = -1\n", "a.ofNode[i] = 0\n"},
	}
}

func bundleMutants() []mutant {
	const bundle, order, stack, follow = "internal/engine/bundle.go", "internal/engine/bundle_order.go", "internal/engine/bundle_stack.go", "internal/engine/follow.go"
	return []mutant{
		{"a bundle has what its pods must be beside", stack, "if !s.meets.has(r) {", "if r < 0 {"},
		{"other rules of a bundle's pods", "internal/engine/occupancy.go", "if o.room(of.demand.class, of.count, true) < of.count {", "if o.room(of.demand.class, of.count, true) < 0 {"},
		{"other rules while a bundle grows", stack, "return b.buffer.room(x.demand.class, most, true)", "return most"},
		{"where a bundle may be", stack, "s.configs.and(x.configs)", "_ = x.configs"},
		{"an affinity opens one node", order, "return x.opens && !slices.ContainsFunc(x.owns, b.met.has)", "return x.opens"},
		{"who must follow does not open a node", order, "behind > most", "behind > most && best < 0"},
		{"more important pods of a bundle", bundle, "cmp.Compare(y.demand.class.pod.Priority, x.demand.class.pod.Priority)", "0"},
		{"pods go where others can be beside them", follow, "configs.and(fits)", "configs.or(fits)"},
		{"a full node draws no pod that others must be beside", "internal/engine/place.go", "(of == nil || !of.anew)", "(of == nil || of.anew)"},
	}
}

func poolMutants() []mutant {
	const pool, config, launch = "internal/engine/pool.go", "internal/engine/config.go", "internal/engine/launch.go"
	return []mutant{
		{"requirements of a pool", config, "if !c.meets(p.spec.Requirements) {", "if !c.meets(nil) {"},
		{"taints of a pool", config, "_, off := untolerated(p.taints, tolerations, soft)\n", "_, off := untolerated(p.taints, tolerations, soft)\n\t\toff = false\n"},
		{"weight of a pool", pool, "return a.Weight > b.Weight", "return a.Weight < b.Weight"},
		{"a pool that is not ready", pool, "if spec.NotReadyReason != \"\" {", "if spec.NotReadyReason == \"-\" {"},
		{"limits", pool, "p.limit = append(p.limit, spec.Limits[name])", "p.limit = append(p.limit, 1<<60)"},
		{"what counts against limits already", pool, "p.usage = append(p.usage, spec.Usage[name])", "p.usage = append(p.usage, 0)"},
		{"the limit of nodes", config, "capacity[i] = 1\n", "capacity[i] = 0\n"},
		{"minValues", pool, "if r.MinValues > 1 {", "if r.MinValues > 1000 {"},
		{"several NodeClasses", config, "catalog := snapshot.Catalogs[p.spec.NodeClass]", "catalog := snapshot.Catalogs[\"default\"]"},
		{"labels of a pool", config, "if value, ok := c.pool.spec.Labels[key]; ok {", "if value, ok := c.pool.spec.Labels[key]; ok && key == \"\" {"},
		{"labels that a pool declares", pool, "candidates[value] = true\n\t}\n\tvar values", "_ = value\n\t}\n\tvar values"},
		{"offerings without capacity", config, "func (c *config) available() bool { return c.offering.UnavailableReason == \"\" }", "func (c *config) available() bool { return true }"},
		{"unknown prices", config, "if price := offerings[i].PricePerHour; price > 0 &&", "if price := offerings[i].PricePerHour; price >= 0 &&"},
		{"the number of offerings of a launch", launch, "if len(o.picked) >= s.p.settings.MaxOfferings {", "if len(o.picked) < 0 {"},
	}
}

func volumeMutants() []mutant {
	const volumes, class = "internal/engine/volumes.go", "internal/engine/class.go"
	return []mutant{
		{"attach limits", volumes, "room[volumeResource+driver] = limit\n", "room[volumeResource+driver] = unlimitedVolume\n"},
		{"drivers without a limit", volumes, "if !known {\n\t\t\troom[volumeResource+driver], room[sharedResource+driver] = unlimitedVolume, unlimitedVolume", "if !known {\n\t\t\troom[volumeResource+driver], room[sharedResource+driver] = 0, 0"},
		{"volumes of bound pods", volumes, "for _, v := range n.Pods[i].Volumes {", "for _, v := range n.Pods[i].Volumes[:0] {"},
		{"volumes that are left attached", volumes, "for _, v := range n.Attached {", "for _, v := range n.Attached[:0] {"},
		{"a shared volume counts once", volumes, "requests[sharedResource+v.Driver] = 1", "requests[volumeResource+v.Driver]++"},
		{"room for a shared volume", volumes, "if limit >= 0 {", "if true {"},
		{"a volume that a pod mounts twice", volumes, "first = first && identity(other) != identity(v)", "_ = other"},
		{"a ReadWriteOncePod volume of a running pod", volumes, "user, inUse := a.running[identity(v)]", "user, inUse := a.running[model.Volume{}]"},
		{"a ReadWriteOncePod volume of several pending pods", volumes, "user, inUse = other.String(), true\n", "user, inUse = other.String(), false\n"},
		{"who gets a ReadWriteOncePod volume", volumes, "return a.Priority > b.Priority", "return a.Priority < b.Priority"},
		{"a ReadWriteOncePod volume passes on", volumes, "return news\n", "return false\n"},
		{"what blocks a pod", class, "if len(pod.Blocked) > 0 {", "if len(pod.Blocked) > 100 {"},
		{"what is not supported", class, "if len(pod.Unsupported) > 0 {", "if len(pod.Unsupported) > 100 {"},
	}
}

func fairnessMutants() []mutant {
	const ration, prefer, problem, node, enforce = "internal/engine/ration.go", "internal/engine/prefer.go", "internal/engine/problem.go", "internal/engine/node.go", "internal/engine/enforce.go"
	return []mutant{
		{"a preference lets no part of a group in", "internal/engine/prefer.go", "c.pod.Group != \"\" && mine != theirs", "c.pod.Group == \"-\""},
		{"priority", ration, "if alone.missingAbove(priority, s) {", "if false && alone.missingAbove(priority, s) {"},
		{"what higher priorities leave", ration, "best, least = next, middle", "most = middle"},
		{"pods held back are planned beside", ration, "s.beside(s.p.settings.MaxSteps)", "_ = s"},
		{"priority decides who opens a domain", enforce, "return newReplay(s.p).bindByPriority(groups)", "return left"},
		{"nobody decides who opens among equals", enforce, "if g.class.selectsItself() {", "if false && g.class.selectsItself() {"},
		{"preferred affinity waits for nobody", enforce, "t.owns && !t.wish &&", "t.owns &&"},
		{"minValues of an on-demand share within limits", "internal/engine/spot.go", "ok && y.isCharged(b, i) {", "ok {"},
		{"pod groups", ration, "if started && placed[g.Name] < g.MinCount &&", "if started && placed[g.Name] < 0 &&"},
		{"more than minCount", ration, "placed[g.Name] < g.MinCount &&", "placed[g.Name] <= g.MinCount &&"},
		{"running pods of a group", ration, "counts[pod.Group]++", "_ = pod"},
		{"groups that are not complete", ration, "if exist[g.Name] < g.MinCount {", "if exist[g.Name] < 0 {"},
		{"preferences that are free", prefer, "case next.keepsPlaces(c.best) && next.cost <= c.best.cost:", "case false:"},
		{"preferences that cost", prefer, "case next.keepsPlaces(c.best) && next.cost <= c.best.cost:", "case next.keepsPlaces(c.best):"},
		{"preferred node affinity", prefer, "c.granted.nodes = append(c.granted.nodes, c.pod.PreferredNodeAffinity[w.index].Term)", "_ = c"},
		{"preferred pod affinity", prefer, "c.granted.near = append(c.granted.near, c.pod.PodAffinity[w.index])", "_ = c"},
		{"preferred pod anti-affinity", prefer, "c.granted.away = append(c.granted.away, c.pod.PodAntiAffinity[w.index])", "_ = c"},
		{"ScheduleAnyway", prefer, "c.granted.spread = append(c.granted.spread, c.pod.TopologySpread[w.index])", "_ = c"},
		{"soft taints", prefer, "c.granted.taints = true", "_ = c"},
		{"pools that ignore preferences", problem, "set.or(p.indifferent)", "_ = p.indifferent"},
		{"preferred nodes by name", prefer, "if len(preferred.Term.Fields)+len(preferred.Term.Labels) > 0 {", "if len(preferred.Term.Labels) > 0 {"},
		{"preferences on nodes", node, "if !n.indifferent && !n.meets(term) {", "if n.indifferent && !n.meets(term) {"},
		{"the scheduler's own spreading", "internal/engine/prefer_default.go", "if next.cost <= c.best.cost {", "if next.cost < 0 {"},
	}
}

func observeMutants() []mutant {
	const pods, places, created = "internal/observe/pods.go", "internal/observe/places.go", "internal/translate/defaults.go"
	const volumes, groups, admission, attachments = "internal/observe/volumes.go", "internal/observe/groups.go", "internal/translate/admission.go", "internal/observe/attachments.go"
	return []mutant{
		{"resizes", pods, "UseStatusResources: true, ", ""},
		{"pod-level resizes", pods, "InPlacePodLevelResourcesVerticalScalingEnabled: true", "InPlacePodLevelResourcesVerticalScalingEnabled: false"},
		{"pods that are promised to a node", places, "if node := p.nodes[pod.Status.NominatedNodeName]; node != nil && !leaving {", "if node := p.nodes[\"\"]; node != nil {"},
		{"scheduling gates", pods, "if !IsWaiting(pod) || len(pod.Spec.SchedulingGates) > 0 {", "if !IsWaiting(pod) {"},
		{"pods on their way out", pods, "translated.Terminating = pod.DeletionTimestamp != nil", "translated.Terminating = false"},
		{"namespaceSelector", pods, "if selector.Matches(labels.Set(namespaceLabels)) {", "if selector.Empty() && selector.Matches(labels.Set(namespaceLabels)) {"},
		{"zones in labels of volumes", volumes, "if values := volume.Labels[key]; values != \"\" {", "if values := volume.Labels[key]; values == \"-\" {"},
		{"allowedTopologies", volumes, "alternatives = append(alternatives, term)", "_ = term"},
		{"a volume that is being made for a node", volumes, "both(allowed(class), selected(claim))", "allowed(class)"},
		{"a class that binds at once", volumes, "*class.VolumeBindingMode == storagev1.VolumeBindingImmediate", "*class.VolumeBindingMode == \"\""},
		{"volumes made by hand", volumes, "case class.Provisioner == noProvisioner:", "case class.Provisioner == \"\":"},
		{"minCount", groups, "return group{minCount: int(found.Spec.SchedulingPolicy.Gang.MinCount)}, nil", "return group{}, nil"},
		{"minMember", groups, "return group{minCount: int(least)}, err", "return group{minCount: int(least) - 1}, err"},
		{"limits of drivers", attachments, "limits[driver.Name] = int64(*driver.Allocatable.Count)", "_ = driver"},
		{"ReadWriteOncePod", attachments, "slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteOncePod)", "slices.Contains(claim.Spec.AccessModes, \"\")"},
		{"services spread their pods", "internal/observe/spreading.go", "selector.MatchLabels[key] = value\n\t\t\t}\n\t\t}\n\t}\n\towner", "selector.MatchLabels[value] = key\n\t\t\t}\n\t\t}\n\t}\n\towner"},
		{"preference policy", "internal/observe/pools.go", "pool.IgnorePreferences = true", "pool.IgnorePreferences = false"},
		{"matchLabelKeys of affinity", admission, "add(match, model.In)", "add(nil, model.In)"},
		{"mismatchLabelKeys of affinity", admission, "add(mismatch, model.NotIn)", "add(nil, model.NotIn)"},
		{"label keys are merged once", admission, "if ok && !hasRequirement(selector.Requirements, wanted) {", "if ok {"},
		{"requests that follow from limits", created, "into[name] = amount.DeepCopy()", "_ = amount"},
		{"ports of the host's network", created, "ports[i].HostPort = ports[i].ContainerPort", "_ = ports[i]"},
		{"resource claims", admission, "if len(pod.Spec.ResourceClaims) > 0 {", "if len(pod.Spec.ResourceClaims) > 100 {"},
		{"attach limits of types", "internal/instancetype/attach.go", "limit -= f.devices()", "_ = f"},
	}
}

func groupMutants() []mutant {
	const groups, solve, config, zones = "internal/engine/groups.go", "internal/engine/groups_solve.go", "internal/engine/config.go", "internal/engine/groups_zones.go"
	return []mutant{
		{"nodes of groups that may count open domains", "internal/engine/groups_doubt.go", "counts = counts || r.configs.has(i) || r.unsure.has(i)", "counts = counts || r.configs.has(i)"},
		{"the least room of a group's types", groups, "least.Allocatable = leastOf(least.Allocatable, next.Allocatable)", "_ = next.Allocatable"},
		{"labels that a group's types share", groups, "if values := groupValues(g, key); len(values) == 1 && values[0].present {", "if values := groupValues(g, key); values[0].present {"},
		{"labels that depend on what a group brings", "internal/engine/groups_doubt.go", "if !one.surelyHolds(r) {", "if one.surelyHolds(r) && false {"},
		{"topology by such labels", "internal/engine/groups_doubt.go", "if p.doubtfulAt(c, i) ||", "if p.doubtfulAt(c, i) && i < 0 ||"},
		{"spreads that may count a group's node or not", "internal/engine/groups_doubt.go", "len(p.space.configs[config].doubts(r.axis.key)) > 0 || r.unsure.has(config)", "len(p.space.configs[config].doubts(r.axis.key)) > 0"},
		{"zones that ties leave open", "internal/model/zones.go", "return below(level+1) > instances", "return below(level) >= instances"},
		{"a zone beyond what is certain", zones, "limits[zoneLimit+zone] = int64(p.most[zone])", "limits[zoneLimit+zone] = int64(p.most[zone]) + 9"},
		{"growth that makes a zone certain", solve, "p.growth[name] = max(count, growthFor(g, wanted[name]))", "p.growth[name] = count"},
		{"what a group is still about to bring", zones, "sure[zone] -= count\n", "sure[zone] -= 0 * count\n"},
		{"types of different weight promise no zone", zones, "if max(g.Types[i].Weight, 1) != int(groupUnit(g)) {", "if g.Types[i].Weight < 0 {"},
		{"mixed buying promises no zone", zones, "case certainCapacityType(g, max(groupRoom(g), 1)) == \"\":", "case g.Name == \"\":"},
		{"a dry zone promises nothing", zones, "one.UnavailableReason = p.dry[zone]\n", "_ = zone\n"},
		{"a zone that failed promises nothing", zones, "case doubt != \"\" || own != \"\":", "case doubt != \"\":"},
		{"zones in which a group never buys", groups, "range g.BuysFrom(t) {", "range t.Offerings {"},
		{"groups on demand take nothing from Spot pools", "internal/model/bought.go", "(o.CapacityType == Spot) == spot", "o.CapacityType != \"\""},
		{"domains that only an earlier pass opened", "internal/engine/solve.go", "if known := s.keptDomains(); known != nil {", "if known := s.keptDomains(); known != nil && s.placed < 0 {"},
		{"zones that a growing group may open", "internal/engine/groups_doubt.go", "grows && counts && one.present {", "grows && counts && !one.present {"},
		{"preferences do not ask for zones of groups", "internal/engine/groups_tied.go", "return g.mentions(isZone)", "return g.mentions(isZone) && false"},
		{"preferred spread does not ask for zones of groups", "internal/engine/groups_tied.go", "for _, s := range g.spread {\n\t\tif about(s.TopologyKey) {", "for _, s := range g.spread {\n\t\tif s.TopologyKey == \"\" {"},
		{"the zone that needs the least growth", "internal/engine/place.go", "pl.depth = a.p.leastDepth(pl.region.tierConfigs(a.p))", "pl.depth = 0"},
		{"zones that are not known yet are waited for", zones, "case unknownOnTheWay(g) > 0:", "case unknownOnTheWay(g) > 9:"},
		{"a node that is right in any zone", "internal/engine/groups_untie.go", "if !trial.keepsRules() {", "if trial.bins == nil {"},
		{"spread of a node in any zone", "internal/engine/groups_untie.go", "return !t.owns || !l.skewed(t, d)", "return true"},
		{"hope within the maximum size", solve, "if as.hopeful = false; !best.fits(snapshot) {", "if as.hopeful = false; false {"},
		{"a surplus costs", solve, "cost += int64(size.Surplus) *", "cost += 0 *"},
		{"DaemonSets that may come with a group's node", "internal/engine/daemons.go", "s.mayAdmit(sets[d], selectorTerms(&daemon.Template))", "_ = d"},
		{"maximum size of a group", groups, "Limits: model.Resources{limitNodes: int64(g.Max)}", "Limits: model.Resources{limitNodes: int64(g.Max) + 1}"},
		{"weights of a group's types", "internal/model/bought.go", "unit = max(unit, g.Types[i].Weight)", "unit = max(unit, 0*i)"},
		{"a group's pools without capacity", groups, "if first == \"\" {\n\t\t\t\tfirst = o.UnavailableReason", "if first == \"-\" {\n\t\t\t\tfirst = o.UnavailableReason"},
		{"on-demand base", "internal/model/bought.go", "base := min(size, g.OnDemandBase)", "base := min(size, 0)"},
		{"Karpenter's labels are not on a group's nodes", config, "return c.groupLabel(key)\n", "_ = key\n"},
	}
}

func boughtMutants() []mutant {
	const bought, doubt, shares = "internal/engine/groups_bought.go", "internal/engine/groups_doubt.go", "internal/model/bought.go"
	return []mutant{
		{"instances of which nobody knows how they were bought", bought, "case g.UnitsBought == nil:", "case g.UnitsBought == nil && g.Max < 0:"},
		{"more instances than a group wants", bought, "g.UnitsBought[model.Spot] > g.Desired:", "g.UnitsBought[model.Spot] > g.Desired+9:"},
		{"a way to buy beyond what is certain", bought, "p.most[name] = boughtOf(g, groupRoom(g), way)", "p.most[name] = boughtOf(g, groupRoom(g), way) + 9"},
		{"growth that makes a way to buy certain", bought, "model.CapacityType(way)) < count {", "model.CapacityType(way)) < 0*count {"},
		{"taints by how a node is bought", bought, "return own.taints\n", "return own.taints[:0]\n"},
		{"taints that a node may have", bought, "\treturn c.pool.taints\n", "\treturn nil\n"},
		{"DaemonSets that one way to buy lets in", bought, "if p.bought != nil && s.configs[i].mayTolerate(tolerations) {", "if p.bought != nil && s.configs[i].mayTolerate(tolerations) && i < 0 {"},
		{"labels by how a node is bought", doubt, "if value, ok := lookup(own.labels, key); ok {", "if value, ok := lookup(own.labels, key); ok && value == \"\" {"},
		{"preferences do not ask for a way to buy", "internal/engine/groups_tied.go", "if about(r.Key) {", "if about(r.Key) && r.Key == \"\" {"},
		{"a label that is decided at boot", "internal/engine/groups.go", "return !p.unknown && holds(r, p.value, p.present)", "return holds(r, p.value, p.present)"},
		{"instances on demand that a group has", shares, "have = g.UnitsBought[OnDemand] + coming", "have = g.OnDemandAt(g.Desired) + 0*coming"},
		{"units that are on their way", shares, "onDemand = min(max(g.OnDemandAt(g.Desired)-has, 0), missing)", "onDemand = 0 * missing"},
	}
}

func spotMutants() []mutant {
	const spot, launch = "internal/engine/spot.go", "internal/engine/launch.go"
	const replace, worth = "internal/engine/replace.go", "internal/engine/replace_worth.go"
	return []mutant{
		{"interruptions cost", spot, "factor += float64(rate/hoursPerMonth) * lostHours(settings)", "factor += 0 * rate"},
		{"interruptions of node groups cost", "internal/engine/groups.go", "offering.InterruptionRate = expectedRate(g, max(growth, 1))", "_ = offering"},
		{"the price is what a node is sold for", "internal/engine/engine.go", "cost+first.listed(), interruptions", "cost+first.price, interruptions"},
		{"no Spot pool has too much of a workload", spot, "if y.parts > 1 && y.matters(counts) {", "if y.parts > 9 && y.matters(counts) {"},
		{"pods that run in a pool count", "internal/engine/spot_workloads.go", "y.workloads[id].load[pool]++", "_ = pool"},
		{"a workload on one node is left alone", spot, "if count < y.workloads[id].pods {", "if count <= y.workloads[id].pods {"},
		{"pools are dealt out", spot, "best, bestOver = purchased{list, at}, over", "best, bestOver = purchased{spot, at}, over"},
		{"diversity within the tolerance", spot, "y.p.space.configs[list[0]].price > most || !y.suits(b, list)", "most < 0 || !y.suits(b, list)"},
		{"diversity keeps minValues", spot, "if len(seen) < r.MinValues {", "if len(seen) < 0*r.MinValues {"},
		{"several shares", spot, "y.parts = int(math.Ceil(1/share - 1e-9))", "y.parts = 2"},
		{"places for on demand", spot, "kept := min(len(onDemand), max(most/6, 1), max(most-1, 0))", "kept := 0 * min(len(onDemand), most)"},
		{"on-demand base of a NodePool", "internal/engine/spot_share.go", "base := min(max(share.Base, 0), nodes)", "base := 0 * share.Base"},
		{"on-demand percentage is rounded up", "internal/engine/spot_share.go", "min(max(share.Percentage, 0), 100)+99)/100", "min(max(share.Percentage, 0), 100))/100"},
		{"on-demand nodes that run count", "internal/engine/spot_share.go", "missing := sharedOnDemand(pool.spec.OnDemand, have) - onDemand", "missing := sharedOnDemand(pool.spec.OnDemand, have) - 0*onDemand"},
		{"a move must save enough", replace, "if saves < saved(old.bar.cost, leastSaving) {", "if saves < 0 {"},
		{"a move leaves no pod without a place", replace, "placedBy(&plan) < placedBy(&m.base)+moved ||", "placedBy(&plan) < 0*moved ||"},
		{"a node of others is not a replacement", replace, "case mine < len(launch.Pods) || found != nil:", "case found != nil:"},
		{"pods move as they will ask", replace, "if old.Pods != nil {", "if old.Pods == nil {"},
		{"a move to a new node only", replace, "} else if m.moves.NewNodesOnly {", "} else if m.moves.NewNodesOnly && false {"},
		{"a replacement lists what saves", worth, "return withInterruptions(offering, m.settings) <= b.most", "return withInterruptions(offering, m.settings) <= 9*b.most"},
		{"Spot to Spot needs a choice", worth, "if len(types) < spotFlexibility {", "if len(types) < 1 {"},
		{"Spot to Spot keeps to the cheapest", worth, "m.fewer(launch.Offerings[:i+1], len(types))", "m.fewer(launch.Offerings, len(types))"},
		{"a pool that was dearer lately", worth, "max(offering.HighestPrice, offering.PricePerHour)", "offering.PricePerHour"},
		{"a node that was cheaper lately", worth, "min(own.LowestPrice, node.PricePerHour)", "node.PricePerHour"},
		{"Spot to calmer Spot", worth, "offering.InterruptionRate <= b.rate &&", "offering.InterruptionRate <= 1 &&"},
		{"pools that took nodes back", worth, "!m.moves.Restless[offering.OfferingKey]", "!m.moves.Restless[model.OfferingKey{}]"},
		{"a move keeps minValues", worth, "if len(values) < r.MinValues {", "if len(values) < 0*r.MinValues {"},
		{"a fallback says so", launch, "launch.SpotFallback = s.spotMissed(b, first)", "_ = first"},
	}
}
