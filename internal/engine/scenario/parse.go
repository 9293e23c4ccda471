package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// reader holds what the lines read so far amount to.
type reader struct {
	snapshot model.Snapshot
	catalog  *model.Catalog // that types and offerings go to
	catalogs map[string]*model.Catalog
	zones    []string
	settings model.Settings
}

// Parse reads a scenario. An error names the line and what is wrong with it.
func Parse(text string) (*model.Snapshot, model.Settings, error) {
	s := &reader{zones: []string{"a", "b", "c"}, catalogs: map[string]*model.Catalog{}}
	s.use("default")
	for number, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := s.line(words[0], words[1:]); err != nil {
			return nil, s.settings, fmt.Errorf("line %d: %q: %w", number+1, strings.TrimSpace(line), err)
		}
	}
	s.snapshot.Catalogs = map[string]model.Catalog{}
	for name, catalog := range s.catalogs {
		s.snapshot.Catalogs[name] = *catalog
	}
	return &s.snapshot, s.settings, nil
}

// use makes the catalog of a NodeClass the one that types go to.
func (s *reader) use(class string) {
	if s.catalogs[class] == nil {
		s.catalogs[class] = &model.Catalog{}
	}
	s.catalog = s.catalogs[class]
}

func (s *reader) line(verb string, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("%s needs a name", verb)
	}
	name, rest := words[0], words[1:]
	switch verb {
	case "zones":
		s.zones = words
		return nil
	case "catalog":
		s.use(name)
		return nil
	case "group":
		return s.group(name, rest)
	case "nodegroup":
		return s.nodeGroup(name, rest)
	case "may":
		return s.may(name, rest)
	case "setting":
		return s.setting(name)
	case "type":
		return s.instanceType(name, rest)
	case "offering":
		return s.offering(name, rest)
	case "pool":
		s.snapshot.NodePools = append(s.snapshot.NodePools, model.NodePool{Name: name, NodeClass: "default"})
		return each(rest, func(k, v string) error { return poolWord(s.lastPool(), k, v) })
	case "require":
		if len(s.snapshot.NodePools) == 0 {
			return fmt.Errorf("require needs a pool above it")
		}
		r, err := requirement(name)
		s.lastPool().Requirements = append(s.lastPool().Requirements, r)
		return err
	case "pod":
		return s.pods(name, rest, &s.snapshot.Pending)
	case "daemonset":
		return s.daemonSet(name, rest)
	case "node":
		s.snapshot.Nodes = append(s.snapshot.Nodes, model.Node{Name: name, Labels: map[string]string{}, Allocatable: model.Resources{}})
		return each(rest, func(k, v string) error { return nodeWord(s.lastNode(), k, v) })
	case "bound":
		if len(s.snapshot.Nodes) == 0 {
			return fmt.Errorf("bound needs a node above it")
		}
		return s.pods(name, rest, &s.lastNode().Pods)
	}
	return fmt.Errorf("unknown verb %s", verb)
}

func (s *reader) lastPool() *model.NodePool {
	return &s.snapshot.NodePools[len(s.snapshot.NodePools)-1]
}
func (s *reader) lastNode() *model.Node { return &s.snapshot.Nodes[len(s.snapshot.Nodes)-1] }

func (s *reader) setting(word string) error {
	key, value, _ := strings.Cut(word, "=")
	if known, err := spotSetting(&s.settings, key, value); known {
		return err
	}
	n, err := strconv.Atoi(value)
	switch key {
	case "maxOfferings":
		s.settings.MaxOfferings = n
	case "maxSteps":
		s.settings.MaxSteps = n
	case "ignorePreferences":
		s.settings.IgnorePreferences, err = true, nil
	default:
		return fmt.Errorf("unknown setting %s", key)
	}
	return err
}

func each(words []string, do func(key, value string) error) error {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		if err := do(key, value); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return nil
}

// amount reads 100m, 2, 1536Mi, 2Gi; cpu becomes millicores.
func amount(resource, text string) (int64, error) {
	factor := int64(1)
	switch {
	case strings.HasSuffix(text, "Gi"):
		factor, text = 1<<30, strings.TrimSuffix(text, "Gi")
	case strings.HasSuffix(text, "Mi"):
		factor, text = 1<<20, strings.TrimSuffix(text, "Mi")
	case resource == model.CPU && strings.HasSuffix(text, "m"):
		text = strings.TrimSuffix(text, "m")
	case resource == model.CPU:
		factor = 1000
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n * factor, err
}

// set puts an amount into resources, making the map when needed.
func set(resources *model.Resources, name, text string) error {
	if *resources == nil {
		*resources = model.Resources{}
	}
	n, err := amount(name, text)
	(*resources)[name] = n
	return err
}

func (s *reader) instanceType(name string, words []string) error {
	kind := model.InstanceType{Name: name, Labels: map[string]string{"node.kubernetes.io/instance-type": name, "kubernetes.io/arch": "amd64"},
		Capacity: model.Resources{}, Allocatable: model.Resources{model.PodCount: 110}}
	price := 0.0
	err := each(words, func(key, value string) (err error) {
		label, isLabel := strings.CutPrefix(key, "label.")
		resource, isCapacity := strings.CutPrefix(key, "capacity.")
		driver, isLimit := strings.CutPrefix(key, "attach.")
		switch {
		case isLimit:
			return attachLimit(&kind.AttachLimits, driver, value)
		case isLabel:
			kind.Labels[label] = value
		case isCapacity:
			return set(&kind.Capacity, resource, value)
		case key == "price":
			price, err = strconv.ParseFloat(value, 64)
		default:
			return set(&kind.Allocatable, key, value)
		}
		return err
	})
	for resource, n := range kind.Allocatable {
		if _, own := kind.Capacity[resource]; !own {
			kind.Capacity[resource] = n
		}
	}
	s.catalog.InstanceTypes = append(s.catalog.InstanceTypes, kind)
	for _, zone := range s.zones {
		s.catalog.Offerings = append(s.catalog.Offerings, model.Offering{PricePerHour: price,
			OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand}})
	}
	return err
}

