package userdata

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
)

type kind int

const (
	kindOther kind = iota
	kindNodeConfig
	kindScript
	kindCloudConfig
)

type part struct {
	kind kind
	body []byte
}

// splitParts takes a MIME multipart document apart; other text is one part.
func splitParts(raw []byte) ([]part, error) {
	text := bytes.TrimLeft(raw, " \t\r\n")
	if !isMIME(text) {
		return []part{{kind: kindOf("", text), body: raw}}, nil
	}
	message, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("user data: MIME header: %w", err)
	}
	mediaType, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("user data: MIME Content-Type: %w", err)
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		body, err := readBody(message.Body, textproto.MIMEHeader(message.Header))
		return []part{{kind: kindOf(mediaType, body), body: body}}, err
	}
	if params["boundary"] == "" {
		return nil, errors.New(`user data: MIME Content-Type has no boundary="..." parameter`)
	}
	return readMultipart(multipart.NewReader(message.Body, params["boundary"]))
}

func isMIME(text []byte) bool {
	return bytes.HasPrefix(text, []byte("MIME-Version:")) || bytes.HasPrefix(text, []byte("Content-Type:"))
}

func readMultipart(reader *multipart.Reader) ([]part, error) {
	var parts []part
	for {
		next, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("user data: MIME part %d: %w", len(parts)+1, err)
		}
		body, err := readBody(next, next.Header)
		if err != nil {
			return nil, fmt.Errorf("user data: MIME part %d: %w", len(parts)+1, err)
		}
		mediaType, _, err := mime.ParseMediaType(next.Header.Get("Content-Type"))
		if err != nil && next.Header.Get("Content-Type") != "" {
			return nil, fmt.Errorf("user data: MIME part %d: Content-Type: %w", len(parts)+1, err)
		}
		parts = append(parts, part{kind: kindOf(mediaType, body), body: body})
	}
}

func readBody(body io.Reader, header textproto.MIMEHeader) ([]byte, error) {
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "base64") {
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	return io.ReadAll(io.LimitReader(body, maxSize))
}

// kindOf goes by the declared type and, without one, by the beginning of the
// text, as cloud-init does.
func kindOf(mediaType string, body []byte) kind {
	switch mediaType {
	case "application/node.eks.aws":
		return kindNodeConfig
	case "text/x-shellscript":
		return kindScript
	case "text/cloud-config":
		return kindCloudConfig
	}
	text := bytes.TrimSpace(body)
	switch {
	case bytes.HasPrefix(text, []byte("#!")):
		return kindScript
	case bytes.HasPrefix(text, []byte("#cloud-config")):
		return kindCloudConfig
	case mediaType == "" && bytes.Contains(text, []byte("node.eks.aws/")):
		return kindNodeConfig
	}
	return kindOther
}
