package bootscript

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// question is what a script asks EC2.
type question struct {
	operation     string
	format, query string
	region        Word
	// words are ids and filters.
	words []string
}

// ofItself are the ids and filters that find this machine and no other: what they
// have, only it knows.
var ofItself = regexp.MustCompile(`^(Name=(instance-id|private-ip-address|private-dns-name),Values=)?` + Opaque + `$`)

// aws answers what EC2 says of this machine.
func (s *shell) aws(arguments []Word) (verdict, Word) {
	q, ok := readQuestion(arguments)
	if !ok || s.machine.Bought == "" || !s.isHere(&q) {
		return maybe, Word{}
	}
	self, sold := false, true
	for _, word := range q.words {
		switch {
		case ofItself.MatchString(word):
			self = true
		case word == "Name=instance-lifecycle,Values=spot":
			sold = s.machine.Bought == Spot
		case word == "Name=state,Values=active" && q.operation == "describe-spot-instance-requests":
		default:
			return maybe, Word{}
		}
	}
	document := s.described(q.operation, sold)
	if !self || document == nil {
		return maybe, Word{}
	}
	return answered(document, q.query, q.format)
}

// isHere reports whether EC2 is certain to be asked in the machine's own region: not
// every version of the program finds it by itself.
func (s *shell) isHere(q *question) bool {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if given, is := s.environmentOf(name); is && q.region.Text == "" {
			q.region = given
		}
	}
	if format, is := s.environmentOf("AWS_DEFAULT_OUTPUT"); is && q.format == "" {
		q.format = format.Text
	}
	if q.format == "" {
		q.format = "json"
	}
	return q.region.Known && q.region.Text == orOpaque(s.machine.Region).Text
}

// environmentOf is a variable that the script gives to programs.
func (s *shell) environmentOf(name string) (Word, bool) {
	if value, given := s.prefixed[name]; given {
		return value, true
	}
	value, found := s.lookUp(name)
	return value, found && s.exports[name]
}

// readQuestion reads the arguments of aws ec2 OPERATION; it is not ok when there
// are others that may matter.
func readQuestion(arguments []Word) (q question, ok bool) {
	var words []string
	for i := 0; i < len(arguments); i++ {
		if !arguments[i].Known {
			return q, false
		}
		name, value, joined := strings.Cut(arguments[i].Text, "=")
		if !strings.HasPrefix(name, "--") {
			words = append(words, arguments[i].Text)
			continue
		}
		switch name {
		case "--query", "--output", "--region":
			if !joined {
				if i++; i >= len(arguments) || !arguments[i].Known {
					return q, false
				}
				value = arguments[i].Text
			}
		case "--instance-ids", "--filters", "--filter":
			if joined {
				words = append(words, value)
			}
		case "--no-cli-pager", "--no-paginate":
		default:
			return q, false
		}
		switch name {
		case "--query":
			q.query = value
		case "--output":
			q.format = value
		case "--region":
			q.region = Word{Text: value, Known: true}
		}
	}
	if len(words) < 2 || words[0] != "ec2" {
		return q, false
	}
	q.operation, q.words = words[1], words[2:]
	return q, true
}

// described is what of EC2's answers about this machine is known.
func (s *shell) described(operation string, found bool) any {
	isSpot := s.machine.Bought == Spot
	switch operation {
	case "describe-instances":
		instance := map[string]any{"InstanceId": Opaque, "InstanceLifecycle": nil, "SpotInstanceRequestId": nil,
			"InstanceType": orOpaque(s.machine.InstanceType).Text, "Placement": map[string]any{"AvailabilityZone": orOpaque(s.machine.Zone).Text}}
		if isSpot {
			instance["InstanceLifecycle"], instance["SpotInstanceRequestId"] = Spot, Opaque
		}
		if !found {
			return map[string]any{"Reservations": []any{}}
		}
		return map[string]any{"Reservations": []any{map[string]any{"Instances": []any{instance}}}}
	case "describe-spot-instance-requests":
		requests := []any{}
		if isSpot {
			requests = append(requests, map[string]any{"InstanceId": Opaque, "SpotInstanceRequestId": Opaque, "State": "active"})
		}
		return map[string]any{"SpotInstanceRequests": requests}
	}
	return nil
}

// answered is what the aws program prints of a document. Of one that is known in
// part only what a query asks for can be printed.
func answered(document any, query, format string) (verdict, Word) {
	if query == "" {
		text, err := json.Marshal(document)
		if format != "json" || err != nil {
			return yes, Word{}
		}
		return yes, Word{Text: partial + string(text) + "\n", Known: true}
	}
	found, ok := search(document, query)
	if !ok {
		return yes, Word{}
	}
	switch format {
	case "text":
		return yes, printedText(found)
	case "json":
		if isMadeList.MatchString(query) {
			return yes, Word{}
		}
		if text, err := json.Marshal(found); err == nil && isScalar(found) {
			return yes, Word{Text: string(text) + "\n", Known: true}
		}
	}
	return yes, Word{}
}

// isMadeList is a query that makes a list of fields.
var isMadeList = regexp.MustCompile(`\[[A-Za-z]`)

func isScalar(value any) bool {
	switch value.(type) {
	case nil, string, int:
		return true
	}
	return false
}

// printedText is the format "text" for a scalar, or a list of at most one.
func printedText(value any) Word {
	list, isList := value.([]any)
	switch {
	case isList && len(list) == 0:
		return Word{Known: true}
	case isList && len(list) == 1:
		return printedText(list[0])
	}
	switch v := value.(type) {
	case nil:
		return Word{Text: "None\n", Known: true}
	case string:
		return Word{Text: v + "\n", Known: true}
	case int:
		return Word{Text: strconv.Itoa(v) + "\n", Known: true}
	}
	return Word{}
}
