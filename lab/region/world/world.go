// Package world is the state of the simulated region that its services act on:
// instances, launch templates, capacity, tags and roles, on one clock.
package world

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/spot"
	"github.com/drover-project/drover/lab/region/store"
)

// World is one region. Tables are read within Store.View and changed within
// Store.Update; the other fields never change.
type World struct {
	Options Options
	Store   *store.Store
	Catalog *catalog.Catalog
	Clock   machine.Clock
	Spot    spot.Model
	Network *network.Network
	Images  []Image // by id

	Instances *store.Table[Instance]
	Templates *store.Table[LaunchTemplate]
	Tags      *store.Table[Tags]
	Roles     *store.Table[Role]
	Profiles  *store.Table[Profile]
	Policies  *store.Table[Policy]
	Providers *store.Table[OIDCProvider]
	Sessions  *store.Table[Session]
	Deletions *store.Table[RoleDeletion]
	KeyPairs  *store.Table[KeyPair]

	PlacementGroups *store.Table[PlacementGroup]
	// The Elastic Kubernetes Service.
	Clusters      *store.Table[Cluster]
	NodeGroups    *store.Table[NodeGroup]
	EKSUpdates    *store.Table[EKSUpdate]
	Addons        *store.Table[Addon]
	AccessEntries *store.Table[AccessEntry]
	PodIdentities *store.Table[PodIdentity]

	// Auto Scaling.
	Groups               *store.Table[Group]    // by name
	Members              *store.Table[Member]   // by instance id
	Activities           *store.Table[Activity] // by id
	LaunchConfigurations *store.Table[LaunchConfiguration]

	// SpotRequests are the Spot Instance requests, Outages the zones that are out.
	SpotRequests *store.Table[SpotRequest]
	Outages      *store.Table[Outage]

	conditions *store.Table[Conditions]

	limits  *store.Table[Limit]
	answers *store.Table[Answer]
	meta    *store.Table[meta]

	watchers  *watchers
	timers    *timers
	listeners []func(Instance)
	deliver   []func(*store.Tx, Event) error
	created   time.Time
}

type meta struct {
	Identity identity
	Sequence int64
	Created  time.Time
	// Networks says that the cluster's network is in the tables. A region from
	// before there were such tables has it from then on.
	Networks bool `json:",omitempty"`
}

const metaKey = "region"

// stateFile is the file in the data directory.
const stateFile = "region.db"

// Open opens the state and continues what was under way.
func Open(o Options) (*World, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	facts, err := catalog.Load()
	if err != nil {
		return nil, fmt.Errorf("instance catalogue: %w", err)
	}
	w := &World{
		Options: o, Catalog: facts, Clock: o.Clock, Spot: spot.Model{Seed: o.Seed},
		Images: newImages(o.Region), watchers: newWatchers(), timers: newTimers(o.Clock),
	}
	if err := w.openStore(); err != nil {
		return nil, err
	}
	if err := w.begin(); err != nil {
		return nil, errors.Join(err, w.Store.Close())
	}
	return w, nil
}

// Close stops the clockwork and releases the data directory.
func (w *World) Close() error {
	w.timers.stop()
	w.watchers.close()
	return w.Store.Close()
}

// Created is when the region was opened for the first time.
func (w *World) Created() time.Time { return w.created }

func (w *World) openStore() error {
	path := ""
	if w.Options.DataDir != "" {
		if err := os.MkdirAll(w.Options.DataDir, 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		path = filepath.Join(w.Options.DataDir, stateFile)
	}
	s, err := store.Open(path)
	if err != nil {
		return fmt.Errorf("region state: %w", err)
	}
	w.Store = s
	if err := w.openTables(); err != nil {
		return errors.Join(fmt.Errorf("region state in %s: %w", path, err), s.Close())
	}
	return nil
}

func (w *World) openTables() error {
	return errors.Join(
		openTable(w.Store, "instances", &w.Instances),
		openTable(w.Store, "launch-templates", &w.Templates),
		openTable(w.Store, "tags", &w.Tags),
		openTable(w.Store, "roles", &w.Roles),
		openTable(w.Store, "instance-profiles", &w.Profiles),
		openTable(w.Store, "policies", &w.Policies),
		openTable(w.Store, "oidc-providers", &w.Providers),
		openTable(w.Store, "sessions", &w.Sessions),
		openTable(w.Store, "role-deletions", &w.Deletions),
		openTable(w.Store, "key-pairs", &w.KeyPairs),
		openTable(w.Store, "placement-groups", &w.PlacementGroups),
		w.openNetwork(),
		openTable(w.Store, "eks-clusters", &w.Clusters),
		openTable(w.Store, "eks-nodegroups", &w.NodeGroups),
		openTable(w.Store, "eks-updates", &w.EKSUpdates),
		openTable(w.Store, "eks-addons", &w.Addons),
		openTable(w.Store, "eks-access-entries", &w.AccessEntries),
		openTable(w.Store, "eks-pod-identities", &w.PodIdentities),
		openTable(w.Store, "groups", &w.Groups),
		openTable(w.Store, "group-members", &w.Members),
		openTable(w.Store, "scaling-activities", &w.Activities),
		openTable(w.Store, "launch-configurations", &w.LaunchConfigurations),
		openTable(w.Store, "spot-requests", &w.SpotRequests),
		openTable(w.Store, "zone-outages", &w.Outages),
		openTable(w.Store, "spot-conditions", &w.conditions),
		openTable(w.Store, "capacity-limits", &w.limits),
		openTable(w.Store, "answers", &w.answers),
		openTable(w.Store, "meta", &w.meta),
	)
}

func openTable[T any](s *store.Store, name string, table **store.Table[T]) (err error) {
	*table, err = store.NewTable[T](s, name)
	return err
}

// begin seeds a new region or takes up the stored one.
func (w *World) begin() error {
	stored, exists := w.meta.Get(metaKey)
	if !exists {
		return w.Store.Update(w.seed)
	}
	if stored.Identity != w.Options.identity() {
		return fmt.Errorf("%s holds %v, not %v: use another data directory, or reset this one",
			w.Options.DataDir, stored.Identity, w.Options.identity())
	}
	w.created = stored.Created
	return w.Store.Update(func(tx *store.Tx) error {
		w.resume()
		if err := w.completeRequests(tx); err != nil {
			return err
		}
		if !stored.Networks {
			if err := w.seedNetwork(tx); err != nil {
				return err
			}
		}
		if w.Clusters.Len() > 0 {
			return nil
		}
		return w.seedAccess(tx) // the region is older than access entries
	})
}

// OIDCIssuer is the issuer of the cluster's service account tokens.
func (w *World) OIDCIssuer() string {
	if w.Options.Cluster.OIDCIssuer != "" {
		return w.Options.Cluster.OIDCIssuer
	}
	return fmt.Sprintf("https://oidc.eks.%s.amazonaws.com/id/%s", w.Options.Region, strings.ToUpper(w.digest("oidc")[:32]))
}
