package ec2filter

import "unicode/utf8"

// Match reports whether value matches the filter pattern: * is zero or more
// characters, ? zero or one, and a backslash makes the next character literal.
// Its work is bounded by len(pattern) * len(value).
func Match(pattern, value string) bool {
	// reach[i] says that the pattern read so far can end at byte i of value.
	reach := make([]bool, len(value)+1)
	reach[0] = true
	for pattern != "" {
		r, size := utf8.DecodeRuneInString(pattern)
		pattern = pattern[size:]
		switch {
		case r == '*':
			star(reach)
			continue
		case r == '?':
			question(reach, value)
			continue
		case r == '\\' && pattern != "":
			_, size = utf8.DecodeRuneInString(pattern)
			literal(reach, value, pattern[:size])
			pattern = pattern[size:]
		default:
			literal(reach, value, string(r))
		}
	}
	return reach[len(value)]
}

func star(reach []bool) {
	for i := 1; i < len(reach); i++ {
		reach[i] = reach[i] || reach[i-1]
	}
}

func question(reach []bool, value string) {
	for i := len(value); i > 0; {
		_, size := utf8.DecodeLastRuneInString(value[:i])
		reach[i] = reach[i] || reach[i-size]
		i -= size
	}
}

// literal moves every reachable end over one occurrence of s.
func literal(reach []bool, value, s string) {
	for i := len(value); i >= 0; i-- {
		start := i - len(s)
		reach[i] = start >= 0 && reach[start] && value[start:i] == s
	}
}
