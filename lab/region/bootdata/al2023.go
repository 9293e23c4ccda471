package bootdata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
)

// ErrNotMIME is the error for user data that cannot have a part added to it.
var ErrNotMIME = errors.New("user data was not in the MIME multipart format")

const boundary = "//"

// AL2023 is the user data for Amazon Linux 2023: the user's parts in their
// order, then EKS's own, which wins where both say the same. Only the number of
// pods stays the user's.
func AL2023(n Node, user []byte) ([]byte, error) {
	parts, err := split(user)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if bytes.Contains(p, []byte("maxPods:")) {
			n.MaxPods = 0
		}
	}
	text := &bytes.Buffer{}
	fmt.Fprintf(text, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"%s\"\n\n", boundary)
	for _, p := range parts {
		fmt.Fprintf(text, "--%s\n%s\n", boundary, bytes.TrimRight(p, "\r\n"))
	}
	fmt.Fprintf(text, "--%s\nContent-Type: application/node.eks.aws\n\n%s\n--%s--\n", boundary, n.NodeConfig(), boundary)
	return text.Bytes(), nil
}

// split gives the parts of a MIME document, headers and body as text.
func split(user []byte) ([][]byte, error) {
	if len(bytes.TrimSpace(user)) == 0 {
		return nil, nil
	}
	message, err := mail.ReadMessage(bytes.NewReader(bytes.TrimLeft(user, " \t\r\n")))
	if err != nil {
		return nil, ErrNotMIME
	}
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") || params["boundary"] == "" {
		return nil, ErrNotMIME
	}
	var parts [][]byte
	reader := multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, ErrNotMIME
		}
		text := &bytes.Buffer{}
		for _, name := range slices.Sorted(maps.Keys(part.Header)) {
			fmt.Fprintf(text, "%s: %s\n", name, part.Header.Get(name))
		}
		text.WriteString("\n")
		if _, err := io.Copy(text, part); err != nil {
			return nil, ErrNotMIME
		}
		parts = append(parts, text.Bytes())
	}
}
