package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxLines is the cap of a file. Schema literals and tables of tests are as long as they are.
const maxLines = 500

// vague are package names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared"}

// skipped are folders that are no code of this module.
var skipped = []string{"testdata", "tools", "vendor", "node_modules", "bin", "dist", "docs"}

// A checker collects what is wrong with one tree.
type checker struct {
	root     string
	files    *token.FileSet
	problems []string
	// documented says of each folder with non-test code whether one of its files has a package comment.
	documented map[string]bool
}

// check returns everything in the tree below root that breaks a rule, as "file:line: what and why".
func check(root string) ([]string, error) {
	c := &checker{root: root, files: token.NewFileSet(), documented: map[string]bool{}}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := strings.HasPrefix(entry.Name(), ".") && name != root
			if hidden || name != root && slices.Contains(skipped, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			return c.file(name)
		}
		return nil
	})
	for folder, ok := range c.documented {
		if !ok {
			c.problems = append(c.problems, folder+": no package comment: say what the package is for, in doc.go")
		}
	}
	slices.Sort(c.problems)
	return c.problems, err
}

func (c *checker) file(name string) error {
	source, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(c.files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(c.root, name)
	if err != nil {
		return err
	}
	relative = filepath.ToSlash(relative)
	folder, test := path.Dir(relative), strings.HasSuffix(relative, "_test.go")
	if slices.Contains(vague, file.Name.Name) {
		c.report(file.Package, "package %s: name a package after what it provides", file.Name.Name)
	}
	c.calls(file, test)
	if test || ast.IsGenerated(file) {
		return nil
	}
	c.documented[folder] = c.documented[folder] || file.Doc != nil
	lines := bytes.Count(source, []byte("\n"))
	if lines > maxLines && !strings.HasPrefix(path.Base(relative), "schema") {
		c.report(file.Package, "%d lines, the cap is %d: split it by subject", lines, maxLines)
	}
	c.imports(file, folder)
	return nil
}

// imports holds the file against the table.
func (c *checker) imports(file *ast.File, folder string) {
	for _, spec := range file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		to, ours := strings.CutPrefix(imported, module+"/")
		if imported == module {
			to, ours = ".", true
		}
		if !ours {
			continue
		}
		if problem := checkImport(folder, to); problem != "" {
			c.report(spec.Pos(), "%s", problem)
		}
	}
}

// calls looks for functions and calls that are not to be there.
func (c *checker) calls(file *ast.File, test bool) {
	program := file.Name.Name == "main"
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil && !test {
				c.report(n.Pos(), "init(): wire it by hand where it is used")
			}
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			switch pkg.Name + "." + n.Sel.Name {
			case "context.Background", "context.TODO":
				if !program && !test {
					c.report(n.Pos(), "%s.%s: take the context as first argument; only a main has its own", pkg.Name, n.Sel.Name)
				}
			case "time.Sleep":
				c.report(n.Pos(), "time.Sleep: wait for the event, a channel, or use testing/synctest")
			}
		}
		return true
	})
}

func (c *checker) report(pos token.Pos, format string, args ...any) {
	at := c.files.Position(pos)
	name, err := filepath.Rel(c.root, at.Filename)
	if err != nil {
		name = at.Filename
	}
	c.problems = append(c.problems, fmt.Sprintf("%s:%d: %s", filepath.ToSlash(name), at.Line, fmt.Sprintf(format, args...)))
}
