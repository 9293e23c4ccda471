package bootscript

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// filter answers the programs that scripts pipe through, in the forms that need no
// more than a line of theirs to be followed.
func (s *shell) filter(program string, arguments []Word) (verdict, Word) {
	input := s.state.stdin
	if !joined(arguments).Known || !input.Known {
		return maybe, Word{}
	}
	words := make([]string, 0, len(arguments))
	for _, argument := range arguments {
		words = append(words, argument.Text)
	}
	if program == "jq" {
		return jq(input.Text, words)
	}
	if strings.Contains(input.Text, partial) || s.spend(1, len(input.Text)) != nil {
		return maybe, Word{}
	}
	switch program {
	case "cat", "tee", "tr", "xargs", "head", "tail":
		return whole(program, input, words)
	case "grep", "egrep", "fgrep":
		return s.grep(program, input, words)
	}
	if !input.isPlain() && (program == "sed" || program == "cut" || program == "awk" && !keepsWords(words)) {
		return maybe, Word{}
	}
	var change func(line string) (string, bool)
	switch program {
	case "awk":
		change = awk(words)
	case "cut":
		change = cut(words)
	case "sed":
		change = sed(words)
	}
	if change == nil {
		return maybe, Word{}
	}
	return yes, eachLine(input.Text, change)
}

// keepsWords reports whether awk takes lines apart at characters that are in
// nothing that only the machine knows.
func keepsWords(words []string) bool {
	return len(words) == 1 || len(words) > 1 && words[0] == `-F"` || len(words) > 1 && words[0] == "-F" && words[1] == `"`
}

// eachLine changes every line, or gives up.
func eachLine(text string, change func(line string) (string, bool)) Word {
	var out strings.Builder
	for line := range strings.Lines(text) {
		changed, ok := change(strings.TrimSuffix(line, "\n"))
		if !ok {
			return Word{}
		}
		out.WriteString(changed + "\n")
	}
	return Word{Text: out.String(), Known: true}
}

// whole are filters that take lines as they are.
func whole(program string, input Word, words []string) (verdict, Word) {
	arguments := strings.Join(words, " ")
	isOne := strings.Count(strings.TrimSuffix(input.Text, "\n"), "\n") == 0
	switch {
	case program == "cat" && (arguments == "" || arguments == "-"):
		return yes, input
	case program == "tee" && !strings.HasPrefix(arguments, "-"):
		return yes, input
	case program == "tr" && len(words) == 2 && words[0] == "-d" && !strings.ContainsAny(strings.ReplaceAll(words[1], `\n`, ""), `-[\`):
		if !input.isPlain() && strings.Trim(words[1], "\" ,\\n") != "" {
			return maybe, Word{}
		}
		return yes, Word{Text: without(input.Text, strings.ReplaceAll(words[1], `\n`, "\n")), Known: true}
	case program == "xargs" && arguments == "" && isOne && !strings.ContainsAny(input.Text, `'"\`):
		return yes, Word{Text: strings.Join(strings.Fields(input.Text), " ") + "\n", Known: true}
	case isOne && (program == "head" || program == "tail") && (arguments == "-1" || arguments == "-n1" || arguments == "-n 1"):
		return yes, input
	}
	return maybe, Word{}
}

func without(text, characters string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(characters, r) {
			return -1
		}
		return r
	}, text)
}

// simpleExpression means the same to all the programs.
var simpleExpression = regexp.MustCompile(`^\^?([A-Za-z0-9 _=:,/"@-]|\.|\[a-z\]|\[0-9\]|\*)+\$?$`)

// plainWord is in nothing that only the machine knows: ids, addresses, zones and
// types.
var plainWord = regexp.MustCompile(`^[A-Za-z]{6,}$`)

