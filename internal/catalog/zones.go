package catalog

import "fmt"

// Zone is an availability zone.
type Zone struct {
	Name string // us-west-2a
	ID   string // usw2-az1
}

// Zones are the first three availability zones of a region, nil for a region
// that is not in the catalog. Which zone ID a name means differs between AWS
// accounts; here they go in the same order.
func Zones(region string) []Zone {
	prefix := zoneIDPrefix(region)
	if prefix == "" {
		return nil
	}
	var zones []Zone
	for i, letter := range []string{"a", "b", "c"} {
		zones = append(zones, Zone{Name: region + letter, ID: fmt.Sprintf("%s%d", prefix, i+1)})
	}
	return zones
}

func zoneIDPrefix(region string) string {
	switch region {
	case "us-west-2":
		return "usw2-az"
	case "us-east-1":
		return "use1-az"
	case "eu-west-1":
		return "euw1-az"
	case "ap-northeast-2":
		return "apne2-az"
	}
	return ""
}
