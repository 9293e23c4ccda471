package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const portsFile = "drover-ports.json"

// DroverPorts are the ports at which the drover process serves.
type DroverPorts struct {
	Metrics int `json:"metrics"`
	Health  int `json:"health"`
}

// DroverPorts returns the ports of last time, as far as free lets them pass, so
// that a restart does not change drover's Deployment without need; at first they
// are drover's own defaults. free returns the port it is given, or another one
// instead.
func (d *Dir) DroverPorts(free func(preferred int) (int, error)) (DroverPorts, error) {
	var before DroverPorts
	content, err := os.ReadFile(d.Join(portsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		before = DroverPorts{Metrics: 8080, Health: 8081}
	case err != nil:
		return DroverPorts{}, fmt.Errorf("reading drover's ports: %w", err)
	default:
		if err := json.Unmarshal(content, &before); err != nil {
			return DroverPorts{}, fmt.Errorf("%s is damaged, delete it: %w", d.Join(portsFile), err)
		}
	}
	var now DroverPorts
	if now.Metrics, err = free(before.Metrics); err != nil {
		return DroverPorts{}, err
	}
	if now.Health, err = free(before.Health); err != nil {
		return DroverPorts{}, err
	}
	if now == before && content != nil {
		return now, nil
	}
	return now, d.writeJSON(portsFile, now)
}