func (s *shell) grep(program string, input Word, words []string) (verdict, Word) {
	quiet, expression := false, ""
	for _, word := range words {
		switch {
		case word == "-q" || word == "-qi" || word == "-iq" || word == "-i" || word == "-E" || word == "-F" || word == "-qE" || word == "-w" || word == "-qw":
			quiet = quiet || strings.Contains(word, "q")
			if strings.Contains(word, "i") {
				expression = "(?i)" + expression
			}
			if strings.Contains(word, "w") || strings.Contains(word, "F") {
				return maybe, Word{}
			}
		case strings.HasPrefix(word, "-") || strings.TrimPrefix(expression, "(?i)") != "" || !simpleExpression.MatchString(word) || strings.HasPrefix(word, "*"):
			return maybe, Word{}
		default:
			expression += word
		}
	}
	if !input.isPlain() && !plainWord.MatchString(expression) || program == "fgrep" || strings.TrimPrefix(expression, "(?i)") == "" {
		return maybe, Word{}
	}
	var out strings.Builder
	found := no
	for line := range strings.Lines(input.Text) {
		matches, err := s.matchesExpression(strings.TrimSuffix(line, "\n"), expression)
		if err != nil || matches == maybe {
			return maybe, Word{}
		}
		if matches == yes {
			found = yes
			out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	if quiet {
		return found, Word{Known: true}
	}
	return found, Word{Text: out.String(), Known: true}
}

// printsField is an awk program that prints one field.
var printsField = regexp.MustCompile(`^\s*\{\s*print\s+\$([1-9])\s*;?\s*\}\s*$`)

func awk(words []string) func(string) (string, bool) {
	separator := " "
	if len(words) > 0 && strings.HasPrefix(words[0], "-F") {
		separator, words = strings.TrimPrefix(words[0], "-F"), words[1:]
		if separator == "" && len(words) > 0 {
			separator, words = words[0], words[1:]
		}
	}
	if len(words) != 1 || len(separator) != 1 || strings.ContainsAny(separator, `\.|*+?^$[t`) {
		return nil
	}
	found := printsField.FindStringSubmatch(words[0])
	if found == nil {
		return nil
	}
	number, _ := strconv.Atoi(found[1])
	return func(line string) (string, bool) {
		fields := strings.Fields(line)
		if separator != " " {
			fields = strings.Split(line, separator)
		}
		if number > len(fields) {
			return "", true
		}
		return fields[number-1], true
	}
}

var cutArguments = regexp.MustCompile(`^-d ?(.) -f ?([1-9])$`)

func cut(words []string) func(string) (string, bool) {
	text := strings.Join(words, " ")
	if len(words) > 1 && words[0] == "-d" && words[1] == " " || len(words) > 0 && words[0] == "-d " {
		text = strings.Replace(text, "-d  ", "-d ", 1)
		text = strings.Replace(text, "-d -f", "-d  -f", 1)
	}
	found := cutArguments.FindStringSubmatch(text)
	if found == nil {
		return nil
	}
	number, _ := strconv.Atoi(found[2])
	return func(line string) (string, bool) {
		fields := strings.Split(line, found[1])
		switch {
		case len(fields) == 1:
			return line, true // without the separator the line is left as it is
		case number > len(fields):
			return "", true
		}
		return fields[number-1], true
	}
}

var substitution = regexp.MustCompile(`^s/([^/]*)/([^/\\&]*)/(g?)$`)

func sed(words []string) func(string) (string, bool) {
	if len(words) == 2 && words[0] == "-e" {
		words = words[1:]
	}
	if len(words) != 1 {
		return nil
	}
	found := substitution.FindStringSubmatch(words[0])
	if found == nil || !simpleExpression.MatchString(found[1]) || strings.HasPrefix(found[1], "*") {
		return nil
	}
	expression, err := regexp.Compile(found[1])
	if err != nil {
		return nil
	}
	return func(line string) (string, bool) {
		const longest = 4096 // a replacement for every character of more is too much
		if len(line) > longest || len(found[2]) > longest/16 {
			return "", false
		}
		if found[3] == "g" {
			return expression.ReplaceAllLiteralString(line, found[2]), true
		}
		at := expression.FindStringIndex(line)
		if at == nil {
			return line, true
		}
		return line[:at[0]] + found[2] + line[at[1]:], true
	}
}

// jq answers filters that are a path.
func jq(input string, words []string) (verdict, Word) {
	raw := false
	if len(words) > 0 && (words[0] == "-r" || words[0] == "--raw-output") {
		raw, words = true, words[1:]
	} else if len(words) == 2 && (words[1] == "-r" || words[1] == "--raw-output") {
		raw, words = true, words[:1]
	}
	if len(words) != 1 || !strings.HasPrefix(words[0], ".") {
		return maybe, Word{}
	}
	var document any
	if json.Unmarshal([]byte(strings.TrimPrefix(input, partial)), &document) != nil {
		return maybe, Word{}
	}
	path, counts := strings.CutSuffix(strings.ReplaceAll(words[0], " ", ""), "|length")
	values, ok := follow(document, strings.TrimPrefix(path, "."), true)
	if list, isList := listOf(values); ok && counts && isList {
		return yes, Word{Text: strconv.Itoa(len(list)) + "\n", Known: true}
	}
	if ok && !counts && len(values) == 0 {
		return yes, Word{Known: true}
	}
	if !ok || counts || len(values) != 1 || !isScalar(values[0]) {
		return maybe, Word{}
	}
	if text, isText := values[0].(string); isText && raw {
		return yes, Word{Text: text + "\n", Known: true}
	}
	text, err := json.Marshal(values[0])
	return yes, Word{Text: string(text) + "\n", Known: err == nil}
}

func listOf(values []any) ([]any, bool) {
	if len(values) != 1 {
		return nil, false
	}
	list, isList := values[0].([]any)
	return list, isList
}
