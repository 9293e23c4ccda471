package main

import (
	"fmt"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/groupfiles"
	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/offers"
)

// groupFiles are the node groups of the eksctl files among the input.
type groupFiles struct {
	market *offers.Market
	found  []model.NodeGroup
	// from is the file and line of each group, by its name.
	from map[string]string
}

// read takes the groups of one file, or says what is wrong with it.
func (f *groupFiles) read(document manifest.Document) manifest.Problems {
	config, problems := eksctl.Decode(document)
	if len(problems) > 0 {
		return problems
	}
	groups, findings := groupfiles.Groups(config, f.market)
	for _, finding := range findings {
		problems = append(problems, document.Problem(finding.Field, finding.Message, finding.Right))
	}
	if f.from == nil {
		f.from = map[string]string{}
	}
	for _, group := range groups {
		if earlier := f.from[group.Name]; earlier != "" {
			problems = append(problems, document.Problem("", fmt.Sprintf("node group %s is already in %s", group.Name, earlier), ""))
			continue
		}
		f.from[group.Name] = fmt.Sprintf("%s:%d", document.File, document.Line())
		f.found = append(f.found, group)
	}
	return problems
}

// into adds the groups to a snapshot, and says in which state they are.
func (f *groupFiles) into(snapshot *model.Snapshot, fromScratch bool) []string {
	if len(f.found) == 0 {
		return nil
	}
	notices := groupfiles.Begin(snapshot, f.found, fromScratch)
	if f.market.Spot == nil {
		for i := range f.found {
			if g := &f.found[i]; g.OnDemandPercentage < 100 {
				notices = append(notices, "Spot prices are not known here: Spot nodes of node group "+g.Name+" are planned at the price on demand, which they never exceed (--spot-risk has savings)")
			}
		}
	}
	return notices
}