// offering TYPE/ZONE[/CAPACITY-TYPE] price=N | unavailable=why | absent
func (s *reader) offering(name string, words []string) error {
	parts := strings.Split(name, "/")
	if len(parts) < 2 {
		return fmt.Errorf("write TYPE/ZONE or TYPE/ZONE/CAPACITY-TYPE")
	}
	key := model.OfferingKey{InstanceType: parts[0], Zone: parts[1], CapacityType: model.OnDemand}
	if len(parts) > 2 {
		key.CapacityType = model.CapacityType(parts[2])
	}
	at := -1
	for i := range s.catalog.Offerings {
		if s.catalog.Offerings[i].OfferingKey == key {
			at = i
		}
	}
	if at < 0 {
		at = len(s.catalog.Offerings)
		s.catalog.Offerings = append(s.catalog.Offerings, model.Offering{OfferingKey: key})
	}
	return each(words, func(key, value string) (err error) {
		switch key {
		case "price":
			s.catalog.Offerings[at].PricePerHour, err = strconv.ParseFloat(value, 64)
		case "interrupted":
			s.catalog.Offerings[at].InterruptionRate, err = strconv.ParseFloat(value, 64)
		case "unavailable":
			s.catalog.Offerings[at].UnavailableReason = strings.ReplaceAll(value, "_", " ")
		case "absent":
			s.catalog.Offerings = append(s.catalog.Offerings[:at], s.catalog.Offerings[at+1:]...)
		default:
			err = fmt.Errorf("unknown word")
		}
		return err
	})
}

func poolWord(pool *model.NodePool, key, value string) (err error) {
	label, isLabel := strings.CutPrefix(key, "label.")
	limit, isLimit := strings.CutPrefix(key, "limit.")
	used, isUsed := strings.CutPrefix(key, "used.")
	switch {
	case isLabel:
		if pool.Labels == nil {
			pool.Labels = map[string]string{}
		}
		pool.Labels[label] = value
	case isLimit:
		return set(&pool.Limits, limit, value)
	case isUsed:
		return set(&pool.Usage, used, value)
	case key == "weight":
		var n int
		n, err = strconv.Atoi(value)
		pool.Weight = int32(n)
	case key == "class":
		pool.NodeClass = value
	case key == "taint":
		pool.Taints = append(pool.Taints, taint(value))
	case key == "startupTaint":
		pool.StartupTaints = append(pool.StartupTaints, taint(value))
	case key == "preferences" && value == "ignore":
		pool.IgnorePreferences = true
	case key == "onDemand":
		err = onDemandShare(pool, value)
	case key == "notReady":
		pool.NotReadyReason = strings.ReplaceAll(value, "_", " ")
	default:
		err = fmt.Errorf("unknown word")
	}
	return err
}

func nodeWord(node *model.Node, key, value string) error {
	label, isLabel := strings.CutPrefix(key, "label.")
	driver, isLimit := strings.CutPrefix(key, "attach.")
	switch {
	case isLabel:
		node.Labels[label] = value
	case isLimit:
		return attachLimit(&node.AttachLimits, driver, value)
	case key == "attached":
		node.Attached = append(node.Attached, volume(value))
	case key == "pool":
		node.NodePool = value
	case key == "zone":
		node.Labels["topology.kubernetes.io/zone"] = value
	case key == "taint":
		node.Taints = append(node.Taints, taint(value))
	case key == "startupTaint":
		node.Taints = append(node.Taints, taint(value))
		node.StartupTaints = append(node.StartupTaints, taint(value))
	case key == "launching":
		node.Launching = true
	case key == "unschedulable":
		node.Unschedulable = true
	default:
		return set(&node.Allocatable, key, value)
	}
	return nil
}

// taint reads key[=value]:Effect.
func taint(text string) model.Taint {
	at := strings.LastIndex(text, ":")
	key, value, _ := strings.Cut(text[:at], "=")
	return model.Taint{Key: key, Value: value, Effect: model.TaintEffect(text[at+1:])}
}

// requirement reads KEY:OPERATOR[:VALUE,VALUE][:min=N].
func requirement(text string) (model.Requirement, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 {
		return model.Requirement{}, fmt.Errorf("write KEY:OPERATOR:VALUES")
	}
	r := model.Requirement{Key: longKey(parts[0]), Operator: model.Operator(parts[1])}
	for _, part := range parts[2:] {
		if least, ok := strings.CutPrefix(part, "min="); ok {
			n, err := strconv.Atoi(least)
			if err != nil {
				return r, err
			}
			r.MinValues = n
		} else {
			r.Values = strings.Split(part, ",")
		}
	}
	return r, nil
}

// longKey spells out the labels that scenarios use most.
func longKey(key string) string {
	switch key {
	case "zone":
		return "topology.kubernetes.io/zone"
	case "host":
		return "kubernetes.io/hostname"
	case "type":
		return "node.kubernetes.io/instance-type"
	case "arch":
		return "kubernetes.io/arch"
	case "capacity-type":
		return "karpenter.sh/capacity-type"
	}
	return key
}
