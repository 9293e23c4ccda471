package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// sdk is the parsed source of one SDK service module.
type sdk struct {
	path    string // import path
	version string
	root    []*ast.File // package of the client
	types   []*ast.File // package types
	schemas []*ast.File // package schemas, empty for the query protocols
}

func load(src source) (*sdk, error) {
	module := src.module
	if module == "" {
		module = src.name
	}
	path := "github.com/aws/aws-sdk-go-v2/service/" + module
	listed, err := exec.Command("go", "list", "-m", "-json", path).Output()
	if err != nil {
		return nil, fmt.Errorf("find module %s: %w", path, err)
	}
	var found struct{ Dir, Version string }
	if err := json.Unmarshal(listed, &found); err != nil {
		return nil, fmt.Errorf("find module %s: %w", path, err)
	}
	if found.Dir == "" {
		return nil, fmt.Errorf("module %s is not in the module cache; run go mod download", path)
	}
	pkg := &sdk{path: path, version: found.Version}
	for dir, files := range map[string]*[]*ast.File{".": &pkg.root, "types": &pkg.types, "schemas": &pkg.schemas} {
		if *files, err = parseDir(filepath.Join(found.Dir, dir)); err != nil {
			return nil, err
		}
	}
	return pkg, nil
}

func parseDir(dir string) ([]*ast.File, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	fset := token.NewFileSet()
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// functions walks the functions and methods of files.
func functions(files []*ast.File, visit func(*ast.FuncDecl)) {
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				visit(fn)
			}
		}
	}
}

// calls walks the call expressions below n with the callee's last name.
func calls(n ast.Node, visit func(name string, call *ast.CallExpr)) {
	ast.Inspect(n, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			visit(fun.Name, call)
		case *ast.SelectorExpr:
			visit(fun.Sel.Name, call)
		}
		return true
	})
}

// text gives the value of a string literal, empty for anything else.
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}

// fieldOf gives the field of the first VARIABLE.FIELD below n.
func fieldOf(n ast.Node, variable string) string {
	field := ""
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && field == "" {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == variable {
				field = sel.Sel.Name
			}
		}
		return field == ""
	})
	return field
}

// typeName gives the bare name of a type expression: Filter for *types.Filter,
// **types.Filter and types.Filter, empty for lists and maps.
func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.SelectorExpr:
		return t.Sel.Name
	case *ast.Ident:
		return t.Name
	}
	return ""
}
