// Package e2e runs drover on the lab from outside, with the programs a user
// has: drover-lab, kubectl and, where installed, the aws CLI. The scripts are
// in testdata/script.
package e2e
