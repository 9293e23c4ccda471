// Package joindata reads, out of the user data of a launch template, how its
// nodes will join: their cluster, labels and taints. Nothing is run: what a
// script decides at boot is told for a machine of which the deciding facts are
// known, and is not promised otherwise.
package joindata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"

	"github.com/drover-project/drover/internal/cloud/aws/bootscript"
	"github.com/drover-project/drover/internal/model"
)

// Machine is what is known of the machines that boot with the user data.
type Machine = bootscript.Machine

// Kinds of user data.
const (
	Nodeadm      = "AL2023"
	Bootstrap    = "AL2"
	Bottlerocket = "Bottlerocket"
)

// Join is what user data tells of the nodes it starts.
type Join struct {
	// Kind is one of the constants above, empty when nothing in it starts a
	// kubelet that way.
	Kind string
	// Cluster is empty when it is decided at boot.
	Cluster string
	// Labels are those that every node gets.
	Labels map[string]string
	// Taints are those that a node may get.
	Taints  []model.Taint
	MaxPods int32 // 0: the image's own
	// Undecided lists labels and flags that depend on what the script finds at boot.
	Undecided []string
}

// maxSize bounds what is unpacked; EC2 takes 16 KiB.
const maxSize = 1 << 20

// Parse reads user data as a launch template holds it, in base64. An error names
// the part that cannot be understood.
func Parse(encoded string, machine Machine) (Join, error) {
	text, err := decode(encoded)
	if err != nil {
		return Join{}, err
	}
	parts, err := split(text)
	if err != nil {
		return Join{}, err
	}
	var join Join
	var calls []Join
	for i, part := range parts {
		next, err := parsePart(part, machine)
		if err != nil {
			return Join{}, fmt.Errorf("part %d of the user data: %w", i+1, err)
		}
		for _, one := range next {
			switch {
			case one.Kind == Bootstrap:
				calls = append(calls, one)
			default:
				join.merge(one)
			}
		}
	}
	if join.Kind == "" && len(calls) > 0 {
		return Certain(calls), nil
	}
	return join, nil
}

func decode(encoded string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", fmt.Errorf("the user data is not base64: %w", err)
	}
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return string(data), nil
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("unpacking the user data: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, maxSize))
	if err != nil {
		return "", fmt.Errorf("unpacking the user data: %w", err)
	}
	return string(text), nil
}

// split returns the parts of a MIME archive, or the text itself.
func split(text string) ([]string, error) {
	if !strings.HasPrefix(strings.ToUpper(strings.TrimSpace(text)), "MIME-VERSION:") &&
		!strings.HasPrefix(strings.ToUpper(strings.TrimSpace(text)), "CONTENT-TYPE: MULTIPART") {
		return []string{text}, nil
	}
	message, err := mail.ReadMessage(strings.NewReader(strings.TrimLeft(text, " \t\r\n")))
	if err != nil {
		return nil, fmt.Errorf("reading the MIME header of the user data: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return nil, fmt.Errorf("the user data's Content-Type is %q: a MIME archive is multipart/mixed", message.Header.Get("Content-Type"))
	}
	var parts []string
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading MIME part %d of the user data: %w", len(parts)+1, err)
		}
		content, err := io.ReadAll(io.LimitReader(part, maxSize))
		if err != nil {
			return nil, fmt.Errorf("reading MIME part %d of the user data: %w", len(parts)+1, err)
		}
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(content)), ""))
			if err != nil {
				return nil, fmt.Errorf("MIME part %d of the user data is not the base64 it says to be: %w", len(parts)+1, err)
			}
			content = plain
		}
		parts = append(parts, string(content))
	}
}

func parsePart(text string, machine Machine) ([]Join, error) {
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(trimmed, "#!"):
		return parseScript(trimmed, machine)
	case strings.Contains(trimmed, "node.eks.aws/"):
		return parseNodeConfigs(trimmed)
	case strings.Contains(trimmed, "[settings"):
		join, err := parseSettings(trimmed)
		return []Join{join}, err
	}
	return nil, nil
}

// merge adds a later document: it wins.
func (j *Join) merge(next Join) {
	if next.Kind != "" {
		j.Kind = next.Kind
	}
	if next.Cluster != "" {
		j.Cluster = next.Cluster
	}
	if next.MaxPods > 0 {
		j.MaxPods = next.MaxPods
	}
	for key, value := range next.Labels {
		j.label(key, value)
	}
	if len(next.Taints) > 0 {
		j.Taints = next.Taints
	}
}

func (j *Join) label(key, value string) {
	if j.Labels == nil {
		j.Labels = map[string]string{}
	}
	if strings.Contains(value, bootscript.Opaque) {
		// Only the machine knows its value.
		delete(j.Labels, key)
		j.Undecided = append(j.Undecided, key)
		return
	}
	j.Labels[key] = value
}
