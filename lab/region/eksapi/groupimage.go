package eksapi

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/bootdata"
	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/world"
)

// resolveTemplate finds the user's launch template and gives it its id, name
// and number of version, and refuses what it must not say.
func (e *EKS) resolveTemplate(g *world.NodeGroup) error {
	d := &g.Description
	if d.LaunchTemplate == nil {
		return nil
	}
	spec, err := e.template(d.LaunchTemplate)
	if err != nil {
		return err
	}
	d.LaunchTemplate = &spec
	data, err := nodegroups.TemplateData(e.world, &spec)
	if err != nil {
		return err
	}
	switch {
	case d.DiskSize != nil:
		return invalid("Disk size must be specified within the launch template.")
	case d.RemoteAccess != nil:
		return invalid("Remote access configuration cannot be specified with a launch template.")
	case len(d.InstanceTypes) > 0 && data.InstanceType != "":
		return badRequest("Cannot specify instance types in launch template and API request")
	}
	return checkTemplateData(*spec.Id, data)
}

// checkTemplateData refuses what EKS sets itself.
func checkTemplateData(id string, d ec2types.RequestLaunchTemplateData) error {
	switch {
	case d.IamInstanceProfile != nil:
		return badRequest("Launch template %s should not specify an instance profile. The noderole in your request will be used to construct an instance profile.", id)
	case d.InstanceMarketOptions != nil && d.InstanceMarketOptions.MarketType == ec2types.MarketTypeSpot:
		return badRequest("Launch template %s should not request Spot Instances. Use the capacity type of the nodegroup.", id)
	case d.HibernationOptions != nil && aws.ToBool(d.HibernationOptions.Configured):
		return badRequest("Launch template %s should not configure hibernation.", id)
	case d.InstanceInitiatedShutdownBehavior != "":
		return badRequest("Launch template %s should not specify a shutdown behavior.", id)
	case slices.ContainsFunc(d.NetworkInterfaces, func(n ec2types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest) bool {
		return aws.ToString(n.SubnetId) != ""
	}):
		return badRequest("Launch template %s should not specify a subnet. The subnets of the nodegroup will be used.", id)
	}
	return nil
}

// template resolves a launch template by id or name and a version by number,
// $Default or $Latest.
func (e *EKS) template(asked *types.LaunchTemplateSpecification) (types.LaunchTemplateSpecification, error) {
	id, name := aws.ToString(asked.Id), aws.ToString(asked.Name)
	if (id == "") == (name == "") {
		return *asked, invalid("Specify either the id or the name of the launch template, not both")
	}
	at := slices.IndexFunc(e.world.Templates.All(), func(t world.LaunchTemplate) bool { return t.ID == id || t.Name == name })
	if at < 0 {
		return *asked, invalid("The specified launch template, %s, does not exist.", id+name)
	}
	t := e.world.Templates.All()[at]
	number := t.Default
	switch version := aws.ToString(asked.Version); version {
	case "", "$Default":
	case "$Latest":
		number = t.Latest
	default:
		var err error
		if number, err = strconv.ParseInt(version, 10, 64); err != nil {
			return *asked, invalid("Invalid launch template version %q: use a number, $Default or $Latest", version)
		}
	}
	if _, found := t.Version(number); !found {
		return *asked, invalid("Could not find the specified version %d for the launch template with ID %s.", number, t.ID)
	}
	return types.LaunchTemplateSpecification{Id: aws.String(t.ID), Name: aws.String(t.Name), Version: aws.String(strconv.FormatInt(number, 10))}, nil
}

// chooseTypes checks the instance types and takes t3.medium, or t4g.medium for
// Arm images, when none is given.
func (e *EKS) chooseTypes(g *world.NodeGroup) error {
	d := &g.Description
	if len(d.InstanceTypes) > mostTypes {
		return invalid("%d instance types are more than the %d that a nodegroup can have", len(d.InstanceTypes), mostTypes)
	}
	data, err := nodegroups.TemplateData(e.world, d.LaunchTemplate)
	if err != nil {
		return err
	}
	if len(d.InstanceTypes) == 0 && data.InstanceType == "" {
		d.InstanceTypes = []string{"t3.medium"}
		if strings.Contains(string(d.AmiType), "ARM_64") {
			d.InstanceTypes = []string{"t4g.medium"}
		}
	}
	for _, name := range nodegroups.InstanceTypes(e.world, *g) {
		if _, priced := e.world.Catalog.Price(e.world.Options.Region, name); !priced {
			return invalid("The following supplied instance types do not exist: [%s]", name)
		}
	}
	return nil
}

// architectures are those of a group's instance types: x86_64, arm64.
func (e *EKS) architectures(g world.NodeGroup) (list []string) {
	for _, name := range nodegroups.InstanceTypes(e.world, g) {
		t, _ := e.world.Catalog.Type(name)
		arch := t.Arch
		if arch == "amd64" {
			arch = "x86_64"
		}
		if !slices.Contains(list, arch) {
			list = append(list, arch)
		}
	}
	return list
}

