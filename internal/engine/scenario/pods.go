package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// pods adds count pods called NAME-0, NAME-1, ... with the label app=NAME.
func (s *reader) pods(name string, words []string, to *[]model.Pod) error {
	pod := model.Pod{PodKey: model.PodKey{Namespace: "default", Name: name}, Requests: model.Resources{model.PodCount: 1},
		Labels: map[string]string{"app": name}}
	count := 1
	err := each(words, func(key, value string) (err error) {
		if key == "count" {
			count, err = strconv.Atoi(value)
			return err
		}
		return podWord(&pod, key, value)
	})
	for i := 0; i < count; i++ {
		next := pod
		next.Name = fmt.Sprintf("%s-%d", name, i)
		next.Volumes = nil
		for _, v := range pod.Volumes {
			v.ID = strings.ReplaceAll(v.ID, "*", next.Name)
			next.Volumes = append(next.Volumes, v)
		}
		*to = append(*to, next)
	}
	return err
}

func (s *reader) daemonSet(name string, words []string) error {
	d := model.DaemonSet{PodKey: model.PodKey{Namespace: "kube-system", Name: name}}
	d.Template = model.Pod{PodKey: d.PodKey, Requests: model.Resources{model.PodCount: 1}, OwnedByDaemonSet: true, Labels: map[string]string{"app": name}}
	err := each(words, func(key, value string) error { return podWord(&d.Template, key, value) })
	s.snapshot.DaemonSets = append(s.snapshot.DaemonSets, d)
	return err
}

func podWord(pod *model.Pod, key, value string) error {
	label, isLabel := strings.CutPrefix(key, "label.")
	switch {
	case isLabel:
		pod.Labels[label] = value
	case key == "namespace":
		pod.Namespace = value
	case key == "priority":
		n, err := strconv.Atoi(value)
		pod.Priority = int32(n)
		return err
	case key == "daemon":
		pod.OwnedByDaemonSet = true
	case key == "terminating":
		pod.Terminating = true
	case key == "group":
		pod.Group = value
	case key == "volume":
		pod.Volumes = append(pod.Volumes, volume(value))
	case key == "blocked":
		code, message, _ := strings.Cut(value, ":")
		pod.Blocked = append(pod.Blocked, model.Reason{Code: model.Code(code), Message: strings.ReplaceAll(message, "_", " ")})
	case key == "unsupported":
		pod.Unsupported = append(pod.Unsupported, strings.ReplaceAll(value, "_", " "))
	case key == "port":
		one, err := hostPort(value)
		pod.HostPorts = append(pod.HostPorts, one)
		return err
	case key == "tolerate":
		pod.Tolerations = append(pod.Tolerations, toleration(value))
	case key == "select" || key == "affinity" || key == "prefer":
		return nodeRule(pod, key, value)
	case strings.HasPrefix(key, "near") || strings.HasPrefix(key, "away") || strings.HasPrefix(key, "spread"):
		return podRule(pod, key, value)
	default:
		return set(&pod.Requests, key, value)
	}
	return nil
}

// hostPort reads [IP:]PORT[/PROTOCOL].
func hostPort(text string) (model.HostPort, error) {
	port := model.HostPort{Protocol: "TCP"}
	if before, protocol, found := strings.Cut(text, "/"); found {
		text, port.Protocol = before, protocol
	}
	if ip, rest, found := strings.Cut(text, ":"); found {
		port.IP, text = ip, rest
	}
	n, err := strconv.Atoi(text)
	port.Port = int32(n)
	return port, err
}

// toleration reads key[=value][:Effect], key>N, key<N, or * for everything.
func toleration(text string) model.Toleration {
	t := model.Toleration{Operator: "Exists"}
	if text == "*" {
		return t
	}
	if at := strings.LastIndex(text, ":"); at >= 0 {
		t.Effect, text = model.TaintEffect(text[at+1:]), text[:at]
	}
	t.Key = text
	for sign, operator := range map[string]string{"=": "Equal", ">": "Gt", "<": "Lt"} {
		if key, value, found := strings.Cut(text, sign); found {
			t.Key, t.Operator, t.Value = key, operator, value
		}
	}
	return t
}

