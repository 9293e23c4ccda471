package disruption_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/disruption"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/spot"
	"github.com/drover-project/drover/internal/translate"
)

// manyTypes is a world with m5.large at 0.06 as Spot, and as many other types of the
// same size at 0.03.
func manyTypes(count int) cloudtest.World {
	world := cloudtest.DefaultWorld()
	at := slices.IndexFunc(world.InstanceTypes, func(t model.InstanceType) bool { return t.Name == "m5.large" })
	types := []model.InstanceType{world.InstanceTypes[at]}
	prices := map[model.OfferingKey]float64{}
	for i := range count {
		other := types[0]
		other.Name = typeName(i)
		other.Labels = map[string]string{}
		for key, value := range types[0].Labels {
			other.Labels[key] = value
		}
		other.Labels[corev1.LabelInstanceTypeStable] = other.Name
		types = append(types, other)
	}
	for _, t := range types {
		for _, subnet := range world.Subnets {
			key := model.OfferingKey{InstanceType: t.Name, Zone: subnet.Zone, CapacityType: model.OnDemand}
			prices[key] = 0.096
			key.CapacityType = model.Spot
			prices[key] = 0.03
			if t.Name == "m5.large" {
				prices[key] = 0.06
			}
		}
	}
	world.InstanceTypes, world.Prices = types, prices
	return world
}

func typeName(i int) string { return fmt.Sprintf("t%02d.large", i) }

// newSpotReplacing is newReplacing with a Spot node a day old and other types that
// are cheaper.
func newSpotReplacing(t *testing.T, types int, change func(*karpv1.NodePool, *corev1.Pod)) *replacing {
	t.Helper()
	w := newReplacingIn(t, manyTypes(types), func(pool *karpv1.NodePool, pod *corev1.Pod) {
		pool.Spec.Template.Spec.Requirements = pool.Spec.Template.Spec.Requirements[:1] // any type
		if change != nil {
			change(pool, pod)
		}
	})
	claim := clustertest.Get(w.Cluster, &karpv1.NodeClaim{}, "default-0")
	claim.Labels[karpv1.CapacityTypeLabelKey] = "spot"
	w.Update(claim)
	w.Clock.Step(25 * time.Hour)
	return w
}

// said are the events so far.
func (w *replacing) said() string {
	var lines []string
	for len(w.Said) > 0 {
		lines = append(lines, <-w.Said)
	}
	return strings.Join(lines, "\n")
}

func TestSpotNodeGoesToACheaperPool(t *testing.T) {
	w := newSpotReplacing(t, 20, nil)
	w.look()
	next := w.replacement()
	if next == nil || w.replacedBy() != next.Name {
		t.Fatalf("launched %v, noted %q: want a claim that is noted on the old one", next, w.replacedBy())
	}
	types := map[string]bool{}
	offerings, err := translate.Offerings(next)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offerings {
		types[o.InstanceType] = true
		if o.CapacityType != model.Spot || o.PricePerHour != 0.03 {
			t.Errorf("the new node may be %v at %g", o.OfferingKey, o.PricePerHour)
		}
	}
	if len(types) != 15 {
		t.Errorf("the new node may be of %d types, want the 15 cheapest", len(types))
	}
	if said := w.said(); !strings.Contains(said, "on Spot in the place of this one on Spot: t00.large") || !strings.Contains(said, "0.03 $/h less") {
		t.Errorf("events say %s", said)
	}
	w.Clock.Step(time.Hour)
	w.look()
	if got := ending(w.Cluster); got != "" || len(w.Claims()) != 2 {
		t.Fatalf("%d claims, ending %q: the old node goes when the new one is ready", len(w.Claims()), got)
	}
	w.becomesReady(next, offerings[0].OfferingKey)
	w.look()
	if got := ending(w.Cluster); got != "default-0" {
		t.Errorf("ending claims are %q, want the old one", got)
	}
	if got := testutil.ToFloat64(w.reconciler.Metrics.NodeClaimsDisrupted.WithLabelValues("underutilized", "default", "spot")); got != 1 {
		t.Errorf("%g Spot nodes are counted as disrupted, want one", got)
	}
}

