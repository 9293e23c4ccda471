package instancetype

import (
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

// Supports reports whether the type has what the settings of the class need.
func (s Shape) Supports(f Facts) bool {
	// AL2023 does not run on the first Graviton, see
	// https://docs.aws.amazon.com/linux/al2023/ug/system-requirements.html
	if s.family == ec2v1.AMIFamilyAL2023 && strings.HasPrefix(f.Name, "a1.") {
		return false
	}
	if s.connectionTracking && f.Hypervisor != "nitro" {
		return false
	}
	if s.nestedVirtual && !f.NestedVirtualization {
		return false
	}
	return s.fitsInterfaces(f)
}

// fitsInterfaces reports whether the type has the network cards and the room on
// them that the class's interfaces take.
func (s Shape) fitsInterfaces(f Facts) bool {
	taken := map[int32]int64{}
	for _, each := range s.networkInterfaces {
		taken[each.NetworkCardIndex]++
	}
	for card, count := range taken {
		if int(card) >= len(f.NetworkCards) || f.NetworkCards[card].ENIs < count {
			return false
		}
	}
	return true
}
