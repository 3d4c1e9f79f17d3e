package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// blocker is the query whose end is the end of the engine. sleep gives at most 4294 seconds a block, and
// system.numbers never runs out of blocks.
const blocker = "SELECT ignore(sleep(4000)) FROM system.numbers FORMAT Null " +
	"SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=4294967295"

// process is one run of the engine. Its fields are set before anyone else sees it; err is read after exited.
type process struct {
	cmd      *exec.Cmd
	lifeline io.Closer     // the child ends when it closes
	exited   chan struct{} // closed when the child is gone
	err      error         // why it is gone
}

// startProcess starts a child on the calling thread, which must outlive it.
func startProcess(library, addr string, dir dataDir, log *slog.Logger) (*process, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("engine address: %w", err)
	}
	childEnd, ourEnd, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe to the engine: %w", err)
	}
	defer childEnd.Close()

	// /proc/self/exe is this very binary even if another was installed in its place meanwhile.
	cmd := exec.Command("/proc/self/exe", //nolint:noctx // it ends by stop, in order, and not when a context does
		childCommand, library,
		"--path="+dir.store(),
		"--config-file="+dir.config(), // without it, files of this machine's other ClickHouse are read
		"--listen_host="+host,
		"--tcp_port="+port,
		"--send_logs_level=warning", // the level in config.xml is not honoured
		"--query=SYSTEM START LISTEN TCP; "+blocker,
	)
	cmd.Args[0] = "faultline-engine" // for ps
	cmd.Dir = string(dir)
	// asyncpreemptoff: the Go runtime's preemption signals disturb the library's threads. The rest of our
	// environment is not for the engine, which must not see secrets in it.
	cmd.Env = []string{"GODEBUG=asyncpreemptoff=1", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	cmd.ExtraFiles = []*os.File{childEnd}
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second
	said := &tail{log: log}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the engine process: %w", err), ourEnd.Close())
	}

	p := &process{cmd: cmd, lifeline: ourEnd, exited: make(chan struct{})}
	go func() {
		waitErr := cmd.Wait()
		p.lifeline.Close()
		p.err = explainExit(waitErr, said.lines(), dir)
		close(p.exited)
	}()
	return p, nil
}

// awaitReady returns when the engine answers, or with the reason why it will not.
func (p *process) awaitReady(ctx context.Context, access Access) error {
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // something else may have the port, and be silent
		select {
		case <-p.exited:
			cancel()
		case <-alive.Done():
		}
	}()
	for {
		err := ping(alive, access)
		if err == nil {
			return nil
		}
		// What listens there refuses our password: it is not the engine just started.
		if refused := (*clickhouse.Exception)(nil); errors.As(err, &refused) {
			return fmt.Errorf("log in to the engine: %w", err)
		}
		select {
		case <-p.exited:
			return p.err
		case <-ctx.Done():
			return fmt.Errorf("the engine did not answer in time: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the process: in order if the engine manages that until ctx ends, and else at once, which loses
// nothing that was acknowledged.
func (p *process) stop(ctx context.Context, access Access) error {
	endErr := endBlocker(ctx, access)
	if endErr == nil {
		select {
		case <-p.exited:
			return nil
		case <-ctx.Done():
			endErr = ctx.Err()
		}
	}
	p.kill()
	return fmt.Errorf("the engine did not stop by itself and was killed: %w", endErr)
}

// kill ends the process at once and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // its only error is that the process is gone already
	<-p.exited
}

// ping connects, logs in and asks for a sign of life. It uses a connection of its own, since one that is
// open already says nothing about the listener.
func ping(ctx context.Context, access Access) error {
	return withConn(ctx, access, func(conn clickhouse.Conn) error { return conn.Ping(ctx) })
}

// endBlocker asks the engine to shut down.
func endBlocker(ctx context.Context, access Access) error {
	return withConn(ctx, access, func(conn clickhouse.Conn) error {
		return conn.Exec(ctx, "KILL QUERY WHERE startsWith(query, 'SELECT ignore(sleep(4000))') ASYNC")
	})
}

func withConn(ctx context.Context, access Access, use func(clickhouse.Conn) error) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{access.Addr},
		Auth:        clickhouse.Auth{Username: access.User, Password: access.Password, Database: "default"},
		DialTimeout: 5 * time.Second,
		DialContext: func(dial context.Context, addr string) (net.Conn, error) {
			var dialer net.Dialer
			socket, err := dialer.DialContext(dial, "tcp", addr)
			if err == nil {
				context.AfterFunc(ctx, func() { socket.Close() }) // the client's handshake does not look at ctx
			}
			return socket, err
		},
	})
	if err != nil {
		return err
	}
	return errors.Join(use(conn), conn.Close())
}

// freePort returns a loopback address that nothing listens on at the moment.
func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for the engine: %w", err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
}

// isStackFrame reports whether a line is of a stack trace, which has no symbols and tells nobody anything.
func isStackFrame(line string) bool {
	number, _, ok := strings.Cut(line, ". ")
	if !ok {
		return false
	}
	_, err := strconv.Atoi(number)
	return err == nil
}
