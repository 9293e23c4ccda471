package scenario

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// Print writes a snapshot as a scenario that Parse reads back. Pods that differ
// in nothing but their name become one line, and are counted from 0 again. What
// the language has no words for is left out.
func Print(snapshot *model.Snapshot, settings model.Settings) string {
	var lines []string
	lines = append(lines, settingLines(settings)...)
	for _, class := range sortedKeys(snapshot.Catalogs) {
		if class != "default" {
			lines = append(lines, "catalog "+class)
		}
		lines = append(lines, catalogLines(snapshot.Catalogs[class])...)
	}
	for i := range snapshot.NodePools {
		lines = append(lines, poolLines(&snapshot.NodePools[i])...)
	}
	for i := range snapshot.NodeGroups {
		lines = append(lines, nodeGroupLines(&snapshot.NodeGroups[i])...)
	}
	for i := range snapshot.DaemonSets {
		d := &snapshot.DaemonSets[i]
		lines = append(lines, "daemonset "+words(d.Name, podWords(&d.Template, d.Name, "kube-system")))
	}
	for i := range snapshot.Nodes {
		lines = append(lines, nodeLine(&snapshot.Nodes[i]))
		lines = append(lines, podLines("bound", snapshot.Nodes[i].Pods)...)
	}
	for _, g := range snapshot.PodGroups {
		lines = append(lines, fmt.Sprintf("group %s min=%d", g.Name, g.MinCount))
	}
	lines = append(lines, podLines("pod", snapshot.Pending)...)
	return strings.Join(lines, "\n") + "\n"
}

func words(name string, list []string) string {
	return strings.Join(append([]string{name}, list...), " ")
}

func settingLines(settings model.Settings) []string {
	var lines []string
	if settings.MaxOfferings > 0 {
		lines = append(lines, fmt.Sprintf("setting maxOfferings=%d", settings.MaxOfferings))
	}
	if settings.MaxSteps > 0 {
		lines = append(lines, fmt.Sprintf("setting maxSteps=%d", settings.MaxSteps))
	}
	lines = append(lines, spotSettingLines(settings)...)
	if settings.IgnorePreferences {
		lines = append(lines, "setting ignorePreferences")
	}
	return lines
}

// catalogLines give every type the price of its first on-demand offering and
// note where offerings differ from that.
func catalogLines(catalog model.Catalog) []string {
	zones := map[string]bool{}
	for _, o := range catalog.Offerings {
		zones[o.Zone] = true
	}
	if len(zones) == 0 {
		zones["a"] = true
	}
	lines := []string{"zones " + strings.Join(sortedKeys(zones), " ")}
	for _, kind := range catalog.InstanceTypes {
		offered := map[string]model.Offering{}
		var price *float64
		for i, o := range catalog.Offerings {
			if o.InstanceType != kind.Name {
				continue
			}
			offered[o.Zone+"/"+string(o.CapacityType)] = o
			if price == nil && o.CapacityType == model.OnDemand {
				price = &catalog.Offerings[i].PricePerHour
			}
		}
		line := words("type "+kind.Name, kindWords(&kind))
		if price != nil {
			line += " price=" + number(*price)
		} else {
			price = new(float64)
		}
		lines = append(lines, line)
		for _, zone := range sortedKeys(zones) {
			key := zone + "/" + string(model.OnDemand)
			if _, there := offered[key]; !there {
				lines = append(lines, "offering "+kind.Name+"/"+zone+" absent")
			}
		}
		lines = append(lines, offeringLines(offered, *price)...)
	}
	return lines
}

func kindWords(kind *model.InstanceType) []string {
	list := amountWords("", kind.Allocatable)
	for _, name := range kind.Capacity.Names() {
		if amount := kind.Capacity[name]; amount != kind.Allocatable[name] {
			list = append(list, "capacity."+name+"="+quantity(name, amount))
		}
	}
	for _, key := range sortedKeys(kind.Labels) {
		value := kind.Labels[key]
		if key == longKey("type") && value == kind.Name || key == longKey("arch") && value == "amd64" {
			continue
		}
		list = append(list, "label."+key+"="+value)
	}
	return append(list, limitWords(kind.AttachLimits)...)
}

