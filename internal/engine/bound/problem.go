package bound

// Problem is what every plan for an input must do, with the rules left out that
// this proof does not use. Leaving rules out only lets more plans in, so what
// is proven holds for the plans that keep them.
type Problem struct {
	Classes []Class
	// Kinds are all nodes that can be bought.
	Kinds []Kind
	// Free are nodes that are there already: their room costs nothing.
	Free []Place
}

// Class is pods that are equal.
type Class struct {
	// Request by resource, in whole units; resources are numbered the same way
	// everywhere in a Problem.
	Request []int64
	// Count is how many of them a plan places.
	Count int64
	// Family numbers the classes that the same places admit.
	Family int
	// PerNode is the most of them on one node; 0: no rule says.
	PerNode int64
	// Exclusive numbers the set of classes of which one node holds one pod at
	// most; 0: none.
	Exclusive int
}

// Place is room for pods.
type Place struct {
	Room []int64
	// Admits tells for each family whether its pods may be here.
	Admits []bool
}

// Kind is a node to buy at Price, in billionths of a dollar per hour.
type Kind struct {
	Place
	Price int64
}

// Duals are the prices to check. They may be anything: bad ones prove little,
// but never something wrong.
type Duals struct {
	// Worth of a pod by class, in billionths of a dollar per hour.
	Worth []int64
	// Prices of one unit of each resource, by family, likewise: hints which
	// linear prices explain Worth.
	Prices [][]float64
}

// Certificate is what has been proven.
type Certificate struct {
	// Cost in billionths of a dollar per hour: no plan that places Count pods
	// of each class costs less.
	Cost int64
	// Scale is what the duals had to be multiplied by for the proof: 1 when
	// they were right and tight.
	Scale float64
}