// becomesReady brings the claim's node, at rest.
func (w *replacing) becomesReady(claim *karpv1.NodeClaim, as model.OfferingKey) {
	w.t.Helper()
	w.serial++
	claim.Labels[corev1.LabelInstanceTypeStable], claim.Labels[corev1.LabelTopologyZone] = as.InstanceType, as.Zone
	claim.Labels[karpv1.CapacityTypeLabelKey] = string(as.CapacityType)
	status := claim.DeepCopy()
	w.Update(claim)
	status.ResourceVersion = claim.ResourceVersion
	status.Status.ProviderID = fmt.Sprintf("aws:///%s/i-new%d", as.Zone, w.serial)
	for _, condition := range []string{karpv1.ConditionTypeLaunched, karpv1.ConditionTypeRegistered, karpv1.ConditionTypeInitialized, karpv1.ConditionTypeConsolidatable} {
		status.StatusConditions().SetTrue(condition)
	}
	w.UpdateStatus(status)
	node := w.Nodes()[0].DeepCopy()
	node.ObjectMeta = metav1.ObjectMeta{Name: claim.Name, Labels: node.Labels}
	node.Spec = corev1.NodeSpec{ProviderID: status.Status.ProviderID}
	w.Create(node)
}

func TestWhatKeepsASpotNode(t *testing.T) {
	for name, change := range map[string]func(*replacing){
		"too few cheaper types": func(w *replacing) {
			for i := range 6 {
				w.price(typeName(i), 0.055)
			}
		},
		"the switch":             func(w *replacing) { w.reconciler.SpotMoves.Off = true },
		"it has not stayed long": func(w *replacing) { w.reconciler.SpotMoves.Stay = 26 * time.Hour },
		"pools that took nodes back": func(w *replacing) {
			seen := spot.Seen{Interruptions: 1, Last: w.Clock.Now().Add(-23 * time.Hour)}
			w.reconciler.SpotMoves.History = func(context.Context) (spot.History, error) {
				history := spot.History{}
				for i := range 6 {
					for _, zone := range []string{"us-west-2a", "us-west-2b", "us-west-2c"} {
						history[spot.PoolKey{InstanceType: typeName(i), Zone: zone}] = seen
					}
				}
				return history, nil
			}
		},
		"nobody knows which pools took nodes back": func(w *replacing) {
			w.reconciler.SpotMoves.History = func(context.Context) (spot.History, error) { return nil, errors.New("no answer") }
		},
		"AWS is about to take it back": func(w *replacing) {
			node := clustertest.Get(w.Cluster, &corev1.Node{}, "node-0")
			node.Spec.Taints = []corev1.Taint{{Key: "drover.sh/interruption", Value: "rebalance-recommendation", Effect: corev1.TaintEffectPreferNoSchedule}}
			w.Update(node)
		},
		"a person has cordoned it": func(w *replacing) {
			node := clustertest.Get(w.Cluster, &corev1.Node{}, "node-0")
			node.Spec.Unschedulable = true
			w.Update(node)
		},
		"a budget that is closed": func(w *replacing) {
			pool := clustertest.Get(w.Cluster, &karpv1.NodePool{}, "default")
			pool.Spec.Disruption.Budgets = []karpv1.Budget{{Nodes: "0", Reasons: []karpv1.DisruptionReason{karpv1.DisruptionReasonUnderutilized}}}
			w.Update(pool)
		},
		"a pod that waits": func(w *replacing) { w.Create(clustertest.PendingPod("inflate", "60Gi")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newSpotReplacing(t, 20, nil)
			change(w)
			w.look()
			if next := w.replacement(); next != nil || ending(w.Cluster) != "" {
				t.Errorf("launched %v, ending %q: want nothing to happen", next, ending(w.Cluster))
			}
		})
	}
}

