package message_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/interruption/message"
)

var rewrite = flag.Bool("rewrite", false, "write what the corpus gives into testdata/expected.txt")

func received() time.Time { return time.Date(2026, 9, 18, 8, 20, 5, 0, time.UTC) }

func source() message.Source { return message.Source{Account: "123456789012", Region: "us-east-1"} }

// TestCorpus reads every message of testdata; what each comes to is in one file,
// which is there to be read.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d messages: %v", len(files), err)
	}
	var all strings.Builder
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s: %s\n", strings.TrimSuffix(filepath.Base(file), ".json"), describe(t, string(body)))
	}
	const golden = "testdata/expected.txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if all.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s\n(-rewrite writes it anew)", all.String(), want)
	}
}

func describe(t *testing.T, body string) string {
	parsed, err := message.Parse(body, source(), received())
	switch {
	case err != nil && !errors.Is(err, message.ErrMalformed):
		t.Errorf("an error that is not ErrMalformed: %v", err)
		return ""
	case err != nil:
		return err.Error()
	case parsed.Note != "":
		return string(parsed.Kind) + ": " + parsed.Note
	}
	lines := []string{string(parsed.Kind)}
	if parsed.Foreign != "" {
		lines[0] += ": foreign, " + parsed.Foreign
	}
	for _, notice := range parsed.Notices {
		text, err := json.Marshal(notice)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, "    "+string(text))
	}
	return strings.Join(lines, "\n")
}

func TestHugeMessagesAreNotRead(t *testing.T) {
	body := `{"version":"0","detail-type":"` + strings.Repeat("x", message.MaxBytes) + `"}`
	if _, err := message.Parse(body, source(), received()); !errors.Is(err, message.ErrMalformed) {
		t.Errorf("a message of %d bytes: %v", len(body), err)
	}
	deep := strings.Repeat(`{"detail":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	if _, err := message.Parse(deep, source(), received()); !errors.Is(err, message.ErrMalformed) {
		t.Errorf("a message 20,000 objects deep: %v", err)
	}
}

// FuzzParse: whatever comes, no crash, and what is understood is whole.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(body))
	}
	f.Fuzz(func(t *testing.T, body string) {
		parsed, err := message.Parse(body, source(), received())
		if err != nil {
			if !errors.Is(err, message.ErrMalformed) || len(err.Error()) > 1000 {
				t.Fatalf("error %q", err)
			}
			return
		}
		if parsed.Kind == "" || len(parsed.Note) > 200 {
			t.Fatalf("incomplete: %+v", parsed)
		}
		for _, notice := range parsed.Notices {
			if notice.ID == "" || interruption.InstanceOf(notice.InstanceID) == "" || notice.Kind == "" {
				t.Fatalf("an incomplete notice: %+v", notice)
			}
		}
	})
}
