package container

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
)

// validateWaitFor finds conditions that cannot hold, alone or together.
func validateWaitFor(p *problems, m Model) {
	exits, others := -1, -1
	for i, w := range m.WaitFor.Items {
		at := path.Root("wait_for").AtListIndex(i)
		conditions := 0
		for _, given := range []bool{!w.State.IsNull(), !w.Log.IsNull(), !w.Port.IsNull()} {
			if given {
				conditions++
			}
		}
		if conditions != 1 {
			p.at(at, "Exactly one of state, log and port says what is waited for; found %d of them. Several conditions are several wait_for blocks.", conditions)
			continue
		}
		state := w.State.ValueString()
		switch {
		case state == stateExited:
			exits = i
		case given(w.State) || given(w.Port):
			others = i
		}
		if given(w.ExitCode) && state != stateExited && !w.State.IsUnknown() {
			p.at(at.AtName("exit_code"), "exit_code goes with state = \"exited\" only.")
		}
		if given(w.Port) && m.NetworkMode.ValueString() == "none" {
			p.at(at.AtName("port"), "With network_mode = \"none\" nobody can connect to port %d.", w.Port.ValueInt64())
		}
		if given(w.Log) && m.LogDriver.ValueString() == "none" {
			p.at(at.AtName("log"), "With log_driver = \"none\" there is no output to read.")
		}
	}
	if exits >= 0 {
		validateExits(p, m, exits, others)
	}
	if len(m.WaitFor.Items) > 0 && m.Attach.ValueBool() {
		p.on("wait_for", "attach waits for the exit of the container already: it excludes wait_for. wait_for with state = \"exited\" does the same.")
	}
}

func validateExits(p *problems, m Model, exits, others int) {
	at := path.Root("wait_for").AtListIndex(exits).AtName("state")
	if !m.MustRun.IsUnknown() && (m.MustRun.IsNull() || m.MustRun.ValueBool()) {
		p.at(at, "A container that is waited for to exit needs must_run = false: otherwise the next plan starts it again.")
	}
	if restart := m.Restart.ValueString(); restart == "always" || strings.HasPrefix(restart, "unless") {
		p.at(at, "With restart = %q the container never ends.", restart)
	}
	if others >= 0 {
		p.at(at, "wait_for[%d] wants it to go on running: both cannot hold.", others)
	}
}
