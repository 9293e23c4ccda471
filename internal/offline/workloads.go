package offline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
)

// createPods does the work of the workload controllers: every replica that has
// no pod in the input becomes a pending pod.
func (c *Cluster) createPods() {
	for _, d := range all[*appsv1.Deployment](c.store) {
		c.createReplicas("Deployment", d, value(d.Spec.Replicas, 1), &d.Spec.Template)
	}
	for _, r := range all[*appsv1.ReplicaSet](c.store) {
		owner := metav1.GetControllerOfNoCopy(r)
		if owner == nil || !c.store.has(&appsv1.Deployment{}, client.ObjectKey{Namespace: r.Namespace, Name: owner.Name}) {
			c.createReplicas("ReplicaSet", r, value(r.Spec.Replicas, 1), &r.Spec.Template)
		}
	}
	for _, r := range all[*corev1.ReplicationController](c.store) {
		c.createReplicas("ReplicationController", r, value(r.Spec.Replicas, 1), r.Spec.Template)
	}
	for _, s := range all[*appsv1.StatefulSet](c.store) {
		c.createOrdinals(s)
	}
	for _, j := range all[*batchv1.Job](c.store) {
		c.createReplicas("Job", j, parallel(j), &j.Spec.Template)
	}
	if ignored := len(all[*batchv1.CronJob](c.store)); ignored > 0 {
		c.notice(fmt.Sprintf("CronJobs are left out, because their Jobs come and go: %d", ignored))
	}
}

func value(pointer *int32, byDefault int32) int {
	if pointer == nil {
		return int(byDefault)
	}
	return int(*pointer)
}

// parallel is how many pods of a Job may run now.
func parallel(job *batchv1.Job) int {
	if job.Spec.Suspend != nil && *job.Spec.Suspend {
		return 0
	}
	for _, condition := range job.Status.Conditions {
		if (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) && condition.Status == corev1.ConditionTrue {
			return 0
		}
	}
	wanted := value(job.Spec.Parallelism, 1)
	switch {
	case job.Spec.Completions != nil:
		wanted = min(wanted, int(*job.Spec.Completions-job.Status.Succeeded))
	case job.Spec.Parallelism == nil:
		wanted = min(wanted, int(1-job.Status.Succeeded))
	}
	return max(wanted, 0)
}

// createReplicas adds the replicas that are missing. They differ in name only,
// so they share their spec.
func (c *Cluster) createReplicas(kind string, owner client.Object, wanted int, template *corev1.PodTemplateSpec) {
	workload := label(kind, owner.GetNamespace(), owner.GetName())
	missing := wanted - len(c.living[workload])
	if missing <= 0 {
		return
	}
	base := newPod(kind, owner, template)
	switch kind {
	case "Deployment":
		base.OwnerReferences = controlledBy("ReplicaSet", c.replicaSet(owner.(*appsv1.Deployment), base, workload))
	case "ReplicaSet":
		base.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = c.templateHash(workload, template)
	case "Job":
		base.Labels[batchv1.JobNameLabel] = owner.GetName()
		base.Labels["job-name"] = owner.GetName()
	}
	if refusal := c.defaultPod(base); refusal != "" {
		c.refused[refusal] += missing
		return
	}
	for n := 1; missing > 0; n++ {
		pod := *base
		pod.Name = owner.GetName() + "-" + strconv.Itoa(n)
		if c.store.has(&pod, client.ObjectKeyFromObject(&pod)) {
			continue
		}
		c.add(&pod, workload)
		missing--
	}
}

func (c *Cluster) add(pod *corev1.Pod, workload string) {
	c.store.put(pod)
	c.owners[model.PodKey{Namespace: pod.Namespace, Name: pod.Name}] = workload
}

// newPod makes a pod from a template.
func newPod(kind string, owner client.Object, template *corev1.PodTemplateSpec) *corev1.Pod {
	template = template.DeepCopy()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: owner.GetNamespace(), Labels: template.Labels, Annotations: template.Annotations},
		Spec:       template.Spec,
		Status:     corev1.PodStatus{Phase: corev1.PodPending},
	}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.OwnerReferences = controlledBy(kind, owner)
	return pod
}

