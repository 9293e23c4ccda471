package region_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/drover-project/drover/lab/region"
)

// TestEventToDeadLetter: an event goes to the queues of the rules that want it,
// is received, comes back, and ends as a dead letter or deleted.
func TestEventToDeadLetter(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	dead, orders, all := l.queue("dead", nil), l.inbox("orders"), l.inbox("all")
	must[any](l)(call(l.services(), setAttribute(orders.url, "RedrivePolicy", `{"deadLetterTargetArn":"`+queueARN("dead")+`","maxReceiveCount":1}`)))
	l.rule("orders", `{"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}`, target("orders"))
	l.rule("all", `{"account": ["`+account+`"]}`, target("all"))

	entry := l.put("shop", "Order", `{"total": 150, "note": "<&>"}`)
	l.put("shop", "Order", `{"total": 50}`)
	l.reopen()
	check(t, "counts", orders.counts()+", "+all.counts(), "1 0 0, 2 0 0")
	body := *orders.receive(10)[0].Body
	check(t, "body", body, fmt.Sprintf(`{"version":"0","id":"%s","detail-type":"Order","source":"shop","account":"111122223333","time":"2026-11-24T08:00:00Z",`+
		`"region":"us-west-2","resources":["arn:r"],"detail":{"total":150,"note":"<&>"}}`, *entry.EventId))
	l.clock.Advance(10 * time.Second)
	check(t, "it comes no more", orders.bodies(1), "")
	check(t, "dead letter", dead.bodies(1), body)
	check(t, "others", len(all.events()), 2)

	must[*eventbridge.DisableRuleOutput](l)(l.Events().DisableRule(ctx(), &eventbridge.DisableRuleInput{Name: aws.String("all")}))
	l.put("shop", "Order", `{}`)
	check(t, "disabled", all.counts(), "0 0 0")
	must[*eventbridge.EnableRuleOutput](l)(l.Events().EnableRule(ctx(), &eventbridge.EnableRuleInput{Name: aws.String("all")}))
	must[*eventbridge.RemoveTargetsOutput](l)(l.Events().RemoveTargets(ctx(), &eventbridge.RemoveTargetsInput{Rule: aws.String("all"), Ids: []string{"1", "none"}}))
	l.put("shop", "Order", `{}`)
	check(t, "without a target", all.counts(), "0 0 0")
}

// TestQueueThatDoesNotAdmitEvents: without a policy that admits EventBridge a
// queue gets none; that is in the log, and the dead-letter queue has the event.
func TestQueueThatDoesNotAdmitEvents(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	l := open(t, func(o *region.Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	closed, letters := l.queue("closed", nil), l.inbox("letters")
	withLetters := target("closed")
	withLetters.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String(queueARN("letters"))}
	l.rule("r", `{"source": ["shop"]}`, withLetters, types.Target{Id: aws.String("2"), Arn: aws.String(queueARN("none"))})
	l.put("shop", "Order", `{}`)
	check(t, "closed", closed.counts(), "0 0 0")
	letter := letters.receive(5)[0]
	check(t, "why", *letter.MessageAttributes["ERROR_CODE"].StringValue, "NO_PERMISSIONS")
	check(t, "rule", *letter.MessageAttributes["RULE_ARN"].StringValue, "arn:aws:events:us-west-2:111122223333:rule/r")
	for _, part := range []string{"rule=r", "target=" + queueARN("closed"), "target=" + queueARN("none"), "does not exist"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log does not say %q:\n%s", part, log)
		}
	}
	for _, policy := range []string{
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:events:*:*:rule/other"}}}}`,
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + queueARN("other") + `"}}`,
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:ReceiveMessage","Resource":"*"}}`,
	} {
		must[any](l)(call(l.services(), setAttribute(closed.url, "Policy", policy)))
		l.put("shop", "Order", `{}`)
		check(t, policy, closed.counts(), "0 0 0")
	}
	open := `{"Statement":{"Effect":"Allow","Principal":"*","Action":"SQS:Send*","NotResource":"` + queueARN("other") + `","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:us-west-2:111122223333:rule/r"}}}}`
	must[any](l)(call(l.services(), setAttribute(closed.url, "Policy", open)))
	l.put("shop", "Order", `{}`)
	check(t, "admitted", closed.counts(), "1 0 0")
}

