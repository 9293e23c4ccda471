package datadir

import (
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

// State is what makes this lab this one; it is written once.
type State struct {
	Region string `json:"region"`
	// AccessKeyID begins with LAB, which no key of AWS does.
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	// OIDCID ends the issuer URL of the cluster.
	OIDCID  string    `json:"oidcId"`
	Created time.Time `json:"created"`
}

// LoadState reads the state, or creates it for the region; an empty region
// accepts what is there. Another region than the one that is there is an error.
func (d *Dir) LoadState(region, defaultRegion string) (State, error) {
	content, err := os.ReadFile(d.Join(stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		if region == "" {
			region = defaultRegion
		}
		return d.createState(region)
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
	if region != "" && region != state.Region {
		return State{}, fmt.Errorf("%s holds a lab in %s, not %s: leave out --region, choose another --data-dir, or `drover-lab reset` first", d.path, state.Region, region)
	}
	return state, nil
}

func (d *Dir) createState(region string) (State, error) {
	random := make([]byte, 64)
	if _, err := rand.Read(random); err != nil {
		return State{}, fmt.Errorf("generating the lab's keys: %w", err)
	}
	state := State{
		Region:          region,
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
