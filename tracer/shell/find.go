// Package shell does what a user's shell would do for a command: it finds programs, and completes words.
package shell

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A Failure is a program that cannot be executed, with the status that a shell gives for it.
type Failure struct {
	Status int // 126 found but not to be executed, 127 not found
	Msg    string
}

func (f *Failure) Error() string { return f.Msg }

// Find looks a program up in a PATH as sh(1) does: a name with a slash is itself, an empty entry is the
// current directory, directories and files that may not be executed are passed over. set tells whether
// there is a PATH at all; without one execvp(3) looks in /bin and /usr/bin.
func Find(name, path string, set bool) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	if !set {
		path = "/bin:/usr/bin"
	}
	forbidden := ""
	if name != "" {
		for _, dir := range strings.Split(path, ":") {
			if dir == "" {
				dir = "."
			}
			file := dir + "/" + name
			info, err := os.Stat(file)
			if err != nil || info.IsDir() {
				continue
			}
			if access(file) == nil {
				return file, nil
			}
			if forbidden == "" {
				forbidden = file
			}
		}
	}
	if forbidden != "" {
		return "", &Failure{126, name + ": permission denied (" + forbidden + ")"}
	}
	return "", &Failure{127, name + ": command not found"}
}

func executable(name string) error {
	info, err := os.Stat(name)
	switch {
	case os.IsNotExist(err):
		return &Failure{127, name + ": no such file or directory"}
	case err != nil:
		if e, ok := err.(*os.PathError); ok {
			err = e.Err
		}
		return &Failure{126, name + ": " + err.Error()}
	case info.IsDir():
		return &Failure{126, name + ": is a directory"}
	case access(name) != nil:
		return &Failure{126, name + ": permission denied"}
	}
	return nil
}

// access asks with the effective ids, which are those that execve(2) uses.
func access(file string) error {
	return unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
}