// nodeRule reads select=KEY=VALUE, affinity=REQ&REQ|REQ (| separates
// alternatives), prefer=WEIGHT@REQ&REQ.
func nodeRule(pod *model.Pod, key, value string) error {
	switch key {
	case "select":
		if pod.NodeSelector == nil {
			pod.NodeSelector = map[string]string{}
		}
		k, v, _ := strings.Cut(value, "=")
		pod.NodeSelector[longKey(k)] = v
		return nil
	case "prefer":
		weight, text, _ := strings.Cut(value, "@")
		n, err := strconv.Atoi(weight)
		if err != nil {
			return err
		}
		term, err := nodeTerm(text)
		pod.PreferredNodeAffinity = append(pod.PreferredNodeAffinity, model.PreferredNodeSelectorTerm{Weight: int32(n), Term: term})
		return err
	}
	for _, text := range strings.Split(value, "|") {
		term, err := nodeTerm(text)
		if err != nil {
			return err
		}
		pod.RequiredNodeAffinity = append(pod.RequiredNodeAffinity, term)
	}
	return nil
}

func nodeTerm(text string) (model.NodeSelectorTerm, error) {
	var term model.NodeSelectorTerm
	if text == "nothing" {
		return term, nil // an empty term selects no node
	}
	for _, part := range strings.Split(text, "&") {
		r, err := requirement(part)
		if err != nil {
			return term, err
		}
		if r.Key == "metadata.name" {
			term.Fields = append(term.Fields, r)
		} else {
			term.Labels = append(term.Labels, r)
		}
	}
	return term, nil
}

// podRule reads near=KEY[:APP][:weight=N][:in=NAMESPACE,...], away= the same, and
// spread=KEY:SKEW[:WORD...] with the words app=, min=, taints, anywhere, keys=,
// default; APP, a selector, defaults to the pod's own.
func podRule(pod *model.Pod, key, value string) error {
	parts := strings.Split(value, ":")
	app := pod.Labels["app"]
	if strings.HasPrefix(key, "spread") {
		return spreadRule(pod, key, app, parts)
	}
	if len(parts) > 1 {
		app = parts[1]
	}
	term, err := podTerm(longKey(parts[0]), app, parts[min(2, len(parts)):])
	if strings.HasSuffix(key, "Preferred") && term.Weight == 0 {
		term.Weight = defaultWeight
	}
	if strings.HasPrefix(key, "near") {
		pod.PodAffinity = append(pod.PodAffinity, term)
	} else {
		pod.PodAntiAffinity = append(pod.PodAntiAffinity, term)
	}
	return err
}

// defaultWeight is a preference's when no weight= is written.
const defaultWeight = 100

func podTerm(key, app string, words []string) (model.PodAffinityTerm, error) {
	term := model.PodAffinityTerm{TopologyKey: key}
	var err error
	if term.Selector, err = selector(app); err != nil {
		return term, err
	}
	return term, each(words, func(name, value string) error {
		switch name {
		case "weight":
			n, err := strconv.Atoi(value)
			term.Weight = int32(n)
			return err
		case "in":
			term.Namespaces = strings.Split(value, ",")
			return nil
		}
		return fmt.Errorf("unknown word")
	})
}

func spreadRule(pod *model.Pod, key, app string, parts []string) error {
	if len(parts) < 2 {
		return fmt.Errorf("write spread=KEY:SKEW")
	}
	skew, err := strconv.Atoi(parts[1])
	s := model.TopologySpread{TopologyKey: longKey(parts[0]), MaxSkew: int32(skew), ScheduleAnyway: key == "spreadPreferred"}
	for _, word := range parts[2:] {
		name, v, _ := strings.Cut(word, "=")
		switch name {
		case "app":
			app = v
		case "min":
			n, _ := strconv.Atoi(v)
			s.MinDomains = int32(n)
		case "default":
			s.ClusterDefault = true
		case "taints":
			s.HonorNodeTaints = true
		case "anywhere":
			s.IgnoreNodeAffinity = true
		case "keys":
			s.MatchLabelKeys = strings.Split(v, ",")
		default:
			return fmt.Errorf("unknown word %s", word)
		}
	}
	if err == nil {
		s.Selector, err = selector(app)
	}
	pod.TopologySpread = append(pod.TopologySpread, s)
	return err
}

// volume reads DRIVER/ID[:exclusive]; * in an ID is the pod's name.
func volume(text string) model.Volume {
	text, exclusive := strings.CutSuffix(text, ":exclusive")
	driver, id, _ := strings.Cut(text, "/")
	return model.Volume{Driver: driver, ID: id, Exclusive: exclusive}
}

func attachLimit(limits *map[string]int64, driver, text string) error {
	if *limits == nil {
		*limits = map[string]int64{}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	(*limits)[driver] = n
	return err
}

// group NAME min=N
func (s *reader) group(name string, words []string) error {
	g := model.PodGroup{Name: name}
	err := each(words, func(key, value string) (err error) {
		if key != "min" {
			return fmt.Errorf("unknown word")
		}
		g.MinCount, err = strconv.Atoi(value)
		return err
	})
	s.snapshot.PodGroups = append(s.snapshot.PodGroups, g)
	return err
}
