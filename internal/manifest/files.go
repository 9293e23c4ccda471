package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stdin is the name that stands for standard input, as in kubectl.
const Stdin = "-"

// Options say what to read.
type Options struct {
	// Paths are files, folders or Stdin.
	Paths []string
	// Recursive reads the folders in folders too.
	Recursive bool
	Stdin     io.Reader
	// Handle, by API group, reads documents that are no Kubernetes objects.
	Handle map[string]func(Document) Problems
	// Progress, when set, is told each file before it is read.
	Progress func(file string)
}

// Read reads everything. When anything is wrong the error is of type Problems
// and holds all of it; there is no half-read input.
func Read(options Options) (*Input, error) {
	r := &reader{input: &Input{Others: map[string]int{}}, kinds: kinds(), at: map[objectKey]int{}, handle: options.Handle}
	for _, path := range options.Paths {
		files, problem := expand(path, options.Recursive)
		if problem != nil {
			r.problems = append(r.problems, *problem)
		}
		for _, file := range files {
			if options.Progress != nil {
				options.Progress(file)
			}
			r.file(file, options.Stdin)
		}
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int {
			if a.File != b.File {
				return 0
			}
			return cmp.Compare(a.Line, b.Line)
		})
		return nil, r.problems
	}
	return r.input, nil
}

// expand lists the files of a path: itself, or those with an extension that
// kubectl reads, by name.
func expand(path string, recursive bool) ([]string, *Problem) {
	if path == Stdin {
		return []string{Stdin}, nil
	}
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return nil, &Problem{File: path, Message: "is an address, and only files are read: fetch it first, as in `curl -fsS URL | drover solve -f -`"}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, &Problem{File: path, Message: plainError(err)}
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	folders := 0
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != path:
			folders++
			if !recursive {
				return filepath.SkipDir
			}
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		return nil, &Problem{File: path, Message: plainError(err)}
	}
	if len(files) == 0 {
		message := "has no .yaml, .yml or .json file in it"
		if folders > 0 && !recursive {
			message += fmt.Sprintf("; -R reads the %d folder(s) in it too", folders)
		}
		return nil, &Problem{File: path, Message: message}
	}
	return files, nil
}

// plainError leaves out the path, which the problem names already.
func plainError(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

func content(file string, stdin io.Reader) ([]byte, error) {
	if file == Stdin {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}
