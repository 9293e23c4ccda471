package world

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Image is an AMI that Amazon publishes for EKS nodes.
type Image struct {
	ID          string
	Name        string
	Description string
	Arch        string // x86_64 or arm64
	Created     time.Time
	Deprecated  time.Time
	Volumes     []ImageVolume // the first is the root

	kubernetes string // 1.37
	parameters []string
	release    string // as the release_version parameter has it
}

// ImageVolume is one entry of an image's block device mapping.
type ImageVolume struct {
	Device     string
	GiB        int64
	SnapshotID string
	Type       string
}

// Owners of the images.
const (
	ImageOwner      = "602401143452" // the EKS account in most regions
	ImageOwnerAlias = "amazon"
)

// release is one day on which AMIs were published.
type release struct {
	published    time.Time
	bottlerocket string // 1.53.0-3b2f6c1d
}

// date is the day as in the names of AMIs: 20261120.
func (r release) date() string { return r.published.Format("20060102") }

// releases are the two last ones, latest first.
func releases() []release {
	return []release{
		{published: time.Date(2026, 11, 20, 19, 0, 0, 0, time.UTC), bottlerocket: "1.53.0-5f1d0e3a"},
		{published: time.Date(2026, 11, 5, 19, 0, 0, 0, time.UTC), bottlerocket: "1.52.1-c94b7d26"},
	}
}

// patches are the Kubernetes releases in the images.
func patches() []string {
	return []string{"1.32.13", "1.33.11", "1.34.9", "1.35.6", "1.36.4", "1.37.2"}
}

func kubernetesVersions() []string {
	var versions []string
	for _, patch := range patches() {
		versions = append(versions, minor(patch))
	}
	return versions
}

func minor(patch string) string { return patch[:strings.LastIndex(patch, ".")] }

// newImages are all images of a region, by id.
func newImages(region string) []Image {
	var images []Image
	for _, patch := range patches() {
		for i, r := range releases() {
			images = append(images, amazonLinux(patch, r, i == 0)...)
			images = append(images, bottlerocket(patch, r, i == 0)...)
			if minor(patch) == lastAmazonLinux2 {
				images = append(images, amazonLinux2(patch, r, i == 0)...)
			}
		}
	}
	for i := range images {
		images[i].ID = digestID("ami-", region+images[i].Name)
		for v := range images[i].Volumes {
			images[i].Volumes[v].SnapshotID = digestID("snap-", region+images[i].Name+fmt.Sprint(v))
		}
	}
	slices.SortFunc(images, func(a, b Image) int { return strings.Compare(a.ID, b.ID) })
	return images
}

func amazonLinux(patch string, r release, latest bool) []Image {
	var images []Image
	for _, v := range []struct{ arch, variant string }{
		{"x86_64", "standard"}, {"arm64", "standard"}, {"x86_64", "nvidia"}, {"arm64", "nvidia"}, {"x86_64", "neuron"},
	} {
		name := fmt.Sprintf("amazon-eks-node-al2023-%s-%s-%s-v%s", v.arch, v.variant, minor(patch), r.date())
		folder := fmt.Sprintf("/aws/service/eks/optimized-ami/%s/amazon-linux-2023/%s/%s/", minor(patch), v.arch, v.variant)
		image := Image{
			Name: name, Arch: v.arch, kubernetes: minor(patch), release: patch + "-" + r.date(),
			Description: fmt.Sprintf("EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: %s, variant: %s)", patch, v.variant),
			Volumes:     []ImageVolume{{Device: "/dev/xvda", GiB: 20, Type: "gp3"}},
			parameters:  []string{folder + name},
		}
		if latest {
			image.parameters = append(image.parameters, folder+"recommended")
		}
		images = append(images, image.publishedAt(r.published))
	}
	return images
}

// lastAmazonLinux2 is the last version of Kubernetes with images of Amazon Linux 2.
const lastAmazonLinux2 = "1.32"

