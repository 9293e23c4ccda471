// Package check is an independent auditor of plans: given a Snapshot and a Plan
// it names every rule that the plan breaks. It is written for plainness, not
// speed, and shares no code with the engine that it judges.
package check
