package userdata

import (
	"bytes"

	"github.com/spf13/pflag"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/shellbox"
)

// Signals are what the scripts in a machine's user data say with cfn-signal once
// all before it in the script went well. Scripts run beside NodeConfig too.
func Signals(m machine.Machine) []machine.Signal {
	raw, err := unpack(m.UserData)
	if err != nil || !bytes.Contains(raw, []byte("cfn-signal")) {
		return nil
	}
	parts, err := splitParts(raw)
	if err != nil {
		return nil
	}
	var signals []machine.Signal
	for _, p := range parts {
		if p.kind == kindScript {
			signals = append(signals, signalsOf(p.body, m)...)
		}
	}
	return signals
}

func signalsOf(script []byte, m machine.Machine) []machine.Signal {
	boot := &bootScript{machine: m}
	// A script that fails has said what it said until then.
	_ = shellbox.Box{Exec: boot.exec}.Run(script)
	boot.mu.Lock()
	defer boot.mu.Unlock()
	return boot.signals
}

// signalled notes one cfn-signal.
func (s *bootScript) signalled(arguments []string) error {
	signal := machine.Signal{UniqueID: s.machine.ID}
	code, success := 0, "true"
	flags := pflag.NewFlagSet("cfn-signal", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	flags.StringVar(&signal.Stack, "stack", "", "")
	flags.StringVar(&signal.Resource, "resource", "", "")
	flags.StringVarP(&signal.UniqueID, "id", "i", s.machine.ID, "")
	flags.IntVarP(&code, "exit-code", "e", 0, "")
	flags.StringVarP(&success, "success", "s", "true", "")
	if err := flags.Parse(arguments); err != nil || signal.Stack == "" || signal.Resource == "" {
		return shellbox.Exit(1)
	}
	signal.Success = code == 0 && success == "true"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signals = append(s.signals, signal)
	return nil
}