// amazonLinux2 are the images whose nodes join by bootstrap.sh.
func amazonLinux2(patch string, r release, latest bool) []Image {
	var images []Image
	for _, v := range []struct{ arch, name, folder string }{
		{"x86_64", "amazon-eks-node", "amazon-linux-2"}, {"arm64", "amazon-eks-arm64-node", "amazon-linux-2-arm64"}, {"x86_64", "amazon-eks-gpu-node", "amazon-linux-2-gpu"},
	} {
		name := fmt.Sprintf("%s-%s-v%s", v.name, minor(patch), r.date())
		folder := fmt.Sprintf("/aws/service/eks/optimized-ami/%s/%s/", minor(patch), v.folder)
		image := Image{
			Name: name, Arch: v.arch, kubernetes: minor(patch), release: patch + "-" + r.date(),
			Description: fmt.Sprintf("EKS Kubernetes Worker AMI with AmazonLinux2 image, (k8s: %s)", patch),
			Volumes:     []ImageVolume{{Device: "/dev/xvda", GiB: 20, Type: "gp2"}},
			parameters:  []string{folder + name},
		}
		if latest {
			image.parameters = append(image.parameters, folder+"recommended")
		}
		images = append(images, image.publishedAt(r.published))
	}
	return images
}

func bottlerocket(patch string, r release, latest bool) []Image {
	var images []Image
	number, _, _ := strings.Cut(r.bottlerocket, "-")
	for _, variant := range []string{"", "-nvidia"} {
		for _, arch := range []string{"x86_64", "arm64"} {
			name := "aws-k8s-" + minor(patch) + variant
			folder := fmt.Sprintf("/aws/service/bottlerocket/%s/%s/", name, arch)
			image := Image{
				Name: fmt.Sprintf("bottlerocket-%s-%s-v%s", name, arch, r.bottlerocket), Arch: arch,
				kubernetes: minor(patch), release: r.bottlerocket,
				Description: fmt.Sprintf("Bottlerocket %s, variant %s", number, name),
				Volumes:     []ImageVolume{{Device: "/dev/xvda", GiB: 2, Type: "gp3"}, {Device: "/dev/xvdb", GiB: 20, Type: "gp3"}},
				parameters:  []string{folder + number, folder + r.bottlerocket},
			}
			if latest {
				image.parameters = append(image.parameters, folder+"latest")
			}
			images = append(images, image.publishedAt(r.published))
		}
	}
	return images
}

// twoYears after its release an EKS image is deprecated.
const twoYears = 2

func (i Image) publishedAt(at time.Time) Image {
	i.Created = at
	i.Deprecated = at.AddDate(twoYears, 0, 0)
	return i
}

// digestID is an identifier that is the same in every account.
func digestID(prefix, of string) string {
	sum := sha256.Sum256([]byte(of))
	return prefix + "0" + hex.EncodeToString(sum[:])[:idDigits-1]
}

// Image finds an image by id.
func (w *World) Image(id string) (Image, bool) {
	i, found := slices.BinarySearchFunc(w.Images, id, func(image Image, id string) int { return strings.Compare(image.ID, id) })
	if !found {
		return Image{}, false
	}
	return w.Images[i], true
}

// Parameters are the public SSM parameters, by name.
func (w *World) Parameters() map[string]Parameter {
	parameters := map[string]Parameter{}
	for _, image := range w.Images {
		for _, folder := range image.parameters {
			add := func(name, value string) {
				parameters[folder+name] = Parameter{Name: folder + name, Value: value, Modified: image.Created}
			}
			add("/image_id", image.ID)
			if strings.HasPrefix(folder, "/aws/service/bottlerocket/") {
				add("/image_version", image.release)
				continue
			}
			add("/image_name", image.Name)
			add("/release_version", image.release)
			add("", image.summary())
		}
	}
	return parameters
}

// summary is the value of the parameter that has all facts in one.
func (i Image) summary() string {
	return fmt.Sprintf(`{"schema_version":"2","image_id":"%s","image_name":"%s","release_version":"%s"}`, i.ID, i.Name, i.release)
}

// Parameter is a public SSM parameter.
type Parameter struct {
	Name, Value string
	Modified    time.Time
}

// nodeImage is the image of the managed node group.
func (w *World) nodeImage() Image {
	name := fmt.Sprintf("/aws/service/eks/optimized-ami/%s/amazon-linux-2023/x86_64/standard/recommended/image_id", w.Options.Cluster.Version)
	image, _ := w.Image(w.Parameters()[name].Value)
	return image
}
