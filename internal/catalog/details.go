package catalog

import "fmt"

// details are facts that come in files of their own, because their sources do.
type details struct {
	gpus    map[string]GPU // by family
	neuron  map[string]Neuron
	storage map[string]LocalStorage
}

func loadDetails() (details, error) {
	d := details{gpus: map[string]GPU{}, neuron: map[string]Neuron{}, storage: map[string]LocalStorage{}}
	if err := eachRow(gpusCSV, d.addGPU); err != nil {
		return d, fmt.Errorf("GPUs: %w", err)
	}
	if err := eachRow(neuronCSV, d.addNeuron); err != nil {
		return d, fmt.Errorf("Neuron devices: %w", err)
	}
	if err := eachRow(localStorageCSV, d.addStorage); err != nil {
		return d, fmt.Errorf("local storage: %w", err)
	}
	return d, nil
}

func (d details) addGPU(r row) error {
	d.gpus[r.text("family")] = GPU{Manufacturer: r.text("manufacturer"), MemoryMiB: r.number("memory_mib")}
	return r.err
}

func (d details) addNeuron(r row) error {
	d.neuron[r.text("instance_type")] = Neuron{
		Devices: r.number("devices"), Name: r.text("device_name"), CoresPerDevice: r.number("cores_per_device"),
		CoreVersion: r.number("core_version"), MemoryMiB: r.number("device_memory_mib"),
	}
	return r.err
}

func (d details) addStorage(r row) error {
	d.storage[r.text("instance_type")] = LocalStorage{
		Disks: r.number("disks"), DiskGB: r.number("disk_gb"), Kind: r.text("kind"), NVMe: r.text("nvme") == "true",
	}
	return r.err
}

// complete adds to a type what is known of its devices.
func (d details) complete(t *Type) {
	if gpu, known := d.gpus[t.Family()]; known && t.GPU.Count > 0 {
		t.GPU.Manufacturer, t.GPU.MemoryMiB = gpu.Manufacturer, gpu.MemoryMiB
	}
	t.Neuron = d.neuron[t.Name]
	t.LocalStorage = d.storage[t.Name]
}
