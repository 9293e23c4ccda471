package world

import (
	"strings"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// Launch is a request for instances that are alike.
type Launch struct {
	Type         string
	Image        Image
	Subnet       Subnet
	Spot         bool
	SpotMaxPrice string
	// SpotRequest is the request that the launch fulfils; empty makes one of the
	// kind that Persistent and Behavior say.
	SpotRequest string
	Persistent  bool
	Behavior    string // terminate, also when empty, stop or hibernate
	Config      Config
	Volumes     []Volume // without ids; the first is the root
	Tags        LaunchTags
	Reservation string
	FleetID     string
	ClientToken string
	FirstIndex  int32
}

// LaunchTags are tags by the type of resource that gets them.
type LaunchTags struct {
	Instance, Volume, Interface, SpotRequest Tags
}

// Pool is where the instances come from.
func (l Launch) Pool() Pool {
	return Pool{InstanceType: l.Type, Zone: l.Subnet.Zone.Name, CapacityType: Instance{Spot: l.Spot}.CapacityType()}
}

// Launch makes instances, all or none of them. The errors are EC2's.
func (w *World) Launch(tx *store.Tx, l Launch, count int) ([]Instance, error) {
	m, _ := w.meta.Get(metaKey)
	addresses, err := w.Network.PickAddresses(l.Subnet, count, m.Sequence)
	if err != nil {
		return nil, err
	}
	limitID, err := w.take(tx, l.Pool(), count)
	if err != nil {
		return nil, err
	}
	instances := make([]Instance, count)
	ids := make([]string, count)
	for n := range instances {
		i, err := w.newInstance(tx, l)
		if err != nil {
			return nil, err
		}
		i.PrivateIP, i.LaunchIndex, i.Limit = addresses[n].String(), l.FirstIndex+int32(n), limitID
		instances[n], ids[n] = i, i.ID
	}
	if l.Config.PublicIP {
		for n, address := range w.Network.PublicAddresses(ids...) {
			instances[n].PublicIP = address
		}
	}
	for n, i := range instances {
		if err := w.request(tx, i, l); err != nil {
			return nil, err
		}
		if err := w.tagNew(tx, i, l.Tags); err != nil {
			return nil, err
		}
		if err := w.enter(tx, i, machine.Pending); err != nil {
			return nil, err
		}
		instances[n], _ = w.Instances.Get(i.ID)
	}
	return instances, nil
}

func (w *World) newInstance(tx *store.Tx, l Launch) (Instance, error) {
	i := Instance{
		Type: l.Type, SubnetID: l.Subnet.ID, ImageID: l.Image.ID, LaunchTime: w.Clock.Now(),
		Spot: l.Spot, SpotMaxPrice: l.SpotMaxPrice, Config: l.Config,
		Reservation: l.Reservation, FleetID: l.FleetID, ClientToken: l.ClientToken,
		Volumes: append([]Volume(nil), l.Volumes...),
	}
	slots := []idSlot{{"i-", &i.ID}, {"eni-", &i.InterfaceID}}
	i.SpotRequest = l.SpotRequest
	if l.Spot && l.SpotRequest == "" {
		slots = append(slots, idSlot{"sir-", &i.SpotRequest})
	}
	for v := range i.Volumes {
		slots = append(slots, idSlot{"vol-", &i.Volumes[v].ID})
	}
	for _, slot := range slots {
		id, err := w.NewID(tx, slot.prefix)
		if err != nil {
			return i, err
		}
		*slot.into = id
	}
	return i, nil
}

// request makes the Spot request of a launch of its own. A persistent one
// remembers what to launch again.
func (w *World) request(tx *store.Tx, i Instance, l Launch) error {
	if !l.Spot || l.SpotRequest != "" {
		return nil
	}
	r := SpotRequest{ID: i.SpotRequest, Created: w.Clock.Now(), Behavior: ActionTerminate, MaxPrice: l.SpotMaxPrice, Persistent: l.Persistent}
	setDefault(&l.Behavior, ActionTerminate)
	r.Behavior = l.Behavior
	if l.Persistent {
		l.SpotRequest, l.ClientToken = r.ID, ""
		r.Launch = &l
	}
	return w.SpotRequests.Put(tx, r.ID, r)
}

// idSlot is where a new identifier goes.
type idSlot struct {
	prefix string
	into   *string
}

func (w *World) tagNew(tx *store.Tx, i Instance, tags LaunchTags) error {
	byID := map[string]Tags{i.ID: tags.Instance, i.InterfaceID: tags.Interface}
	if i.SpotRequest != "" && tags.SpotRequest != nil {
		byID[i.SpotRequest] = tags.SpotRequest
	}
	for _, v := range i.Volumes {
		byID[v.ID] = tags.Volume
	}
	for id, t := range byID {
		if err := w.SetTags(tx, id, t); err != nil {
			return err
		}
	}
	return nil
}

// PrivateDNSName is the host name of an address.
func (w *World) PrivateDNSName(address string) string {
	domain := w.Options.Region + ".compute.internal"
	if w.Options.Region == "us-east-1" {
		domain = "ec2.internal"
	}
	return "ip-" + strings.ReplaceAll(address, ".", "-") + "." + domain
}

// SetPublicIP changes the public address of an instance, empty for none.
func (w *World) SetPublicIP(tx *store.Tx, id, address string) error {
	i, found := w.Instances.Get(id)
	if !found {
		return nil
	}
	i.PublicIP = address
	return w.putInstance(tx, i)
}
