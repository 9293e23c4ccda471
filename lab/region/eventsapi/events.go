// Package eventsapi is the region's EventBridge: rules of the default event bus,
// which send the events that fit to SQS queues. An event is delivered in the
// transaction that it tells of.
package eventsapi

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/eventpattern"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Events implements the operations of the service, one method for each.
type Events struct {
	world    *world.World
	queues   *queues.Queues
	patterns *patterns
}

// New makes the service of a region.
func New(w *world.World, q *queues.Queues) *Events {
	return &Events{world: w, queues: q, patterns: &patterns{parsed: map[string]*eventpattern.Pattern{}}}
}

// Within is the service as a part of a transaction sees it.
func (e *Events) Within(part *world.World) *Events {
	return &Events{world: part, queues: e.queues, patterns: e.patterns}
}

// patterns are those that were read, by their text.
type patterns struct {
	mu     sync.Mutex
	parsed map[string]*eventpattern.Pattern
}

// mostParsed bounds what is kept of patterns that rules no longer have.
const mostParsed = 1000

func (p *patterns) of(text string) (*eventpattern.Pattern, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, found := p.parsed[text]; found {
		return known, nil
	}
	parsed, err := eventpattern.Parse(text)
	if err != nil {
		return nil, awserr.New("InvalidEventPatternException", "%v", err)
	}
	if len(p.parsed) >= mostParsed {
		clear(p.parsed)
	}
	p.parsed[text] = parsed
	return parsed, nil
}

func invalid(format string, args ...any) error {
	return awserr.New("ValidationException", format, args...)
}

// supported is awswire.Supported with this service's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "ValidationException"})
}

const busName = "default"

func (e *Events) busARN() string {
	return fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", e.world.Options.Region, e.world.Options.Account, busName)
}

// checkBus checks that a request is about the default bus, the only one here.
func (e *Events) checkBus(name *string) error {
	if bus := aws.ToString(name); bus != "" && bus != busName && bus != e.busARN() {
		return awserr.New("ResourceNotFoundException", "Event bus %s does not exist.", bus)
	}
	return nil
}

func noRule(name string) error {
	return awserr.New("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", name, busName)
}

var rulePattern = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// change changes a rule.
func (e *Events) change(name, bus *string, do func(*world.Rule) error) error {
	if err := e.checkBus(bus); err != nil {
		return err
	}
	return e.world.Store.Update(func(tx *store.Tx) error {
		rule, exists := e.world.Rules.Get(aws.ToString(name))
		if !exists {
			return noRule(aws.ToString(name))
		}
		if err := do(&rule); err != nil {
			return err
		}
		return e.world.Rules.Put(tx, rule.Name, rule)
	})
}

// rule finds a rule.
func (e *Events) rule(name, bus *string) (rule world.Rule, err error) {
	if err := e.checkBus(bus); err != nil {
		return rule, err
	}
	exists := false
	e.world.Store.View(func() { rule, exists = e.world.Rules.Get(aws.ToString(name)) })
	if !exists {
		return rule, noRule(aws.ToString(name))
	}
	return rule, nil
}

// ruleOf is the name of the rule that an ARN names, empty when it names none.
func (e *Events) ruleOf(arn string) string {
	name, here := strings.CutPrefix(arn, e.world.RuleARN(""))
	if !here {
		return ""
	}
	return strings.TrimPrefix(name, busName+"/")
}

// pageSize is how many a page has.
func pageSize(asked *int32) (*int32, error) {
	const most = 100
	if asked == nil {
		return aws.Int32(most), nil
	}
	if *asked < 1 || *asked > most {
		return nil, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", *asked, most)
	}
	return asked, nil
}

// page is awswire.Page with this service's codes.
func page[T any](items []T, token *string, limit *int32) ([]T, *string, error) {
	size, err := pageSize(limit)
	if err != nil {
		return nil, nil, err
	}
	part, next, err := awswire.Page(items, token, size)
	return part, next, awserr.Translate(err, map[string]string{"InvalidNextToken": "ValidationException"})
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