// TestInputs: a target gets the part or the form of an event that it asks for.
func TestInputs(t *testing.T) {
	t.Parallel()
	l := open(t)
	q := l.inbox("q")
	const detail = `{"id": "i-1", "say": "\"hi\"", "n": 1.50, "tags": [{"k": "v"}], "big": 12345678901234567890}`
	for _, c := range []struct {
		change func(*types.Target)
		want   string
	}{
		{func(t *types.Target) { t.Input = aws.String(`{"fixed": true}`) }, `{"fixed": true}`},
		{func(t *types.Target) { t.InputPath = aws.String("$.detail.tags[0]") }, `{"k":"v"}`},
		{func(t *types.Target) { t.InputPath = aws.String("$['detail'].big") }, `12345678901234567890`},
		{func(t *types.Target) { t.InputPath = aws.String("$.detail.none") }, `null`},
		{transform(map[string]string{"i": "$.detail.id", "s": "$.detail.say"}, `"node <i> says <s>"`), `"node i-1 says \"hi\""`},
		{transform(map[string]string{"i": "$.detail.id", "n": "$.detail.n", "t": "$.detail.tags", "x": "$.none"}, `{"i": <i>, "n": <n>, "t": "<t>", "x": <x>, "y": "<x>"}`),
			`{"i": "i-1", "n": 1.50, "t": "[{\"k\":\"v\"}]", "x": null, "y": ""}`},
		{transform(nil, `{"rule": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>}`), `{"rule": "r", "at": "2026-11-24T08:00:00Z"}`},
	} {
		to := target("q")
		c.change(&to)
		l.rule("r", `{"source": ["shop"]}`, to)
		l.put("shop", "Order", detail)
		messages := q.receive(5)
		check(t, "input", *messages[0].Body, c.want)
		refused(t, q.delete(messages[0]), "")
	}
}

func transform(paths map[string]string, template string) func(*types.Target) {
	return func(t *types.Target) {
		t.InputTransformer = &types.InputTransformer{InputPathsMap: paths, InputTemplate: &template}
	}
}

// TestInstanceStatesAreTold: every state of an instance is an event.
func TestInstanceStatesAreTold(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	q := l.inbox("q")
	l.rule("states", `{"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]}`, target("q"))
	l.createGroup(l.groupInput("workers", 0, 1, 1))
	l.clock.Advance(soon)
	id := l.memberIDs("workers", "InService")[0]
	l.setDesired("workers", 0)
	l.clock.Advance(2 * time.Minute)
	var states []string
	ids := map[string]bool{}
	for _, e := range q.events() {
		states = append(states, fmt.Sprint(e.Detail["state"]))
		check(t, "resource", e.Resources[0], "arn:aws:ec2:us-west-2:111122223333:instance/"+id)
		ids[e.ID] = true
	}
	check(t, "states", strings.Join(states, " "), "pending running shutting-down terminated")
	check(t, "ids", len(ids), 4)
}

