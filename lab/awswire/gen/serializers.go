package main

import (
	"fmt"
	"go/ast"
	"strings"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// serde is what one generated (de)serializer function of the SDK says.
type serde struct {
	structName string         // when it handles a struct
	union      bool           // when it handles a union
	members    []shape.Member // of the struct or union
	callees    []string       // the function each member goes on to, or empty
	item       string         // when it handles a list: the element name
	element    string         // function of the elements, or empty
}

// fromSerializers reads the query protocols, whose modules carry the wire in
// the code of serializers.go (requests) and deserializers.go (answers).
func (t *table) fromSerializers() error {
	in, out := map[string]*serde{}, map[string]*serde{}
	var roots []string
	functions(t.pkg.root, func(fn *ast.FuncDecl) {
		name := fn.Name.Name
		switch {
		case name == "HandleSerialize":
			t.operation(fn)
		case name == "HandleDeserialize":
			t.resultElement(fn)
		case fn.Recv != nil || !strings.HasPrefix(name, "aws"):
		case strings.Contains(name, "_serializeDocument"), strings.Contains(name, "_serializeOpDocument"):
			in[name] = readSerializer(fn)
		case strings.Contains(name, "_deserializeDocument"), strings.Contains(name, "_deserializeOpDocument"):
			out[name] = readDeserializer(fn)
		}
		if strings.Contains(name, "erializeOpDocument") {
			roots = append(roots, name)
		}
	})
	t.in = t.reachable(in, roots, defaultItem(t.source.protocol, true))
	t.out = t.reachable(out, roots, defaultItem(t.source.protocol, false))
	if len(t.in) == 0 || len(t.out) == 0 {
		return fmt.Errorf("no serializers found in %s@%s", t.pkg.path, t.pkg.version)
	}
	return nil
}

// defaultItem is the element name of lists that the tables leave out. Lists of
// ec2query requests are flat: the element has no name.
func defaultItem(p shape.Protocol, request bool) string {
	switch {
	case p == shape.Query:
		return "member"
	case request:
		return ""
	default:
		return "item"
	}
}

// operation reads the operation's name and API version from a serializer.
func (t *table) operation(fn *ast.FuncDecl) {
	var name string
	calls(fn.Body, func(method string, call *ast.CallExpr) {
		if method != "String" || len(call.Args) != 1 {
			return
		}
		switch value := text(call.Args[0]); keyOf(call) {
		case "Action":
			name = value
		case "Version":
			t.version = value
		}
	})
	if name != "" {
		t.operations = append(t.operations, shape.Operation{Name: name})
	}
}

// resultElement reads the element that an operation's deserializer looks for.
func (t *table) resultElement(fn *ast.FuncDecl) {
	_, operation, _ := strings.Cut(typeName(fn.Recv.List[0].Type), "_deserializeOp")
	calls(fn.Body, func(method string, call *ast.CallExpr) {
		if method == "GetElement" {
			t.results[operation] = text(call.Args[0])
		}
	})
}

// keyOf gives KEY of body.Key("KEY").String(...).
func keyOf(call *ast.CallExpr) string {
	sel, _ := call.Fun.(*ast.SelectorExpr)
	key, ok := sel.X.(*ast.CallExpr)
	if !ok || len(key.Args) != 1 {
		return ""
	}
	return text(key.Args[0])
}

func readSerializer(fn *ast.FuncDecl) *serde {
	s := &serde{}
	variable := fn.Type.Params.List[0]
	s.structName = typeName(variable.Type)
	for _, stmt := range fn.Body.List {
		if sw, ok := stmt.(*ast.TypeSwitchStmt); ok {
			s.union = true
			s.readUnion(sw)
			continue
		}
		s.readMember(stmt)
	}
	calls(fn.Body, func(name string, call *ast.CallExpr) {
		if name == "Array" && len(call.Args) == 1 {
			s.item = text(call.Args[0])
			s.element = callee(fn.Body)
		}
		if name == "Map" {
			s.element = callee(fn.Body)
		}
	})
	return s
}

func (s *serde) readMember(stmt ast.Stmt) {
	calls(stmt, func(name string, call *ast.CallExpr) {
		if name != "Key" && name != "FlatKey" {
			return
		}
		m := shape.Member{Field: fieldOf(stmt, "v"), Wire: text(call.Args[0])}
		if m.Field == "" || m.Wire == "" {
			return
		}
		if name == "FlatKey" {
			m.Item = flat
		}
		s.members = append(s.members, m)
		s.callees = append(s.callees, callee(stmt))
	})
}

// readUnion reads case *types.PolicyIdentifierMemberArn: object.Key("Arn").
func (s *serde) readUnion(sw *ast.TypeSwitchStmt) {
	for _, c := range sw.Body.List {
		clause := c.(*ast.CaseClause)
		if len(clause.List) != 1 {
			continue
		}
		_, field, found := strings.Cut(typeName(clause.List[0]), s.structName+"Member")
		if !found {
			continue
		}
		calls(clause, func(name string, call *ast.CallExpr) {
			if name == "Key" {
				s.members = append(s.members, shape.Member{Field: field, Wire: text(call.Args[0])})
				s.callees = append(s.callees, callee(clause))
			}
		})
	}
}

func readDeserializer(fn *ast.FuncDecl) *serde {
	s := &serde{structName: typeName(fn.Type.Params.List[0].Type)}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		clause, ok := n.(*ast.CaseClause)
		if !ok || len(clause.List) != 1 {
			return true
		}
		wire := ""
		calls(clause.List[0], func(name string, call *ast.CallExpr) {
			if name == "EqualFold" {
				wire = text(call.Args[0])
			}
		})
		body := &ast.BlockStmt{List: clause.Body}
		switch field := fieldOf(body, "sv"); {
		case wire == "":
		case s.structName == "":
			s.item, s.element = wire, callee(body)
		case field != "":
			s.members = append(s.members, shape.Member{Field: field, Wire: wire})
			s.callees = append(s.callees, callee(body))
		}
		return true
	})
	return s
}

// callee gives the (de)serializer function called below n, if any.
func callee(n ast.Node) string {
	found := ""
	calls(n, func(name string, _ *ast.CallExpr) {
		if found == "" && strings.HasPrefix(name, "aws") && strings.Contains(name, "erializeDocument") {
			found = name
		}
	})
	return found
}
