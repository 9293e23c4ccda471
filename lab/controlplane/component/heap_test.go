package component

import "testing"

func TestHeapIsSmallWhenIdleAndLargeWhenBusy(t *testing.T) {
	governor := heapGovernor{percent: busyPercent}
	released := 0
	pass := func(periods int, allocated uint64, want int) {
		t.Helper()
		for range periods {
			percent, release := governor.after(allocated)
			if release {
				released++
			}
			if percent != want {
				t.Fatalf("heaps may grow by %d %%, want %d %%", percent, want)
			}
		}
	}
	pass(quietPeriods-1, 1<<20, busyPercent) // a short pause is not idleness
	pass(50, 1<<20, idlePercent)
	pass(3, 1<<30, hardPercent)
	pass(3, hardRate/periods, busyPercent)
	pass(quietPeriods-1, 0, busyPercent)
	pass(1, busyRate/periods, idlePercent)
	if released != 2 {
		t.Errorf("memory was given back %d times, want once after each time of work", released)
	}
}
