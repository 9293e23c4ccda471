package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Run is what a running lab tells other commands about itself.
type Run struct {
	PID         int         `json:"pid"`
	Ready       bool        `json:"ready"`
	Started     time.Time   `json:"started"`
	Cluster     string      `json:"cluster"`
	Version     string      `json:"version"`
	Region      string      `json:"region"`
	APIServer   string      `json:"apiServer"`
	AWSEndpoint string      `json:"awsEndpoint"`
	Kubeconfig  string      `json:"kubeconfig"`
	TimeScale   float64     `json:"timeScale"`
	Components  []Component `json:"components"`
}

// Component is a part of the lab. Parts with the same PID share a process.
type Component struct {
	Name string `json:"name"`
	// PID is 0 while the component is being restarted.
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"`
	LastExit string    `json:"lastExit,omitempty"`
}

// WriteRun replaces what other commands see.
func (d *Dir) WriteRun(run Run) error { return d.writeJSON(runFile, run) }

// ClearRun says that no lab runs any more.
func (d *Dir) ClearRun() error {
	if err := os.Remove(d.Join(runFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReadRun returns what the lab that runs on the folder says of itself; ok is
// false when none runs or it has not said anything yet.
func ReadRun(path string) (run Run, ok bool, err error) {
	pid, running, err := Holder(path)
	if err != nil || !running {
		return Run{}, false, err
	}
	content, err := os.ReadFile(filepath.Join(path, runFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Run{}, false, nil
	}
	if err != nil {
		return Run{}, false, fmt.Errorf("reading what the lab says of itself: %w", err)
	}
	if err := json.Unmarshal(content, &run); err != nil {
		return Run{}, false, fmt.Errorf("%s is damaged: %w", filepath.Join(path, runFile), err)
	}
	// A lab that was killed leaves its file behind.
	return run, run.PID == pid, nil
}

// ReadState returns the state without taking the folder.
func ReadState(path string) (State, error) {
	content, err := os.ReadFile(filepath.Join(path, stateFile))
	if err != nil {
		return State{}, fmt.Errorf("there is no lab in %s: `drover-lab up` makes one: %w", path, err)
	}
	var state State
	if err := json.Unmarshal(content, &state); err != nil {
		return State{}, fmt.Errorf("%s is damaged (`drover-lab reset` starts afresh): %w", filepath.Join(path, stateFile), err)
	}
	return state, nil
}
