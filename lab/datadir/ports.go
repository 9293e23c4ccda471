package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
)

const portsFile = "drover-ports.json"

// DroverPorts are the ports at which the drover process serves.
type DroverPorts struct {
	Metrics int `json:"metrics"`
	Health  int `json:"health"`
}

// firstPort and portPairs are the pairs of ports that folders may begin with: below what the
// kernel gives to outgoing connections, which could take one while drover
// restarts.
const (
	firstPort = 20_000
	portPairs = 5_000
)

// DroverPorts returns the ports of last time, as far as free lets them pass, so
// that a restart does not change drover's Deployment without need. At first they
// follow from the folder: labs that start at the same moment would all find
// drover's own defaults free. free returns the port it is given, or another one
// instead.
func (d *Dir) DroverPorts(free func(preferred int) (int, error)) (DroverPorts, error) {
	var before DroverPorts
	content, err := os.ReadFile(d.Join(portsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		before = initialPorts(d.path)
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

func initialPorts(folder string) DroverPorts {
	hash := fnv.New32a()
	hash.Write([]byte(folder))
	port := firstPort + 2*int(hash.Sum32()%portPairs)
	return DroverPorts{Metrics: port, Health: port + 1}
}
