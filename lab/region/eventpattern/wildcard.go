package eventpattern

// wildcard is a text in which a star stands for any others. A backslash before a
// star or a backslash takes its meaning away.
type wildcard []step

// step is a letter, or a star.
type step struct {
	letter rune
	star   bool
}

func parseWildcard(text string) (wildcard, error) {
	var w wildcard
	escaped := false
	for _, letter := range text {
		switch {
		case escaped && letter != '*' && letter != '\\':
			return nil, wrong("Invalid escape character in wildcard pattern")
		case escaped:
			w, escaped = append(w, step{letter: letter}), false
		case letter == '\\':
			escaped = true
		case letter == '*' && len(w) > 0 && w[len(w)-1].star:
			return nil, wrong("Consecutive wildcard characters are not supported")
		default:
			w = append(w, step{letter, letter == '*'})
		}
	}
	if escaped {
		return nil, wrong("Invalid escape character in wildcard pattern")
	}
	return w, nil
}

// fits tries the last star longer whenever what follows does not fit.
func (w wildcard) fits(text string) bool {
	letters := []rune(text)
	at, star, mark := 0, -1, 0
	for i := 0; i < len(letters); {
		switch {
		case at < len(w) && w[at].star:
			star, mark = at, i
			at++
		case at < len(w) && w[at].letter == letters[i]:
			at++
			i++
		case star >= 0:
			mark++
			at, i = star+1, mark
		default:
			return false
		}
	}
	for at < len(w) && w[at].star {
		at++
	}
	return at == len(w)
}