func offeringLines(offered map[string]model.Offering, price float64) []string {
	var lines []string
	for _, key := range sortedKeys(offered) {
		o := offered[key]
		name := "offering " + o.InstanceType + "/" + o.Zone
		if o.CapacityType != model.OnDemand {
			name += "/" + string(o.CapacityType)
		}
		if o.CapacityType != model.OnDemand || o.PricePerHour != price {
			lines = append(lines, name+" price="+number(o.PricePerHour))
		}
		if o.InterruptionRate != 0 {
			lines = append(lines, name+" interrupted="+number(o.InterruptionRate))
		}
		if o.UnavailableReason != "" {
			lines = append(lines, name+" unavailable="+underscores(o.UnavailableReason))
		}
	}
	return lines
}

func poolLines(pool *model.NodePool) []string {
	var list []string
	if pool.NodeClass != "default" {
		list = append(list, "class="+pool.NodeClass)
	}
	if pool.Weight != 0 {
		list = append(list, fmt.Sprintf("weight=%d", pool.Weight))
	}
	list = append(list, amountWords("limit.", pool.Limits)...)
	list = append(list, amountWords("used.", pool.Usage)...)
	list = append(list, pairWords("label.", pool.Labels)...)
	for _, t := range pool.Taints {
		list = append(list, "taint="+taintWord(t))
	}
	for _, t := range pool.StartupTaints {
		list = append(list, "startupTaint="+taintWord(t))
	}
	if pool.OnDemand != nil {
		list = append(list, fmt.Sprintf("onDemand=%d/%d", pool.OnDemand.Base, pool.OnDemand.Percentage))
	}
	if pool.IgnorePreferences {
		list = append(list, "preferences=ignore")
	}
	if pool.NotReadyReason != "" {
		list = append(list, "notReady="+underscores(pool.NotReadyReason))
	}
	lines := []string{words("pool "+pool.Name, list)}
	for _, r := range pool.Requirements {
		lines = append(lines, "require "+requirementWord(r))
	}
	return lines
}

func nodeLine(node *model.Node) string {
	list := amountWords("", node.Allocatable)
	for _, key := range sortedKeys(node.Labels) {
		if key == longKey("zone") {
			list = append(list, "zone="+node.Labels[key])
		} else {
			list = append(list, "label."+key+"="+node.Labels[key])
		}
	}
	for _, t := range node.Taints {
		word := "taint="
		for _, s := range node.StartupTaints {
			if s == t {
				word = "startupTaint="
			}
		}
		list = append(list, word+taintWord(t))
	}
	list = append(list, limitWords(node.AttachLimits)...)
	for _, v := range node.Attached {
		list = append(list, "attached="+volumeWord(v))
	}
	if node.NodePool != "" {
		list = append(list, "pool="+node.NodePool)
	}
	if node.Launching {
		list = append(list, "launching")
	}
	if node.Unschedulable {
		list = append(list, "unschedulable")
	}
	return words("node "+node.Name, list)
}

func amountWords(prefix string, amounts model.Resources) []string {
	var list []string
	for _, name := range amounts.Names() {
		list = append(list, prefix+name+"="+quantity(name, amounts[name]))
	}
	return list
}

// quantity is the shortest way to write an amount.
func quantity(resource string, amount int64) string {
	switch {
	case resource == model.CPU && amount%1000 == 0:
		return strconv.FormatInt(amount/1000, 10)
	case resource == model.CPU:
		return strconv.FormatInt(amount, 10) + "m"
	case amount != 0 && amount%(1<<30) == 0:
		return strconv.FormatInt(amount>>30, 10) + "Gi"
	case amount != 0 && amount%(1<<20) == 0:
		return strconv.FormatInt(amount>>20, 10) + "Mi"
	}
	return strconv.FormatInt(amount, 10)
}

func limitWords(limits map[string]int64) []string {
	var list []string
	for _, driver := range sortedKeys(limits) {
		list = append(list, fmt.Sprintf("attach.%s=%d", driver, limits[driver]))
	}
	return list
}

func pairWords(prefix string, pairs map[string]string) []string {
	var list []string
	for _, key := range sortedKeys(pairs) {
		list = append(list, prefix+key+"="+pairs[key])
	}
	return list
}

func taintWord(t model.Taint) string {
	if t.Value == "" {
		return t.Key + ":" + string(t.Effect)
	}
	return t.Key + "=" + t.Value + ":" + string(t.Effect)
}

func number(price float64) string { return strconv.FormatFloat(price, 'g', -1, 64) }

func underscores(text string) string { return strings.ReplaceAll(text, " ", "_") }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