// TestEventsThatAreRefused: what is wrong with a request is the service's error.
func TestEventsThatAreRefused(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.rule("r", `{"source": ["shop"]}`, target("q"))
	put := func(change func(*types.Target)) *eventbridge.PutTargetsInput {
		to := target("q")
		change(&to)
		return &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{to}}
	}
	var six []types.Target
	for i := range 6 {
		six = append(six, types.Target{Id: aws.String(fmt.Sprint(i)), Arn: aws.String(queueARN("q"))})
	}
	pattern := aws.String(`{"source": ["shop"]}`)
	for _, c := range []struct {
		input any
		code  string
	}{
		{&eventbridge.PutRuleInput{Name: aws.String("a b"), EventPattern: pattern}, "ValidationException"},
		{&eventbridge.PutRuleInput{Name: aws.String("a")}, "ValidationException"},
		{&eventbridge.PutRuleInput{Name: aws.String("a"), ScheduleExpression: aws.String("rate(1 minute)")}, "ValidationException"},
		{&eventbridge.PutRuleInput{Name: aws.String("a"), EventPattern: aws.String("{}")}, "InvalidEventPatternException"},
		{&eventbridge.PutRuleInput{Name: aws.String("a"), EventPattern: pattern, EventBusName: aws.String("other")}, "ResourceNotFoundException"},
		{&eventbridge.PutRuleInput{Name: aws.String("a"), EventPattern: pattern, State: types.RuleStateEnabledWithAllCloudtrailManagementEvents}, "ValidationException"},
		{&eventbridge.DescribeRuleInput{Name: aws.String("none")}, "ResourceNotFoundException"},
		{&eventbridge.DeleteRuleInput{Name: aws.String("r")}, "ValidationException"},
		{&eventbridge.ListRulesInput{Limit: aws.Int32(0)}, "ValidationException"}, {&eventbridge.ListRulesInput{NextToken: aws.String("x")}, "ValidationException"},
		{&eventbridge.PutTargetsInput{Rule: aws.String("none"), Targets: []types.Target{target("q")}}, "ResourceNotFoundException"},
		{&eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: six}, "LimitExceededException"},
		{put(func(t *types.Target) { t.Arn = aws.String("queue") }), "ValidationException"},
		{put(func(t *types.Target) { t.Arn = aws.String("arn:aws:lambda:us-west-2:111122223333:function:f") }), "ValidationException"},
		{put(func(t *types.Target) { t.Arn = aws.String(queueARN("q.fifo")) }), "ValidationException"},
		{put(func(t *types.Target) { t.Id = aws.String("a b") }), "ValidationException"},
		{put(func(t *types.Target) { t.SqsParameters = &types.SqsParameters{MessageGroupId: aws.String("g")} }), "ValidationException"},
		{put(func(t *types.Target) { t.Input, t.InputPath = aws.String("{}"), aws.String("$") }), "ValidationException"},
		{put(func(t *types.Target) { t.Input = aws.String("{") }), "ValidationException"},
		{put(func(t *types.Target) { t.InputPath = aws.String("detail") }), "ValidationException"}, {put(func(t *types.Target) { t.InputPath = aws.String("$..a") }), "ValidationException"},
		{put(transform(nil, `"<x>"`)), "ValidationException"}, {put(transform(nil, `plain`)), "ValidationException"}, {put(transform(nil, `"<x"`)), "ValidationException"},
		{put(transform(map[string]string{"x": "y"}, `"<x>"`)), "ValidationException"},
		{put(func(t *types.Target) { t.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String("x")} }), "ValidationException"},
		{&eventbridge.PutEventsInput{}, "ValidationException"},
		{&eventbridge.TestEventPatternInput{EventPattern: pattern, Event: aws.String(`{"source": "shop"}`)}, "ValidationException"},
		{&eventbridge.TestEventPatternInput{EventPattern: pattern, Event: aws.String(`{`)}, "ValidationException"},
		{&eventbridge.DescribeEventBusInput{Name: aws.String("other")}, "ResourceNotFoundException"},
		{&eventbridge.ListTagsForResourceInput{ResourceARN: aws.String("arn:none")}, "ResourceNotFoundException"},
	} {
		_, err := call(l.services(), c.input)
		if got := codeOf(err); got != c.code {
			t.Errorf("%s %+v: %v, want %s", operationOf(c.input), c.input, err, c.code)
		}
	}
	for _, c := range []struct{ source, kind, detail, code string }{
		{"aws.ec2", "K", "{}", "NotAuthorizedForSourceException"}, {"shop", "", "{}", "InvalidArgument"}, {"shop", "K", "[]", "MalformedDetail"}, {"shop", "K", "{", "MalformedDetail"},
	} {
		check(t, c.detail, aws.ToString(l.put(c.source, c.kind, c.detail).ErrorCode), c.code)
	}
}
