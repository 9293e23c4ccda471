package eks

import "strings"

// RegionOf is the region in an ARN, empty when it has none.
func RegionOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 3 {
		return parts[3]
	}
	return ""
}
