package check

import "github.com/drover-project/drover/internal/model"

// market is what may be bought, and what the nodes will be: looked up once,
// however many launches ask.
type market struct {
	shops    map[string]*shop // by NodeClass
	variants map[purchase]*variant
	outcomes map[way][]*variant
	shapes   map[string]*shape
	numbers  int // of variants
}

// purchase tells the nodes apart that launches of NodePools become.
type purchase struct {
	pool, narrowed string
	offering       model.Offering
}

// way tells apart how the nodes of a group come.
type way struct {
	group   string
	planned model.CapacityType
}

// shop is the catalog of a NodeClass, found by name.
type shop struct {
	sells    map[model.Offering]bool
	kinds    map[string]*model.InstanceType
	capacity map[string]model.Resources
}

func newMarket() market {
	return market{shops: map[string]*shop{}, variants: map[purchase]*variant{}, outcomes: map[way][]*variant{}, shapes: map[string]*shape{}}
}

func (m *market) shop(class string, snapshot *model.Snapshot) *shop {
	if m.shops[class] == nil {
		catalog := snapshot.Catalogs[class]
		m.shops[class] = newShop(&catalog)
	}
	return m.shops[class]
}

func newShop(catalog *model.Catalog) *shop {
	s := &shop{sells: map[model.Offering]bool{}, kinds: map[string]*model.InstanceType{}, capacity: map[string]model.Resources{}}
	for _, offering := range catalog.Offerings {
		s.sells[offering] = true
	}
	for i := range catalog.InstanceTypes {
		kind := &catalog.InstanceTypes[i]
		if s.kinds[kind.Name] == nil {
			s.kinds[kind.Name] = kind
		}
		if s.capacity[kind.Name] == nil {
			s.capacity[kind.Name] = model.Resources{}
		}
		raise(s.capacity[kind.Name], kind.Capacity)
	}
	return s
}

// largest is what a node counts against limits when it becomes the largest that
// it may.
func (s *shop) largest(offerings []model.Offering) model.Resources {
	all := model.Resources{"nodes": 1}
	for _, offering := range offerings {
		raise(all, s.capacity[offering.InstanceType])
	}
	return all
}

func raise(amounts, to model.Resources) {
	for resource, amount := range to {
		amounts[resource] = max(amounts[resource], amount)
	}
}
