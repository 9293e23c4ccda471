package nodegroups

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"
)

// mappedRole is an entry of mapRoles in the aws-auth ConfigMap.
type mappedRole struct {
	RoleARN  string   `json:"rolearn"`
	Username string   `json:"username,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

const (
	authConfigMap = "aws-auth"
	authNamespace = "kube-system"
)

// mapRole lets the nodes of a role in; twice is once.
func (m *Manager) mapRole(ctx context.Context, role string) error {
	changed, err := m.editRoles(ctx, func(roles []mappedRole) []mappedRole {
		if slices.ContainsFunc(roles, func(one mappedRole) bool { return one.RoleARN == role }) {
			return roles
		}
		return append(roles, mappedRole{
			RoleARN: role, Username: "system:node:{{EC2PrivateDNSName}}", Groups: []string{"system:bootstrappers", "system:nodes"},
		})
	})
	if changed {
		m.Log.Info("adding identity %q to auth ConfigMap", role)
	}
	return err
}

// unmapRole takes a role's entry away, unless another group has the same role.
func (m *Manager) unmapRole(ctx context.Context, role string) error {
	changed, err := m.editRoles(ctx, func(roles []mappedRole) []mappedRole {
		return slices.DeleteFunc(roles, func(one mappedRole) bool { return one.RoleARN == role })
	})
	if changed {
		m.Log.Info("removing identity %q from auth ConfigMap", role)
	}
	return err
}

func (m *Manager) editRoles(ctx context.Context, edit func([]mappedRole) []mappedRole) (changed bool, err error) {
	maps := m.Kube.CoreV1().ConfigMaps(authNamespace)
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		changed = false
		current, err := maps.Get(ctx, authConfigMap, metav1.GetOptions{})
		missing := apierrors.IsNotFound(err)
		if missing {
			current = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: authConfigMap, Namespace: authNamespace}}
		} else if err != nil {
			return err
		}
		var roles []mappedRole
		if err := yaml.Unmarshal([]byte(current.Data["mapRoles"]), &roles); err != nil {
			return fmt.Errorf("mapRoles is no list: %w", err)
		}
		before := len(roles)
		roles = edit(roles)
		if len(roles) == before {
			return nil
		}
		text, err := yaml.Marshal(roles)
		if err != nil {
			return err
		}
		if current.Data == nil {
			current.Data = map[string]string{}
		}
		current.Data["mapRoles"] = string(text)
		changed = true
		if missing {
			_, err = maps.Create(ctx, current, metav1.CreateOptions{})
		} else {
			_, err = maps.Update(ctx, current, metav1.UpdateOptions{})
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("changing ConfigMap %s/%s: %w", authNamespace, authConfigMap, err)
	}
	return changed, nil
}
