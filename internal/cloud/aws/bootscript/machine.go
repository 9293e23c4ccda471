package bootscript

import (
	"encoding/json"
	"regexp"
	"strings"
)

// ask answers a program as far as what it writes is known. A verdict is given only
// for programs that are followed.
func (s *shell) ask(program string, arguments []Word) (verdict, Word) {
	switch program {
	case "curl":
		return s.curl(arguments)
	case "wget":
		return s.wget(arguments)
	case "imds":
		if len(arguments) == 1 && arguments[0].isPlain() {
			return s.served(arguments[0].Text, true)
		}
	case "ec2-metadata", "ec2metadata":
		return s.ec2Metadata(program, arguments)
	case "aws":
		return s.aws(arguments)
	case "hostname":
		if len(arguments) == 0 || len(arguments) == 1 && (is(arguments[0], "-f") || is(arguments[0], "-s")) {
			return yes, Word{Text: Opaque + "\n", Known: true}
		}
	case "sleep":
		return maybe, Word{Known: true}
	}
	return s.filter(program, arguments)
}

// address is how a machine reaches its own metadata.
var address = regexp.MustCompile(`^(?:http://)?(?:169\.254\.169\.254|\[fd00:ec2::254\]|instance-data)(?::80)?/(.*)$`)

// curl answers requests for metadata that write nothing but the answer.
func (s *shell) curl(arguments []Word) (verdict, Word) {
	url, token, silent := "", false, false
	for i := 0; i < len(arguments); i++ {
		word := arguments[i]
		if !word.Known {
			return maybe, Word{}
		}
		text := word.Text
		if bundled.MatchString(text) {
			text = "-" + text[len(text)-1:]
		}
		switch {
		case address.MatchString(text):
			if url != "" {
				return maybe, Word{}
			}
			url = address.FindStringSubmatch(text)[1]
		case text == "-H" || text == "--header":
			if i++; i >= len(arguments) {
				return maybe, Word{}
			}
			token = token || arguments[i].Known && strings.Contains(strings.ToLower(arguments[i].Text), "x-aws-ec2-metadata-token:")
		case text == "-o" || text == "--output":
			if i++; i >= len(arguments) || !is(arguments[i], "/dev/null") {
				return maybe, Word{}
			}
			silent = true
		case takesValue[text]:
			i++
		case harmless.MatchString(text):
		default:
			return maybe, Word{}
		}
	}
	if url == "" {
		return maybe, Word{}
	}
	result, text := s.served(url, token)
	if silent && text.Known {
		text.Text = ""
	}
	return result, text
}

// takesValue are options of curl with a value that changes nothing in the answer.
var takesValue = map[string]bool{"-X": true, "--request": true, "-m": true, "--max-time": true, "--connect-timeout": true, "--retry": true,
	"--retry-delay": true, "--retry-max-time": true, "--noproxy": true}

// bundled options end in one that takes a value.
var bundled = regexp.MustCompile(`^-[sSfLgk4]+[HXmo]$`)

// harmless are its options without a value.
var harmless = regexp.MustCompile(`^(-[sSfLgk4]+|--silent|--show-error|--fail|--location|--retry-connrefused|-XPUT|-XGET|--request=(PUT|GET)|--(max-time|connect-timeout|retry|retry-delay|noproxy)=.*)$`)

// wget answers where it writes to its output.
func (s *shell) wget(arguments []Word) (verdict, Word) {
	url, token, shown := "", false, false
	for i, word := range arguments {
		if !word.Known {
			return maybe, Word{}
		}
		switch text := word.Text; {
		case address.MatchString(text):
			url = address.FindStringSubmatch(text)[1]
		case strings.HasPrefix(text, "--header"):
			token = true
		case text == "-O-" || text == "-qO-" || text == "--output-document=-":
			shown = true
		case text == "-O" || text == "-qO":
			shown = i+1 < len(arguments) && is(arguments[i+1], "-")
		}
	}
	if url == "" || !shown {
		return maybe, Word{}
	}
	return s.served(url, token)
}

// served is what the metadata service answers.
func (s *shell) served(path string, withToken bool) (verdict, Word) {
	if s.machine.NoMetadata {
		return maybe, Word{}
	}
	path = strings.Trim(path, "/")
	if path == "latest/api/token" {
		return yes, Word{Text: Opaque, Known: true}
	}
	_, item, _ := strings.Cut(path, "/") // the version
	if s.machine.TokensRequired && !withToken {
		return maybe, Word{}
	}
	switch item {
	case "meta-data/instance-life-cycle":
		if s.machine.Bought == "" {
			return yes, Word{}
		}
		return yes, Word{Text: s.machine.Bought, Known: true}
	case "meta-data/placement/region":
		return yes, orOpaque(s.machine.Region)
	case "meta-data/placement/availability-zone":
		return yes, orOpaque(s.machine.Zone)
	case "meta-data/instance-type":
		return yes, orOpaque(s.machine.InstanceType)
	case "meta-data/instance-id", "meta-data/ami-id", "meta-data/local-ipv4", "meta-data/local-hostname", "meta-data/hostname",
		"meta-data/mac", "meta-data/placement/availability-zone-id", "meta-data/reservation-id":
		return yes, Word{Text: Opaque, Known: true}
	case "dynamic/instance-identity/document":
		return yes, s.identity()
	}
	return maybe, Word{}
}

func orOpaque(text string) Word {
	if text == "" {
		text = Opaque
	}
	return Word{Text: text, Known: true}
}

// identity is the signed document that says what a machine is.
func (s *shell) identity() Word {
	document, err := json.MarshalIndent(map[string]any{
		"accountId": Opaque, "architecture": Opaque, "availabilityZone": orOpaque(s.machine.Zone).Text, "imageId": Opaque, "instanceId": Opaque,
		"instanceType": orOpaque(s.machine.InstanceType).Text, "pendingTime": Opaque, "privateIp": Opaque, "region": orOpaque(s.machine.Region).Text,
		"version": Opaque, "billingProducts": nil, "devpayProductCodes": nil, "kernelId": nil, "marketplaceProductCodes": nil, "ramdiskId": nil,
	}, "", "  ")
	return Word{Text: string(document), Known: err == nil}
}

// ec2Metadata answers Amazon Linux's and Ubuntu's programs of that name.
func (s *shell) ec2Metadata(program string, arguments []Word) (verdict, Word) {
	quiet := program == "ec2metadata"
	var asked string
	for _, word := range arguments {
		switch {
		case !word.isPlain():
			return maybe, Word{}
		case word.Text == "-q" || word.Text == "--quiet":
			quiet = true
		case asked != "":
			return maybe, Word{}
		default:
			asked = word.Text
		}
	}
	answers := map[string]struct{ name, value string }{
		"-i": {"instance-id", Opaque}, "--instance-id": {"instance-id", Opaque},
		"-t": {"instance-type", s.machine.InstanceType}, "--instance-type": {"instance-type", s.machine.InstanceType},
		"-z": {"placement", s.machine.Zone}, "--availability-zone": {"placement", s.machine.Zone},
		"-R": {"region", s.machine.Region}, "--region": {"region", s.machine.Region},
	}
	answer, known := answers[asked]
	if !known || s.machine.NoMetadata {
		return maybe, Word{}
	}
	text := orOpaque(answer.value).Text + "\n"
	if !quiet {
		text = answer.name + ": " + text
	}
	return yes, Word{Text: text, Known: true}
}
