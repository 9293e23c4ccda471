// Package podenv computes what a container's process is started with: its
// arguments, its environment and its service account's credentials.
package podenv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	resourcehelper "k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// Container is what the values are taken from.
type Container struct {
	Pod  *corev1.Pod
	Spec *corev1.Container
	// PodIP and HostIP are needed before the API knows them.
	PodIP, HostIP string
	// Allocatable of the node stands for limits that are not set.
	Allocatable corev1.ResourceList
}

// Command is a container's resolved command line and variables.
type Command struct {
	// Words are command and args. Without a command the first word is missing:
	// the image's own entrypoint.
	Command, Args []string
	Env           map[string]string
}

// Resolve reads the Secrets and ConfigMaps that the container refers to. Base
// holds variables that the container may refer to and override.
func Resolve(ctx context.Context, client kubernetes.Interface, c Container, base map[string]string) (Command, error) {
	r := &resolver{client: client, container: c, env: map[string]string{}}
	for _, source := range c.Spec.EnvFrom {
		if err := r.addAll(ctx, source); err != nil {
			return Command{}, err
		}
	}
	mapping := expansion.MappingFuncFor(r.env, base)
	for _, variable := range c.Spec.Env {
		if variable.ValueFrom == nil {
			r.env[variable.Name] = expansion.Expand(variable.Value, mapping)
			continue
		}
		value, found, err := r.valueFrom(ctx, variable.ValueFrom)
		if err != nil {
			return Command{}, fmt.Errorf("variable %s: %w", variable.Name, err)
		}
		if found {
			r.env[variable.Name] = value
		}
	}
	command := Command{Env: map[string]string{}}
	for _, variables := range []map[string]string{base, r.env} {
		for name, value := range variables {
			command.Env[name] = value
		}
	}
	expand := expansion.MappingFuncFor(command.Env)
	for _, word := range c.Spec.Command {
		command.Command = append(command.Command, expansion.Expand(word, expand))
	}
	for _, word := range c.Spec.Args {
		command.Args = append(command.Args, expansion.Expand(word, expand))
	}
	return command, nil
}

// List returns the environment as NAME=value in order of names.
func (c Command) List() []string {
	var list []string
	for name, value := range c.Env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

type resolver struct {
	client    kubernetes.Interface
	container Container
	env       map[string]string
}

func (r *resolver) addAll(ctx context.Context, source corev1.EnvFromSource) error {
	var values map[string]string
	var err error
	switch {
	case source.ConfigMapRef != nil:
		values, err = r.configMap(ctx, source.ConfigMapRef.Name, source.ConfigMapRef.Optional)
	case source.SecretRef != nil:
		values, err = r.secret(ctx, source.SecretRef.Name, source.SecretRef.Optional)
	}
	if err != nil {
		return err
	}
	for name, value := range values {
		r.env[source.Prefix+name] = value
	}
	return nil
}

func (r *resolver) valueFrom(ctx context.Context, source *corev1.EnvVarSource) (value string, found bool, err error) {
	switch {
	case source.FieldRef != nil:
		value, err = r.field(source.FieldRef.FieldPath)
		return value, true, err
	case source.ResourceFieldRef != nil:
		value, err = r.resource(source.ResourceFieldRef)
		return value, true, err
	case source.ConfigMapKeyRef != nil:
		ref := source.ConfigMapKeyRef
		values, err := r.configMap(ctx, ref.Name, ref.Optional)
		return pick(values, ref.Key, ref.Optional, err, "configmap "+ref.Name)
	case source.SecretKeyRef != nil:
		ref := source.SecretKeyRef
		values, err := r.secret(ctx, ref.Name, ref.Optional)
		return pick(values, ref.Key, ref.Optional, err, "secret "+ref.Name)
	}
	return "", false, errors.New("this kind of valueFrom is not supported here; use fieldRef, resourceFieldRef, configMapKeyRef or secretKeyRef")
}

func pick(values map[string]string, key string, optional *bool, err error, where string) (string, bool, error) {
	if err != nil {
		return "", false, err
	}
	value, found := values[key]
	if !found && (optional == nil || !*optional) {
		return "", false, fmt.Errorf("couldn't find key %s in %s", key, where)
	}
	return value, found, nil
}

func (r *resolver) configMap(ctx context.Context, name string, optional *bool) (map[string]string, error) {
	object, err := r.client.CoreV1().ConfigMaps(r.container.Pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if tolerated(err, optional) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return object.Data, nil
}

func (r *resolver) secret(ctx context.Context, name string, optional *bool) (map[string]string, error) {
	object, err := r.client.CoreV1().Secrets(r.container.Pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if tolerated(err, optional) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for key, value := range object.Data {
		values[key] = string(value)
	}
	return values, nil
}

func tolerated(err error, optional *bool) bool {
	return apierrors.IsNotFound(err) && optional != nil && *optional
}

func (r *resolver) field(path string) (string, error) {
	pod := r.container.Pod
	switch path {
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs":
		return r.container.HostIP, nil
	case "status.podIP", "status.podIPs":
		return r.container.PodIP, nil
	}
	if !strings.HasPrefix(path, "metadata.") {
		return "", fmt.Errorf("fieldRef %q is not supported; use metadata.*, spec.nodeName, spec.serviceAccountName, status.podIP or status.hostIP", path)
	}
	return fieldpath.ExtractFieldPathAsString(pod, path)
}

func (r *resolver) resource(ref *corev1.ResourceFieldSelector) (string, error) {
	container := r.container.Spec
	if ref.ContainerName != "" && ref.ContainerName != container.Name {
		return resourcehelper.ExtractResourceValueByContainerNameAndNodeAllocatable(ref, r.container.Pod, ref.ContainerName, r.container.Allocatable)
	}
	container = container.DeepCopy()
	resourcehelper.MergeContainerResourceLimits(container, r.container.Allocatable)
	return resourcehelper.ExtractContainerResourceValue(ref, container)
}
