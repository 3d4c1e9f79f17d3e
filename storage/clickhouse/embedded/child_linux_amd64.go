package embedded

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/ebitengine/purego"
)

// childCommand is the first argument that makes this binary an engine: childCommand library argument…
const childCommand = "__engine"

// lifelineFD is where a child finds the pipe whose other end its parent holds.
const lifelineFD = 3

// MaybeRunChild turns the process into an engine if it was started as one, and then never returns. It must
// be the first call in main, before flags are read and anything is started.
func MaybeRunChild() {
	if len(os.Args) < 3 || os.Args[1] != childCommand {
		return
	}
	// The parent decides when an engine stops. Signals meant for the whole group (Ctrl-C in a terminal, a
	// service manager stopping a unit) would otherwise end it while the parent still writes to it.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go exitWithParent()

	if err := runEngine(os.Args[2], append([]string{"clickhouse"}, os.Args[3:]...)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// exitWithParent ends the process when its parent ends, however that happens. What the engine has
// acknowledged is on disk by then, so there is nothing to finish.
func exitWithParent() {
	_, _ = io.Copy(io.Discard, os.NewFile(lifelineFD, "lifeline"))
	os.Exit(1)
}

// runEngine loads the library and runs its command line, which serves until its queries end.
func runEngine(library string, args []string) error {
	runtime.LockOSThread()
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load engine library: %w", err)
	}
	var (
		queryCmdline func(argc int32, argv **byte) (result uintptr)
		resultError  func(result uintptr) string
	)
	for _, symbol := range [...]struct {
		name     string
		function any
	}{{"chdb_query_cmdline", &queryCmdline}, {"chdb_result_error", &resultError}} {
		address, err := purego.Dlsym(handle, symbol.name)
		if err != nil {
			return fmt.Errorf("engine library %s: %w", library, err)
		}
		purego.RegisterFunc(symbol.function, address)
	}

	// The engine keeps pointers into argv, so it has to stay where it is.
	var pinner runtime.Pinner
	argv := make([]*byte, len(args)+1) // ends with nil
	for i, arg := range args {
		argv[i], err = syscall.BytePtrFromString(arg)
		if err != nil {
			return fmt.Errorf("engine argument %q: %w", arg, err)
		}
		pinner.Pin(argv[i])
	}
	pinner.Pin(&argv[0])

	if message := resultError(queryCmdline(int32(len(args)), &argv[0])); message != "" {
		return fmt.Errorf("engine: %s", message)
	}
	return nil
}

// childAttributes has the kernel kill the child when the thread that started it ends; see Engine.supervise.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// checkPlatform reports whether the library can run here. The musl C library lacks what it is linked to.
func checkPlatform() error {
	if _, err := purego.Dlsym(purego.RTLD_DEFAULT, "gnu_get_libc_version"); err != nil {
		return ErrPlatform
	}
	return nil
}