func controlledBy(kind string, owner client.Object) []metav1.OwnerReference {
	apiVersion := "apps/v1"
	switch kind {
	case "Job":
		apiVersion = "batch/v1"
	case "ReplicationController":
		apiVersion = "v1"
	}
	controller := true
	return []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: owner.GetName(), UID: owner.GetUID(), Controller: &controller}}
}

// replicaSet is what the Deployment makes to make such pods; the scheduler
// spreads the pods of one over zones and hosts.
func (c *Cluster) replicaSet(deployment *appsv1.Deployment, pod *corev1.Pod, workload string) *appsv1.ReplicaSet {
	hash := c.templateHash(workload, &deployment.Spec.Template)
	pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: deployment.Namespace, Name: deployment.Name + "-" + hash, OwnerReferences: controlledBy("Deployment", deployment),
	}}
	if known, found := find[*appsv1.ReplicaSet](c.store, set.Namespace, set.Name); found {
		return known
	}
	if deployment.Spec.Selector != nil {
		set.Spec.Selector = metav1.CloneSelectorAndAddLabel(deployment.Spec.Selector, appsv1.DefaultDeploymentUniqueLabelKey, hash)
	}
	c.store.put(set)
	return set
}

// templateHash is the pod-template-hash that the pods there are have, or one
// made from the template.
func (c *Cluster) templateHash(workload string, template *corev1.PodTemplateSpec) string {
	for _, pod := range c.living[workload] {
		if hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; hash != "" {
			return hash
		}
	}
	hasher := fnv.New32a()
	encoded, err := json.Marshal(template)
	if err == nil {
		_, err = hasher.Write(encoded)
	}
	if err != nil {
		return "unknown"
	}
	return rand.SafeEncodeString(strconv.FormatUint(uint64(hasher.Sum32()), 10))
}

// createOrdinals adds the pods of a StatefulSet that are missing, each with the
// volumes of its own.
func (c *Cluster) createOrdinals(set *appsv1.StatefulSet) {
	first := 0
	if set.Spec.Ordinals != nil {
		first = int(set.Spec.Ordinals.Start)
	}
	workload := label("StatefulSet", set.Namespace, set.Name)
	for ordinal := first; ordinal < first+value(set.Spec.Replicas, 1); ordinal++ {
		pod := newPod("StatefulSet", set, &set.Spec.Template)
		pod.Name = set.Name + "-" + strconv.Itoa(ordinal)
		pod.Labels[appsv1.StatefulSetPodNameLabel] = pod.Name
		pod.Labels[appsv1.PodIndexLabel] = strconv.Itoa(ordinal)
		if c.store.has(pod, client.ObjectKeyFromObject(pod)) {
			continue
		}
		var refusal string
		for i := range set.Spec.VolumeClaimTemplates {
			refusal = cmp.Or(refusal, c.mount(pod, &set.Spec.VolumeClaimTemplates[i]))
		}
		if refusal = cmp.Or(refusal, c.defaultPod(pod)); refusal != "" {
			c.refused[refusal]++
			continue
		}
		c.add(pod, workload)
	}
}

// mount gives a pod the claim that its StatefulSet makes for it, or says why the
// API server would refuse the claim.
func (c *Cluster) mount(pod *corev1.Pod, template *corev1.PersistentVolumeClaim) (refusal string) {
	claim := template.DeepCopy()
	claim.Namespace, claim.Name = pod.Namespace, template.Name+"-"+pod.Name
	if !c.store.has(claim, client.ObjectKeyFromObject(claim)) {
		if refusal := c.claimRefusal(template.Name, claim); refusal != "" {
			return refusal
		}
		c.store.put(claim)
	}
	source := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name}}
	var volumes []corev1.Volume
	for _, volume := range pod.Spec.Volumes {
		if volume.Name != template.Name {
			volumes = append(volumes, volume)
		}
	}
	pod.Spec.Volumes = append(volumes, corev1.Volume{Name: template.Name, VolumeSource: source})
	return ""
}