// chooseImage finds the image that the group's nodes boot from.
func (e *EKS) chooseImage(g *world.NodeGroup) error {
	d := &g.Description
	arches := e.architectures(*g)
	if len(arches) > 1 {
		return invalid("The instance types %s are of different architectures", quoted(nodegroups.InstanceTypes(e.world, *g)))
	}
	data, err := nodegroups.TemplateData(e.world, d.LaunchTemplate)
	if err != nil {
		return err
	}
	if id := aws.ToString(data.ImageId); id != "" {
		return e.ownImage(g, id)
	}
	if d.AmiType == types.AMITypesCustom {
		return invalid("The AMI type CUSTOM needs a launch template that specifies an image id")
	}
	if d.AmiType == "" {
		d.AmiType = e.defaultAMIType(*g, arches[0])
	}
	image, version, err := e.image(d.AmiType, aws.ToString(d.Version), aws.ToString(d.ReleaseVersion))
	if err != nil {
		return err
	}
	if image.Arch != arches[0] {
		return invalid("%s is not a valid instance type for requested amiType %s", nodegroups.InstanceTypes(e.world, *g)[0], d.AmiType)
	}
	d.Version, d.ReleaseVersion, g.ImageID = aws.String(version), aws.String(image.Release), image.ID
	return e.checkUserData(*g, data)
}

// ownImage makes a group one of the user's own image.
func (e *EKS) ownImage(g *world.NodeGroup, id string) error {
	d := &g.Description
	switch {
	case d.AmiType != "" && d.AmiType != types.AMITypesCustom:
		return invalid("You cannot specify an AMI Type other than CUSTOM, when specifying an image id in your launch template.")
	case aws.ToString(d.Version) != "":
		return invalid("You cannot specify a kubernetes version to use when specifying an image id to use within the launch template.")
	case aws.ToString(d.ReleaseVersion) != "":
		return invalid("You cannot specify a release version to use when specifying an image id to use within the launch template.")
	}
	d.AmiType, d.Version, d.ReleaseVersion = types.AMITypesCustom, aws.String(e.world.Options.Cluster.Version), aws.String(id)
	g.ImageID = id
	return nil
}

// defaultAMIType is Amazon Linux 2023 for what the instance types are.
func (e *EKS) defaultAMIType(g world.NodeGroup, arch string) types.AMITypes {
	t, _ := e.world.Catalog.Type(nodegroups.InstanceTypes(e.world, g)[0])
	switch {
	case t.Neuron.Devices > 0:
		return types.AMITypesAl2023X8664Neuron
	case arch == "arm64" && t.GPU.Count > 0:
		return types.AMITypesAl2023Arm64Nvidia
	case arch == "arm64":
		return types.AMITypesAl2023Arm64Standard
	case t.GPU.Count > 0:
		return types.AMITypesAl2023X8664Nvidia
	}
	return types.AMITypesAl2023X8664Standard
}

// image finds the image of an AMI type for a Kubernetes version, the cluster's
// when empty, and a release, the latest when empty.
func (e *EKS) image(amiType types.AMITypes, version, release string) (world.NodeImage, string, error) {
	if version == "" {
		version = e.world.Options.Cluster.Version
	}
	if err := e.checkVersion(version); err != nil {
		return world.NodeImage{}, version, err
	}
	images := e.world.NodeImages(amiType, version)
	if len(images) == 0 {
		return world.NodeImage{}, version, noImage(amiType, version)
	}
	if release == "" {
		return images[0], version, nil
	}
	at := slices.IndexFunc(images, func(i world.NodeImage) bool { return i.Release == release })
	if at < 0 {
		return world.NodeImage{}, version, invalid("Requested release version %s is not valid for kubernetes version %s.", release, version)
	}
	return images[at], version, nil
}

// noImage is what EKS says of an AMI type that has no image for a Kubernetes
// version. It says something of its own about Amazon Linux 2, whose last images
// are older than all versions here.
func noImage(amiType types.AMITypes, version string) error {
	switch {
	case !slices.Contains(amiType.Values(), amiType):
		return invalid("AMI Type %s is not valid: use one of %s", amiType, quoted(amiType.Values()))
	case strings.HasPrefix(string(amiType), "AL2_"):
		return invalid("AMI Type %s is only supported for kubernetes versions 1.32 or earlier", amiType)
	}
	return invalid("Requested AMI for this version %s is not supported: the region has no image of type %s, it has %s", version, amiType, quoted(world.AMITypes()))
}

// skew is how many minor versions a kubelet may be older than the API server.
const skew = 3

func (e *EKS) checkVersion(version string) error {
	known := world.KubernetesVersions()
	cluster := slices.Index(known, e.world.Options.Cluster.Version)
	if at := slices.Index(known, version); at < 0 || at > cluster || at < cluster-skew {
		return invalid("Nodegroup kubernetes version %s is not supported by cluster version %s: use one of %s",
			version, e.world.Options.Cluster.Version, quoted(known[max(0, cluster-skew):cluster+1]))
	}
	return nil
}

// checkUserData refuses user data that EKS could not add its own to.
func (e *EKS) checkUserData(g world.NodeGroup, data ec2types.RequestLaunchTemplateData) error {
	user, err := base64.StdEncoding.DecodeString(aws.ToString(data.UserData))
	if err != nil {
		return invalid("The user data of the launch template is not base64")
	}
	write := bootdata.AL2023
	if strings.HasPrefix(string(g.Description.AmiType), "BOTTLEROCKET") {
		write = bootdata.Bottlerocket
	}
	if _, err := write(nodegroups.Boot(e.world, g, nil), user); err != nil {
		text := err.Error()
		return badRequest("%s.", strings.ToUpper(text[:1])+text[1:])
	}
	return nil
}
