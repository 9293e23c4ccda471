package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

const (
	maxFileLines     = 400
	maxTestFileLines = 800
	maxFunctionLines = 70
	maxParameters    = 5
)

// TestSizes keeps files, functions and parameter lists small enough to read
// without scrolling.
func TestSizes(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasPrefix(entry.Name(), "zz_generated") {
			checkFile(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, path string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	isTest := strings.HasSuffix(path, "_test.go")
	limit := maxFileLines
	if isTest {
		limit = maxTestFileLines
	}
	if lines := files.File(file.Pos()).LineCount(); lines > limit {
		t.Errorf("%s has %d lines, more than %d: it holds more than one idea", path, lines, limit)
	}
	if isTest {
		return
	}
	for _, declaration := range file.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			checkFunction(t, files, function)
		}
	}
}

func checkFunction(t *testing.T, files *token.FileSet, function *ast.FuncDecl) {
	start, end := files.Position(function.Pos()), files.Position(function.End())
	if lines := end.Line - start.Line + 1; lines > maxFunctionLines {
		t.Errorf("%s: %s has %d lines, more than %d", start, function.Name.Name, lines, maxFunctionLines)
	}
	if count := function.Type.Params.NumFields(); count > maxParameters {
		t.Errorf("%s: %s takes %d parameters, more than %d: group what belongs together",
			start, function.Name.Name, count, maxParameters)
	}
}