// price changes a type's Spot price in every zone.
func (w *replacing) price(instanceType string, price float64) {
	for _, zone := range []string{"us-west-2a", "us-west-2b", "us-west-2c"} {
		w.Cloud.SetPrice(model.OfferingKey{InstanceType: instanceType, Zone: zone, CapacityType: model.Spot}, price)
	}
}

func TestSpotNodeWaitsAfterAReplacementFailed(t *testing.T) {
	w := newSpotReplacing(t, 20, nil)
	w.look()
	next := w.replacement()
	next.Finalizers = nil
	w.Update(next)
	w.Delete(next)
	for range 11 {
		w.look()
		w.Clock.Step(5 * time.Minute)
	}
	if next := w.replacement(); next != nil || w.replacedBy() != "" {
		t.Fatalf("launched %v within the hour, noted %q", next, w.replacedBy())
	}
	w.Clock.Step(10 * time.Minute)
	w.look()
	if w.replacement() == nil {
		t.Error("nothing is launched after the hour")
	}
}

// hours has the prices set and the cluster looked at every hour; replacements come
// up at once. It returns at which hours something moved.
func (w *replacing) hours(count int, prices func(hour int)) []int {
	w.t.Helper()
	var moved []int
	for hour := range count {
		prices(hour)
		w.Clock.Step(time.Hour)
		w.look()
		claims := w.Claims()
		if len(claims) == 1 {
			continue
		}
		moved = append(moved, hour)
		var old *karpv1.NodeClaim
		var next karpv1.NodeClaim
		for i := range claims {
			if claims[i].Annotations[disruption.ReplacedByAnnotation] != "" {
				old = &claims[i]
			} else {
				next = claims[i]
			}
		}
		offerings, err := translate.Offerings(&next)
		if err != nil || old == nil {
			w.t.Fatalf("the claims are %v (%v), want one in the place of another", claims, err)
		}
		w.becomesReady(&next, offerings[len(offerings)-1].OfferingKey)
		w.look()
		w.finish(old.Name, next.Name)
	}
	return moved
}

// finish has the old node's pod come back on the new one, and the old claim gone.
func (w *replacing) finish(old, next string) {
	w.t.Helper()
	claim := clustertest.Get(w.Cluster, &karpv1.NodeClaim{}, old)
	if claim.DeletionTimestamp == nil {
		w.t.Fatalf("%s is not ending although %s is ready", old, next)
	}
	for _, node := range w.Nodes() {
		if node.Spec.ProviderID == claim.Status.ProviderID {
			w.Delete(&node)
		}
	}
	pods := w.Pods()
	pod := pods[0].DeepCopy()
	w.Delete(&pods[0])
	pod.ObjectMeta = metav1.ObjectMeta{Namespace: pod.Namespace, Name: "on-" + next, Labels: pod.Labels, OwnerReferences: pod.OwnerReferences}
	pod.Spec.NodeName = next
	w.Create(pod)
	claim.Finalizers = nil
	w.Update(claim)
}

// TestSwingingPricesMoveNobody: every price goes up and down by three quarters twice
// a day, the node's own against all others; nothing is ever launched.
func TestSwingingPricesMoveNobody(t *testing.T) {
	w := newSpotReplacing(t, 20, nil)
	moved := w.hours(24*7, func(hour int) {
		own, others := 0.08, 0.02
		if hour%12 < 6 {
			own, others = others, own
		}
		w.price("m5.large", own)
		for i := range 20 {
			w.price(typeName(i), others)
		}
	})
	if len(moved) > 0 {
		t.Errorf("nodes follow the prices at hours %v", moved)
	}
}

