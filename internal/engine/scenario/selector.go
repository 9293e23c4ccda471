package scenario

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// selector reads which pods a rule is about: an app by name, * for all, - for
// none (no selector at all), or conditions in brackets:
// [app=web;tier=a|b;tier!=c;tier;!tier].
func selector(text string) (*model.LabelSelector, error) {
	inner, bracketed := strings.CutPrefix(text, "[")
	if !bracketed {
		switch text {
		case "*":
			return &model.LabelSelector{}, nil
		case "-":
			return nil, nil
		}
		return &model.LabelSelector{MatchLabels: map[string]string{"app": text}}, nil
	}
	inner, closed := strings.CutSuffix(inner, "]")
	if !closed {
		return nil, fmt.Errorf("%s: a selector that begins with [ must end with ]", text)
	}
	s := &model.LabelSelector{}
	for _, part := range strings.Split(inner, ";") {
		if key, values, found := strings.Cut(part, "!="); found {
			s.Requirements = append(s.Requirements, model.Requirement{Key: key, Operator: model.NotIn, Values: strings.Split(values, "|")})
		} else if key, found := strings.CutPrefix(part, "!"); found {
			s.Requirements = append(s.Requirements, model.Requirement{Key: key, Operator: model.DoesNotExist})
		} else if key, values, found := strings.Cut(part, "="); found && strings.Contains(values, "|") {
			values = strings.TrimPrefix(values, "|")
			s.Requirements = append(s.Requirements, model.Requirement{Key: key, Operator: model.In, Values: strings.Split(values, "|")})
		} else if found {
			if s.MatchLabels == nil {
				s.MatchLabels = map[string]string{}
			}
			s.MatchLabels[key] = values
		} else {
			s.Requirements = append(s.Requirements, model.Requirement{Key: part, Operator: model.Exists})
		}
	}
	return s, nil
}

// selectorWord is what selector reads; one value of In is written =|value.
func selectorWord(s *model.LabelSelector) string {
	if s == nil {
		return "-"
	}
	if len(s.MatchLabels)+len(s.Requirements) == 0 {
		return "*"
	}
	if app := s.MatchLabels["app"]; app != "" && len(s.MatchLabels)+len(s.Requirements) == 1 {
		return app
	}
	parts := pairWords("", s.MatchLabels)
	for _, r := range s.Requirements {
		values := strings.Join(r.Values, "|")
		switch {
		case r.Operator == model.Exists:
			parts = append(parts, r.Key)
		case r.Operator == model.DoesNotExist:
			parts = append(parts, "!"+r.Key)
		case r.Operator == model.NotIn:
			parts = append(parts, r.Key+"!="+values)
		case len(r.Values) == 1:
			parts = append(parts, r.Key+"=|"+values)
		default:
			parts = append(parts, r.Key+"="+values)
		}
	}
	return "[" + strings.Join(parts, ";") + "]"
}
