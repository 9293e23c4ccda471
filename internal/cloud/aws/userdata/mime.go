package userdata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
)

// Content types that cloud-init and nodeadm look for.
const (
	typeNodeConfig  = "application/node.eks.aws"
	typeShellScript = `text/x-shellscript; charset="us-ascii"`
)

// boundary separates the parts, as in the documentation of EKS.
const boundary = "//"

type part struct {
	contentType string
	content     string
}

func writeMIME(parts []part) (string, error) {
	var archive bytes.Buffer
	fmt.Fprintf(&archive, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=%q\n\n", boundary)
	writer := multipart.NewWriter(&archive)
	if err := writer.SetBoundary(boundary); err != nil {
		return "", err
	}
	for _, each := range parts {
		body, err := writer.CreatePart(textproto.MIMEHeader{"Content-Type": {each.contentType}})
		if err != nil {
			return "", err
		}
		if _, err := io.WriteString(body, each.content); err != nil {
			return "", err
		}
	}
	if err := writer.Close(); err != nil {
		return "", err
	}
	// The multipart package ends its lines the way mail does.
	return strings.ReplaceAll(archive.String(), "\r\n", "\n"), nil
}

func readMIME(archive string) ([]part, error) {
	message, err := mail.ReadMessage(strings.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("spec.userData: reading the MIME header: %w", err)
	}
	mediaType, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("spec.userData: reading Content-Type: %w", err)
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		return nil, fmt.Errorf("spec.userData: Content-Type is %s; a MIME archive must be multipart/mixed", mediaType)
	}
	var parts []part
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		next, err := reader.NextPart()
		if errors.Is(err, io.EOF) && len(parts) == 0 {
			return nil, errors.New("spec.userData: the MIME archive has no complete part")
		}
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("spec.userData: reading MIME part %d: %w", len(parts)+1, err)
		}
		content, err := io.ReadAll(next)
		if err != nil {
			return nil, fmt.Errorf("spec.userData: reading MIME part %d: %w", len(parts)+1, err)
		}
		parts = append(parts, part{contentType: next.Header.Get("Content-Type"), content: string(content)})
	}
}
