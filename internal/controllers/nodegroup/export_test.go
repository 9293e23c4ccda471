package nodegroup

// WhyStays is the name of the reason that keeps a node, as of the last look.
func WhyStays(a *Autoscaler, node string) string { return a.stay[node].reason }
