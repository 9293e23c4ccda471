package ec2api

import "github.com/drover-project/drover/internal/catalog"

// Architecture is EC2's word for a type's processor architecture: x86_64 or arm64.
func Architecture(t catalog.Type) string {
	if t.Arch == "amd64" {
		return "x86_64"
	}
	return t.Arch
}

// ImageArchitecture is that of an image, empty for one that does not exist. Use
// it within View or Update.
func (e *EC2) ImageArchitecture(id string) string {
	image, err := e.image(id)
	if err != nil {
		return ""
	}
	return image.Arch
}
