package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/assemble"
	"github.com/drover-project/drover/lab/datadir"
)

// labRequest is one of the lab's own requests.
type labRequest struct {
	method, path string
	body         any // JSON; nil for none
}

// askLab sends a request to the running lab.
func askLab(cmd *cobra.Command, request labRequest, answer any) error {
	path, err := dataDir(cmd)
	if err != nil {
		return err
	}
	run, ok, err := datadir.ReadRun(path)
	if err != nil {
		return err
	}
	if !ok || !run.Ready {
		return errNotRunning
	}
	content, err := json.Marshal(request.body)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
	defer cancel()
	sent, err := http.NewRequestWithContext(ctx, request.method, run.AWSEndpoint+assemble.AdminPath+request.path, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	response, err := http.DefaultClient.Do(sent)
	if err != nil {
		return fmt.Errorf("asking the lab: %w", err)
	}
	defer response.Body.Close()
	return readAnswer(response, answer)
}

func readAnswer(response *http.Response, answer any) error {
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the lab's answer: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(content, answer); err != nil {
			return fmt.Errorf("reading the lab's answer: %w", err)
		}
		return nil
	}
	var problem struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(content, &problem) == nil && problem.Error != "" {
		return errors.New(problem.Error)
	}
	return fmt.Errorf("the lab answered %s", response.Status)
}
