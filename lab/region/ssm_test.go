package region_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

func (l *lab) parameter(name string) (string, error) {
	out, err := l.SSM().GetParameter(ctx(), &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", err
	}
	return *out.Parameter.Value, nil
}

// TestEveryVersionHasItsImages: the parameters that a provisioner reads name
// images that are there, of the right architecture and version.
func TestEveryVersionHasItsImages(t *testing.T) {
	t.Parallel()
	l := open(t)
	byArch := map[string][]string{}
	for _, version := range []string{"1.32", "1.33", "1.34", "1.35", "1.36", "1.37"} {
		for _, arch := range []string{"x86_64", "arm64"} {
			al2023 := "/aws/service/eks/optimized-ami/" + version + "/amazon-linux-2023/" + arch + "/"
			names := []string{al2023 + "standard/recommended/image_id", al2023 + "nvidia/recommended/image_id",
				"/aws/service/bottlerocket/aws-k8s-" + version + "/" + arch + "/latest/image_id",
				"/aws/service/bottlerocket/aws-k8s-" + version + "-nvidia/" + arch + "/latest/image_id"}
			if arch == "x86_64" {
				names = append(names, al2023+"neuron/recommended/image_id")
			}
			for _, name := range names {
				id, err := l.parameter(name)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				image := must[*ec2.DescribeImagesOutput](l)(l.DescribeImages(ctx(), &ec2.DescribeImagesInput{ImageIds: []string{id}})).Images[0]
				if string(image.Architecture) != arch || !strings.Contains(*image.Name, "-"+version+"-") {
					t.Errorf("%s names %s (%s)", name, *image.Name, image.Architecture)
				}
				byArch[arch] = append(byArch[arch], id)
			}
		}
	}
	all := slices.Sorted(slices.Values(slices.Concat(byArch["x86_64"], byArch["arm64"])))
	if n := len(slices.Compact(all)); n != 6*9 {
		t.Errorf("%d different images, want 54", n)
	}
}

func TestReleasesAreParameters(t *testing.T) {
	t.Parallel()
	l := open(t)
	folder := "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/x86_64/standard/"
	name, err := l.parameter(folder + "recommended/image_name")
	refused(t, err, "")
	recommended, _ := l.parameter(folder + "recommended/image_id")
	byName, err := l.parameter(folder + name + "/image_id")
	if err != nil || byName != recommended {
		t.Errorf("%s is %s (%v), recommended is %s", name, byName, err, recommended)
	}
	release, _ := l.parameter(folder + "recommended/release_version")
	if !strings.HasPrefix(release, "1.37.") || !strings.HasSuffix(release, name[strings.LastIndex(name, "v")+1:]) {
		t.Errorf("release %q of image %q", release, name)
	}
	older, err := l.parameter(folder + "amazon-eks-node-al2023-x86_64-standard-1.37-v20261105/image_id")
	if err != nil || older == recommended {
		t.Errorf("the release before is %q, %v", older, err)
	}
	if arn, err := l.parameter("arn:aws:ssm:us-west-2::parameter" + folder + "recommended/image_id"); err != nil || arn != recommended {
		t.Errorf("by ARN: %q, %v", arn, err)
	}
	if version, err := l.parameter(folder + "recommended/image_id:1"); err != nil || version != recommended {
		t.Errorf("with a version: %q, %v", version, err)
	}
	for _, unknown := range []string{"/none", folder, folder + "recommended/image_id:2", "/aws/service/eks/optimized-ami/1.20/amazon-linux-2/recommended/image_id"} {
		_, err := l.parameter(unknown)
		refused(t, err, "ParameterNotFound")
	}
}

func TestGetParameters(t *testing.T) {
	t.Parallel()
	l := open(t)
	known := "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/arm64/standard/recommended/image_id"
	out := must[*ssm.GetParametersOutput](l)(l.SSM().GetParameters(ctx(), &ssm.GetParametersInput{Names: []string{"/none", known}}))
	if len(out.Parameters) != 1 || *out.Parameters[0].Name != known || !slices.Equal(out.InvalidParameters, []string{"/none"}) {
		t.Errorf("got %+v, invalid %v", out.Parameters, out.InvalidParameters)
	}
	for _, names := range [][]string{nil, make([]string, 11)} {
		_, err := l.SSM().GetParameters(ctx(), &ssm.GetParametersInput{Names: names})
		refused(t, err, "ValidationException")
	}
}

func TestGetParametersByPath(t *testing.T) {
	t.Parallel()
	l := open(t)
	all := func(path string, recursive bool, limit *int32) (names []string) {
		t.Helper()
		for in := (&ssm.GetParametersByPathInput{Path: &path, Recursive: &recursive, MaxResults: limit}); ; {
			out := must[*ssm.GetParametersByPathOutput](l)(l.SSM().GetParametersByPath(ctx(), in))
			if len(out.Parameters) > 10 || (limit != nil && len(out.Parameters) > int(*limit)) {
				t.Fatalf("a page of %d", len(out.Parameters))
			}
			for _, p := range out.Parameters {
				names = append(names, *p.Name)
			}
			if out.NextToken == nil {
				return names
			}
			in.NextToken = out.NextToken
		}
	}
	standard := "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/x86_64/standard"
	deep := all(standard, true, nil)
	if len(deep) != 3*4 || !slices.Contains(deep, standard+"/recommended/image_id") {
		t.Errorf("below %s: %v", standard, deep)
	}
	if flat := all(standard, false, nil); !slices.Equal(flat, []string{
		standard + "/amazon-eks-node-al2023-x86_64-standard-1.37-v20261105", standard + "/amazon-eks-node-al2023-x86_64-standard-1.37-v20261120", standard + "/recommended",
	}) {
		t.Errorf("in %s: %v", standard, flat)
	}
	if again := all(standard+"/", true, aws.Int32(5)); !slices.Equal(again, deep) {
		t.Errorf("in pages of 5: %v", again)
	}
	if none := all("/aws/service/eks/optimized-ami/1.3", true, nil); len(none) != 0 {
		t.Errorf("1.3 is not a folder, yet it has %v", none)
	}
	for name, c := range map[string]struct {
		in   ssm.GetParametersByPathInput
		code string
	}{
		"no slash":   {ssm.GetParametersByPathInput{Path: aws.String("aws")}, "ValidationException"},
		"limit 11":   {ssm.GetParametersByPathInput{Path: aws.String("/"), MaxResults: aws.Int32(11)}, "ValidationException"},
		"made up":    {ssm.GetParametersByPathInput{Path: aws.String("/"), NextToken: aws.String("x")}, "InvalidNextToken"},
		"limit zero": {ssm.GetParametersByPathInput{Path: aws.String("/"), MaxResults: aws.Int32(0)}, "ValidationException"},
	} {
		if _, err := l.SSM().GetParametersByPath(ctx(), &c.in); codeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}
