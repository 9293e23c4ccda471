package scenario

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// podLines writes pods of one name (up to the last dash) that are otherwise
// equal as one line.
func podLines(verb string, pods []model.Pod) []string {
	type group struct {
		name  string
		words []string
		count int
	}
	var groups []*group
	taken := map[string]bool{}
	for i := range pods {
		name := pods[i].Name
		if at := strings.LastIndex(name, "-"); at > 0 {
			name = name[:at]
		}
		list := podWords(&pods[i], name, "default")
		var same *group
		for _, g := range groups {
			if g.name == name && reflect.DeepEqual(g.words, list) {
				same = g
			}
		}
		if same == nil {
			if taken[name] {
				name = pods[i].Name
				list = podWords(&pods[i], name, "default")
			}
			same = &group{name: name, words: list}
			groups = append(groups, same)
			taken[name] = true
		}
		same.count++
	}
	var lines []string
	for _, g := range groups {
		list := g.words
		if g.count > 1 {
			list = append([]string{fmt.Sprintf("count=%d", g.count)}, list...)
		}
		lines = append(lines, verb+" "+words(g.name, list))
	}
	return lines
}

// podWords are all words of a pod of that name, the words that others depend on
// first.
func podWords(pod *model.Pod, name, namespace string) []string {
	var list []string
	if pod.Namespace != namespace {
		list = append(list, "namespace="+pod.Namespace)
	}
	requests := pod.Requests.Add(nil)
	if requests[model.PodCount] == 1 {
		delete(requests, model.PodCount)
	}
	list = append(list, amountWords("", requests)...)
	for _, word := range pairWords("label.", pod.Labels) {
		if word != "label.app="+name {
			list = append(list, word)
		}
	}
	if pod.Priority != 0 {
		list = append(list, fmt.Sprintf("priority=%d", pod.Priority))
	}
	if pod.OwnedByDaemonSet && namespace != "kube-system" {
		list = append(list, "daemon")
	}
	if pod.Terminating {
		list = append(list, "terminating")
	}
	if pod.Group != "" {
		list = append(list, "group="+pod.Group)
	}
	list = append(list, nodeRuleWords(pod)...)
	list = append(list, podRuleWords(pod)...)
	for _, p := range pod.HostPorts {
		list = append(list, "port="+portWord(p))
	}
	for _, v := range pod.Volumes {
		v.ID = strings.ReplaceAll(v.ID, pod.Name, "*")
		list = append(list, "volume="+volumeWord(v))
	}
	for _, r := range pod.Blocked {
		list = append(list, "blocked="+string(r.Code)+":"+underscores(r.Message))
	}
	for _, text := range pod.Unsupported {
		list = append(list, "unsupported="+underscores(text))
	}
	return list
}

func nodeRuleWords(pod *model.Pod) []string {
	var list []string
	for _, key := range sortedKeys(pod.NodeSelector) {
		list = append(list, "select="+shortKey(key)+"="+pod.NodeSelector[key])
	}
	if len(pod.RequiredNodeAffinity) > 0 {
		var terms []string
		for _, term := range pod.RequiredNodeAffinity {
			terms = append(terms, termWord(term))
		}
		list = append(list, "affinity="+strings.Join(terms, "|"))
	}
	for _, p := range pod.PreferredNodeAffinity {
		list = append(list, fmt.Sprintf("prefer=%d@%s", p.Weight, termWord(p.Term)))
	}
	for _, t := range pod.Tolerations {
		list = append(list, "tolerate="+tolerationWord(t))
	}
	return list
}

func podRuleWords(pod *model.Pod) []string {
	var list []string
	for _, s := range pod.TopologySpread {
		list = append(list, spreadWord(s))
	}
	for _, t := range pod.PodAffinity {
		list = append(list, "near"+podTermWord(t))
	}
	for _, t := range pod.PodAntiAffinity {
		list = append(list, "away"+podTermWord(t))
	}
	return list
}

func spreadWord(s model.TopologySpread) string {
	word := "spread="
	if s.ScheduleAnyway {
		word = "spreadPreferred="
	}
	word += fmt.Sprintf("%s:%d:app=%s", shortKey(s.TopologyKey), s.MaxSkew, selectorWord(s.Selector))
	if s.MinDomains > 0 {
		word += fmt.Sprintf(":min=%d", s.MinDomains)
	}
	if s.HonorNodeTaints {
		word += ":taints"
	}
	if s.IgnoreNodeAffinity {
		word += ":anywhere"
	}
	if s.ClusterDefault {
		word += ":default"
	}
	if len(s.MatchLabelKeys) > 0 {
		word += ":keys=" + strings.Join(s.MatchLabelKeys, ",")
	}
	return word
}

func podTermWord(t model.PodAffinityTerm) string {
	word := "="
	if t.Weight > 0 {
		word = "Preferred="
	}
	word += shortKey(t.TopologyKey) + ":" + selectorWord(t.Selector)
	if t.Weight > 0 && t.Weight != defaultWeight {
		word += fmt.Sprintf(":weight=%d", t.Weight)
	}
	if len(t.Namespaces) > 0 {
		word += ":in=" + strings.Join(t.Namespaces, ",")
	}
	return word
}

func termWord(term model.NodeSelectorTerm) string {
	var parts []string
	for _, r := range append(append([]model.Requirement(nil), term.Labels...), term.Fields...) {
		parts = append(parts, requirementWord(r))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "&")
}

func requirementWord(r model.Requirement) string {
	word := shortKey(r.Key) + ":" + string(r.Operator)
	if len(r.Values) > 0 {
		word += ":" + strings.Join(r.Values, ",")
	}
	if r.MinValues > 0 {
		word += fmt.Sprintf(":min=%d", r.MinValues)
	}
	return word
}

func tolerationWord(t model.Toleration) string {
	signs := map[string]string{"": "=", "Equal": "=", "Gt": ">", "Lt": "<"}
	word := t.Key
	if sign, compares := signs[t.Operator]; compares {
		word += sign + t.Value
	}
	if t.Effect != "" {
		word += ":" + string(t.Effect)
	}
	if word == "" {
		return "*"
	}
	return word
}

func portWord(p model.HostPort) string {
	word := fmt.Sprint(p.Port)
	if p.IP != "" {
		word = p.IP + ":" + word
	}
	if p.Protocol != "TCP" {
		word += "/" + p.Protocol
	}
	return word
}

func volumeWord(v model.Volume) string {
	word := v.Driver + "/" + v.ID
	if v.Exclusive {
		word += ":exclusive"
	}
	return word
}

func shortKey(key string) string {
	for _, short := range []string{"zone", "host", "type", "arch", "capacity-type"} {
		if longKey(short) == key {
			return short
		}
	}
	return key
}
