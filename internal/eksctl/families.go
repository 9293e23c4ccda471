package eksctl

import (
	"slices"
	"strings"
)

// AMI families that are more than a name here.
const (
	AmazonLinux2023    = "AmazonLinux2023"
	AmazonLinux2       = "AmazonLinux2"
	BottlerocketFamily = "Bottlerocket"
	BottlerocketFIPS   = "BottlerocketFips"
)

// AMIFamilies lists what amiFamily may be.
func AMIFamilies() []string {
	return []string{
		AmazonLinux2023, AmazonLinux2, "UbuntuPro2604", "Ubuntu2604", "UbuntuPro2404", "Ubuntu2404", "UbuntuPro2204", "Ubuntu2204",
		"UbuntuPro2004", "Ubuntu2004", BottlerocketFamily, BottlerocketFIPS,
		"WindowsServer2019CoreContainer", "WindowsServer2019FullContainer", "WindowsServer2022CoreContainer",
		"WindowsServer2022FullContainer", "WindowsServer2025CoreContainer", "WindowsServer2025FullContainer",
	}
}

// family is the family in its proper case, or as it was given.
func family(given string) string {
	all := AMIFamilies()
	if i := slices.IndexFunc(all, func(one string) bool { return strings.EqualFold(one, given) }); i >= 0 {
		return all[i]
	}
	return given
}

// IsBottlerocket is whether a family is Bottlerocket.
func IsBottlerocket(name string) bool { return strings.HasPrefix(name, BottlerocketFamily) }

// IsWindows is whether a family is Windows.
func IsWindows(name string) bool { return strings.HasPrefix(name, "Windows") }

// IsUbuntu is whether a family is Ubuntu.
func IsUbuntu(name string) bool { return strings.HasPrefix(name, "Ubuntu") }
