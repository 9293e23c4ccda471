// Package datadir is the folder in which a lab keeps everything: one lab at a
// time, marked as the lab's, so that nothing else is ever deleted.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

const (
	lockFile  = "lock"
	stateFile = "lab.json"
	runFile   = "run.json"
)

// entries are what a lab puts into its folder; Remove deletes these and no
// others.
var entries = []string{
	runFile, "kubeconfig", "config", "etcd", "logs", "nodes", "pki", portsFile, "region", kubeconfigsFile, stateFile, lockFile,
}

// InUseError says that a lab runs on the folder.
type InUseError struct {
	Path string
	// PID is 0 when it is not known.
	PID int
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("a lab is already running on %s (pid %d): stop it with `drover-lab down`, or choose another folder with --data-dir", e.Path, e.PID)
}

// Dir is a data directory, locked by this process.
type Dir struct {
	path string
	lock *fileutil.LockedFile
}

// Default is $XDG_DATA_HOME/drover/lab, or ~/.local/share/drover/lab.
func Default() (string, error) {
	if home := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, "drover", "lab"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for the lab's data (choose one with --data-dir): %w", err)
	}
	return filepath.Join(home, ".local", "share", "drover", "lab"), nil
}

// Open creates the folder if need be and locks it until Close. It returns
// *InUseError when another process has it, and refuses a folder that holds
// something else.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be created (choose another with --data-dir): %w", err)
	}
	if err := checkOurs(path); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(path, lockFile))
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, &InUseError{Path: path, PID: readPID(path)}
	}
	if err != nil {
		return nil, fmt.Errorf("the data directory cannot be written (choose another with --data-dir): %w", err)
	}
	if err := writePID(lock.File); err != nil {
		return nil, errors.Join(fmt.Errorf("the data directory cannot be written (choose another with --data-dir): %w", err), lock.Close())
	}
	return &Dir{path: path, lock: lock}, nil
}

// takeLock tries for a moment: Holder, which other commands call, takes the lock
// for some microseconds.
func takeLock(path string) (*fileutil.LockedFile, error) {
	const attempts, pause = 10, 20 * time.Millisecond
	for attempt := 1; ; attempt++ {
		lock, err := fileutil.TryLockFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if !errors.Is(err, fileutil.ErrLocked) || attempt == attempts {
			return lock, err
		}
		time.Sleep(pause)
	}
}

// checkOurs refuses a folder with content but without a lab's mark.
func checkOurs(path string) error {
	content, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("the data directory cannot be read (choose another with --data-dir): %w", err)
	}
	if len(content) == 0 {
		return nil
	}
	for _, entry := range content {
		if entry.Name() == lockFile || entry.Name() == stateFile {
			return nil
		}
	}
	return fmt.Errorf("%s is not empty and holds no lab: choose an empty or new folder with --data-dir", path)
}

// Close gives the folder free.
func (d *Dir) Close() error { return d.lock.Close() }

// Path of the folder, absolute.
func (d *Dir) Path() string { return d.path }

// Join is the path of something in the folder.
func (d *Dir) Join(name string) string { return filepath.Join(d.path, name) }

// Holder returns the PID of the lab that runs on the folder, or running false.
func Holder(path string) (pid int, running bool, err error) {
	lock, err := fileutil.TryLockFile(filepath.Join(path, lockFile), os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, false, nil
	case errors.Is(err, fileutil.ErrLocked):
		return readPID(path), true, nil
	case err != nil:
		return 0, false, fmt.Errorf("looking for a running lab: %w", err)
	}
	return 0, false, lock.Close()
}

// Remove deletes everything that a lab has put into the folder, and the folder
// itself if that leaves it empty. It returns *InUseError while a lab runs.
func Remove(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	dir, err := Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, entry := range entries {
		if err := os.RemoveAll(dir.Join(entry)); err != nil {
			return fmt.Errorf("removing the lab's state: %w", err)
		}
	}
	// Fails when the user keeps something of his own here, which then stays.
	_ = os.Remove(dir.path)
	return nil
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(path string) int {
	content, err := os.ReadFile(filepath.Join(path, lockFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0
	}
	return pid
}

// CallLog is the file of requests to the AWS endpoint, in a data directory; one
// line of JSON each.
func CallLog(path string) string { return filepath.Join(path, "logs", "aws-calls.log") }

// AuditLog is the file of requests to the Kubernetes API, in a data directory:
// the API server's own audit events, one line of JSON each.
func AuditLog(path string) string { return filepath.Join(path, "logs", "audit.log") }
