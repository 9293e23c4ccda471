package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// schemaMember is one AddMember call of package schemas.
type schemaMember struct {
	wire  string
	place shape.Place
	// In the query protocol: the name there, when it differs, the schema of
	// the value, and whether lists and maps of it have no element around them.
	xml, target string
	flattened   bool
}

// fromSchemas reads the JSON protocols, whose modules describe the wire in
// package schemas and tie it to Go fields in SerializeMembers methods.
func (t *table) fromSchemas() error {
	described, err := t.readSchemas()
	if err != nil {
		return err
	}
	t.both = map[string][]shape.Member{}
	read := func(fn *ast.FuncDecl) {
		switch {
		case fn.Name.Name == "SerializeMembers" && fn.Recv != nil:
			name := typeName(fn.Recv.List[0].Type)
			if m := t.structMembers(fn, described); len(m) > 0 {
				t.both[name] = m
			}
		case fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "serialize"):
			t.unionMembers(fn, described)
		}
	}
	functions(t.pkg.root, read)
	functions(t.pkg.types, read)
	if t.source.older {
		t.nameResults()
	}
	if t.compatible {
		maps.Copy(t.errors, t.queryCodes)
	}
	if len(t.both) == 0 || len(t.operations) == 0 {
		return fmt.Errorf("no schemas found in %s@%s", t.pkg.path, t.pkg.version)
	}
	return nil
}

// readSchemas gives the members by the name of their variable, and collects
// operations, error statuses and the API version on the way.
func (t *table) readSchemas() (map[string]schemaMember, error) {
	described := map[string]schemaMember{}
	var failed error
	for _, f := range t.pkg.schemas {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				t.declaration(n)
			case *ast.AssignStmt:
				if err := describe(n, described); err != nil && failed == nil {
					failed = err
				}
			}
			return true
		})
	}
	return described, failed
}

// describe reads Shape_member = Shape.AddMember("member", target, traits...).
func describe(assign *ast.AssignStmt, described map[string]schemaMember) error {
	if len(assign.Rhs) != 1 {
		return nil
	}
	call, ok := assign.Rhs[0].(*ast.CallExpr)
	if !ok || len(call.Args) < 2 {
		return nil
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "AddMember" {
		return nil
	}
	m := schemaMember{wire: text(call.Args[0]), target: typeName(call.Args[1])}
	for _, trait := range call.Args[2:] {
		if err := m.apply(trait); err != nil {
			return err
		}
	}
	described[typeName(assign.Lhs[0])] = m
	return nil
}

// apply takes in a trait. One that changes the wire in a way the codec does not
// know must stop the generator rather than be lost.
func (m *schemaMember) apply(trait ast.Expr) error {
	name, arguments := traitOf(trait)
	switch name {
	case "HTTPLabel":
		m.place = shape.Label
	case "HTTPQuery":
		m.place, m.wire = shape.URL, arguments["Name"]
	case "JSONName":
		m.wire = arguments["Name"]
	case "XMLName":
		m.xml = arguments["Name"]
	case "XMLFlattened":
		m.flattened = true
	case "Sensitive", "ContextParam":
	default:
		return fmt.Errorf("member %s has trait %s, which the codec does not know", m.wire, name)
	}
	return nil
}

// traitOf reads &smithytraits.HTTPQuery{Name: "x"}.
func traitOf(e ast.Expr) (name string, arguments map[string]string) {
	if u, ok := e.(*ast.UnaryExpr); ok {
		e = u.X
	}
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return "", nil
	}
	arguments = map[string]string{}
	for _, elt := range lit.Elts {
		kv := elt.(*ast.KeyValueExpr)
		value := text(kv.Value)
		if number, ok := kv.Value.(*ast.BasicLit); ok && value == "" {
			value = number.Value
		}
		arguments[typeName(kv.Key)] = value
	}
	return typeName(lit.Type), arguments
}

// declaration reads var X = smithy.NewSchema(id, type, n, traits...).
func (t *table) declaration(spec *ast.ValueSpec) {
	if len(spec.Values) != 1 {
		return
	}
	call, ok := spec.Values[0].(*ast.CallExpr)
	if !ok {
		return
	}
	if len(call.Args) == 2 && strings.Contains(typeName(call.Fun), "NewServiceSchema") {
		t.version = text(call.Args[1])
		t.target = spec.Names[0].Name
		return
	}
	if len(call.Args) < 3 {
		return
	}
	traits := map[string]map[string]string{}
	for _, a := range call.Args[3:] {
		name, arguments := traitOf(a)
		traits[name] = arguments
	}
	name := spec.Names[0].Name
	if typeName(call.Args[1]) == "ShapeTypeOperation" {
		http := traits["HTTP"]
		t.operations = append(t.operations, shape.Operation{Name: name, Method: http["Method"], Path: http["URI"]})
	}
	http, query := traits["HTTPError"], traits["AWSQueryError"]
	if http != nil && http["Code"] != "400" {
		t.errors[name] = http["Code"]
	}
	if traits["AWSQueryCompatible"] != nil {
		t.compatible = true
	}
	if query != nil {
		t.queryCodes[name] = cmp.Or(http["Code"], "400") + " " + query["ErrorCode"]
	}
}

// structMembers pairs v.FIELD with schemas.VARIABLE, statement by statement.
func (t *table) structMembers(fn *ast.FuncDecl, described map[string]schemaMember) []shape.Member {
	receiver := ""
	if names := fn.Recv.List[0].Names; len(names) == 1 {
		receiver = names[0].Name
	}
	var members []shape.Member
	for _, stmt := range fn.Body.List {
		m, ok := described[fieldOf(stmt, "schemas")]
		field := fieldOf(stmt, receiver)
		if ok && field != "" {
			member := shape.Member{Field: field, Wire: m.wire, Place: m.place}
			if t.source.older {
				member.Wire, member.Item = cmp.Or(m.xml, m.wire), m.item(described)
			}
			members = append(members, member)
		}
	}
	return members
}

// item is how the query protocol writes a list or a map.
func (m schemaMember) item(described map[string]schemaMember) string {
	if !m.flattened {
		return ""
	}
	key, isMap := described[m.target+"_key"]
	if !isMap {
		return shape.Flat
	}
	value := described[m.target+"_value"]
	return cmp.Or(key.xml, key.wire) + shape.KeyValue + cmp.Or(value.xml, value.wire)
}

// nameResults gives every operation with an output the element around it.
func (t *table) nameResults() {
	for _, op := range t.operations {
		if len(t.both[op.Name+"Output"]) > 0 {
			t.results[op.Name] = op.Name + "Result"
		}
	}
}

// unionMembers reads case *types.XMemberY: s.WriteUnion(schema, schemas.X_Y).
func (t *table) unionMembers(fn *ast.FuncDecl, described map[string]schemaMember) {
	for _, stmt := range fn.Body.List {
		sw, ok := stmt.(*ast.TypeSwitchStmt)
		if !ok {
			continue
		}
		union := strings.TrimPrefix(fn.Name.Name, "serialize")
		for _, c := range sw.Body.List {
			clause := c.(*ast.CaseClause)
			if len(clause.List) != 1 {
				continue
			}
			_, field, found := strings.Cut(typeName(clause.List[0]), union+"Member")
			m, known := described[fieldOf(clause, "schemas")]
			member := shape.Member{Field: field, Wire: m.wire}
			// The client and the types package each have a serializer.
			if found && known && !slices.Contains(t.unions[union], member) {
				t.unions[union] = append(t.unions[union], member)
			}
		}
	}
}
