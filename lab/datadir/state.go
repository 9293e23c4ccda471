package datadir

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Place is where a lab is: its AWS region, and the name of its cluster.
type Place struct {
	Region  string `json:"region"`
	Cluster string `json:"cluster"`
}

// State is what makes this lab this one; it is written once.
type State struct {
	Place
	// AccessKeyID begins with LAB, which no key of AWS does.
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	// OIDCID ends the issuer URL of the cluster.
	OIDCID  string    `json:"oidcId"`
	Created time.Time `json:"created"`
}

// LoadState reads the state, or creates it for a place, what is not given being
// as in usual. It accepts what is there for what is not given; another region or
// cluster than the one that is there is an error.
func (d *Dir) LoadState(place, usual Place) (State, error) {
	content, err := os.ReadFile(d.Join(stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d.createState(Place{Region: cmp.Or(place.Region, usual.Region), Cluster: cmp.Or(place.Cluster, usual.Cluster)})
	}
	if err != nil {
		return State{}, fmt.Errorf("reading the lab's state: %w", err)
	}
	var state State
	if err := json.Unmarshal(content, &state); err != nil {
		return State{}, fmt.Errorf("%s is damaged (`drover-lab reset` starts afresh): %w", d.Join(stateFile), err)
	}
	if state.Region == "" || state.AccessKeyID == "" || state.SecretAccessKey == "" {
		return State{}, fmt.Errorf("%s is damaged, it lacks the region or the keys: `drover-lab reset` starts afresh", d.Join(stateFile))
	}
	// Labs had all the same cluster before its name could be chosen.
	state.Cluster = cmp.Or(state.Cluster, usual.Cluster)
	if place.Region != "" && place.Region != state.Region {
		return State{}, d.otherLab("in "+state.Region, place.Region, "--region")
	}
	if place.Cluster != "" && place.Cluster != state.Cluster {
		return State{}, d.otherLab("with the cluster "+state.Cluster, place.Cluster, "--cluster-name")
	}
	return state, nil
}

func (d *Dir) otherLab(holds, asked, flag string) error {
	return fmt.Errorf("%s holds a lab %s, not %s: leave out %s, choose another --data-dir, or `drover-lab reset` first", d.path, holds, asked, flag)
}

func (d *Dir) createState(place Place) (State, error) {
	random := make([]byte, 64)
	if _, err := rand.Read(random); err != nil {
		return State{}, fmt.Errorf("generating the lab's keys: %w", err)
	}
	state := State{
		Place:           place,
		AccessKeyID:     "LAB" + strings.ToUpper(hex.EncodeToString(random[:8])) + "0",
		SecretAccessKey: base64.RawStdEncoding.EncodeToString(random[8:38]),
		OIDCID:          strings.ToUpper(hex.EncodeToString(random[38:54])),
		Created:         time.Now().UTC(),
	}
	return state, d.writeJSON(stateFile, state)
}

// writeJSON replaces a file in one step.
func (d *Dir) writeJSON(name string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	temporary := d.Join(name + ".new")
	if err := os.WriteFile(temporary, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the lab's state: %w", err)
	}
	if err := os.Rename(temporary, d.Join(name)); err != nil {
		return fmt.Errorf("writing the lab's state: %w", err)
	}
	return nil
}
