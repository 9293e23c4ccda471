package ec2api

import "github.com/drover-project/drover/internal/catalog"

// architecture is EC2's word for a type's processor architecture.
func architecture(t catalog.Type) string {
	if t.Arch == "amd64" {
		return "x86_64"
	}
	return t.Arch
}