// TestOneMoveForALastingChange: a price that rises for good moves the node once, when
// it has lasted for a day.
func TestOneMoveForALastingChange(t *testing.T) {
	w := newSpotReplacing(t, 20, nil)
	w.price("m5.large", 0.03)
	w.Clock.Step(48 * time.Hour)
	moved := w.hours(24*7, func(hour int) {
		if hour == 10 {
			w.price("m5.large", 0.09)
		}
	})
	if len(moved) != 1 || moved[0] < 33 || moved[0] > 34 {
		t.Errorf("moved at hours %v, want once, a day after hour 10", moved)
	}
}

// TestSlowSwingsMoveANodeOnceADayAtMost: half of the types are cheap for three days,
// then the others.
func TestSlowSwingsMoveANodeOnceADayAtMost(t *testing.T) {
	w := newSpotReplacing(t, 40, nil)
	moved := w.hours(24*12, func(hour int) {
		for i := range 40 {
			price := 0.03
			if (hour/72+i)%2 == 0 {
				price = 0.05
			}
			w.price(typeName(i), price)
		}
	})
	if len(moved) < 2 {
		t.Errorf("moved at hours %v: that says nothing about the time between", moved)
	}
	for i := range moved[1:] {
		if moved[i+1]-moved[i] < 24 {
			t.Errorf("moved at hours %v, twice within a day", moved)
		}
	}
}

// volumeIn is a bound volume that only nodes with the label can reach.
func volumeIn(key, value string) []client.Object {
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}}
	volume.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: "ebs.csi.aws.com", VolumeHandle: "vol-1"}
	volume.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}}}}}}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "data"}}
	claim.Spec.VolumeName, claim.Spec.StorageClassName = "pv", new("gp3")
	claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}
	return []client.Object{volume, claim}
}

func TestNodesWithVolumesMoveWithinTheirZone(t *testing.T) {
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "gp3"}, Provisioner: "ebs.csi.aws.com", VolumeBindingMode: &mode}
	unbound := volumeIn("x", "y")[1].(*corev1.PersistentVolumeClaim)
	unbound.Spec.VolumeName = ""
	ephemeral := func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{
			VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: unbound.Spec}}}}}
	}
	for name, c := range map[string]struct {
		objects []client.Object
		change  func(*corev1.Pod)
		zones   string // of the new node; "" no move
	}{
		"in the dearest zone":       {volumeIn("topology.ebs.csi.aws.com/zone", "us-west-2b"), nil, "us-west-2b"},
		"where nothing is sold":     {volumeIn(corev1.LabelTopologyZone, "us-west-2d"), nil, ""},
		"on that very node":         {volumeIn(corev1.LabelHostname, "node-0"), nil, ""},
		"not made yet":              {[]client.Object{unbound}, nil, ""},
		"a claim that is not there": {nil, nil, ""},
		"made anew for each pod":    {nil, ephemeral, "us-west-2a us-west-2b us-west-2c"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newReplacing(t, func(_ *karpv1.NodePool, p *corev1.Pod) {
				p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
				if c.change != nil {
					c.change(p)
				}
			})
			w.Create(class.DeepCopy())
			for _, object := range c.objects {
				w.Create(object.DeepCopyObject().(client.Object))
			}
			for _, name := range []string{"c5.large", "m5.large", "r5.large", "m5.xlarge"} {
				key := model.OfferingKey{InstanceType: name, Zone: "us-west-2b", CapacityType: model.Spot}
				w.Cloud.SetPrice(key, w.Cloud.Price(t.Context(), key)*1.1)
			}
			w.look()
			zones := ""
			if next := w.replacement(); next != nil {
				for _, requirement := range next.Spec.Requirements {
					if requirement.Key == corev1.LabelTopologyZone {
						slices.Sort(requirement.Values)
						zones = strings.Join(requirement.Values, " ")
					}
				}
			}
			if zones != c.zones {
				t.Errorf("the new node may be in %q, want %q", zones, c.zones)
			}
		})
	}
}
