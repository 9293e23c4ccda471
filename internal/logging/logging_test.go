package logging_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/drover-project/drover/internal/logging"
)

func TestLinesLookLikeKarpenters(t *testing.T) {
	var out bytes.Buffer
	log, err := logging.New(&out, "info", "1072d3b")
	if err != nil {
		t.Fatal(err)
	}
	log.V(1).Info("not at this level")
	log.WithName("nodeclaim.lifecycle").Info("launched nodeclaim", "nodeclaim", "default-xxm79", "allocatable", map[string]string{"memory": "6903Mi", "cpu": "1930m"})
	want := regexp.MustCompile(`^\{"level":"INFO","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","logger":"controller.nodeclaim.lifecycle",` +
		`"message":"launched nodeclaim","commit":"1072d3b","nodeclaim":"default-xxm79","allocatable":\{"cpu":"1930m","memory":"6903Mi"\}\}\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("the line is\n%swant it to match\n%s", out.String(), want)
	}
}

func TestUnknownLevelIsRefused(t *testing.T) {
	if _, err := logging.New(&bytes.Buffer{}, "loud", ""); err == nil {
		t.Error("the level loud was accepted")
	}
}
