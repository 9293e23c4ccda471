package controlplane

import (
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/datadir"
)

const auditFile = "audit-policy.yaml"

// auditFlags has who called what written down, as EKS does with its audit log.
func (s *startup) auditFlags() []string {
	if !s.config.Audit {
		return nil
	}
	return []string{
		"--audit-policy-file=" + s.paths.file(auditFile),
		"--audit-log-path=" + datadir.AuditLog(s.paths.dir),
		"--audit-log-mode=batch",
		"--audit-log-maxsize=200",
		"--audit-log-maxbackup=1",
	}
}

func (s *startup) writeAuditPolicy() error {
	content, err := yaml.Marshal(auditv1.Policy{
		TypeMeta:   metav1.TypeMeta{APIVersion: auditv1.SchemeGroupVersion.String(), Kind: "Policy"},
		OmitStages: []auditv1.Stage{auditv1.StageRequestReceived, auditv1.StageResponseStarted},
		Rules:      []auditv1.PolicyRule{{Level: auditv1.LevelMetadata}},
	})
	if err != nil {
		return fmt.Errorf("encoding the audit policy: %w", err)
	}
	if err := os.WriteFile(s.paths.file(auditFile), content, 0o600); err != nil {
		return fmt.Errorf("writing the audit policy: %w", err)
	}
	return nil
}
