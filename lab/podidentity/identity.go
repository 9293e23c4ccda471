package podidentity

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Annotations of service accounts and pods.
const (
	roleAnnotation       = "eks.amazonaws.com/role-arn"
	audienceAnnotation   = "eks.amazonaws.com/audience"
	regionalAnnotation   = "eks.amazonaws.com/sts-regional-endpoints"
	expirationAnnotation = "eks.amazonaws.com/token-expiration"
	skipAnnotation       = "eks.amazonaws.com/skip-containers"
)

const (
	defaultAudience = "sts.amazonaws.com"
	// Seconds; the API server gives no token for less than ten minutes.
	defaultExpiration  = 86400
	shortestExpiration = 600

	volumeName = "aws-iam-token"
	mountPath  = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
	tokenFile  = "token"
)

// identity is the role of a service account.
type identity struct {
	role, audience string
	expiration     int64
	regional       string // regional or legacy
}

func identityOf(account *corev1.ServiceAccount) (i identity, has bool) {
	a := account.Annotations
	if a[roleAnnotation] == "" {
		return i, false
	}
	i = identity{role: a[roleAnnotation], audience: defaultAudience, expiration: defaultExpiration, regional: "regional"}
	if a[audienceAnnotation] != "" {
		i.audience = a[audienceAnnotation]
	}
	if seconds, err := strconv.ParseInt(a[expirationAnnotation], 10, 64); err == nil {
		i.expiration = max(seconds, shortestExpiration)
	}
	if a[regionalAnnotation] == "false" {
		i.regional = "legacy"
	}
	return i, true
}

// give puts the token and the variables into a pod, unless its containers have
// them or are to be left alone.
func (i identity) give(pod *corev1.Pod, region string) (given bool) {
	expiration := i.expiration
	if seconds, err := strconv.ParseInt(pod.Annotations[expirationAnnotation], 10, 64); err == nil {
		expiration = max(seconds, shortestExpiration)
	}
	var skipped []string
	for _, name := range strings.Split(pod.Annotations[skipAnnotation], ",") {
		skipped = append(skipped, strings.TrimSpace(name))
	}
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for c := range containers {
			if !slices.Contains(skipped, containers[c].Name) {
				given = i.giveContainer(&containers[c], region) || given
			}
		}
	}
	hasVolume := slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == volumeName })
	if !given || hasVolume {
		return given
	}
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: volumeName, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
			ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: i.audience, ExpirationSeconds: &expiration, Path: tokenFile},
		}}},
	}})
	return true
}

// giveContainer changes one container; one that names a role itself keeps it.
func (i identity) giveContainer(c *corev1.Container, region string) (given bool) {
	if has(c, "AWS_ROLE_ARN") || has(c, "AWS_WEB_IDENTITY_TOKEN_FILE") {
		return false
	}
	for _, variable := range []corev1.EnvVar{
		{Name: "AWS_STS_REGIONAL_ENDPOINTS", Value: i.regional},
		{Name: "AWS_DEFAULT_REGION", Value: region}, {Name: "AWS_REGION", Value: region},
		{Name: "AWS_ROLE_ARN", Value: i.role}, {Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Value: mountPath + "/" + tokenFile},
	} {
		if !has(c, variable.Name) {
			c.Env = append(c.Env, variable)
		}
	}
	if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == mountPath }) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: volumeName, MountPath: mountPath, ReadOnly: true})
	}
	return true
}

func has(c *corev1.Container, variable string) bool {
	return slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == variable })
}
