// Package dynamotest runs Amazon's own DynamoDB Local for tests.
//
// It owns one process per test binary, on a free port of the loopback interface, in
// memory. It never downloads anything: scripts/dynamodb-local.sh does. It is imported by
// tests alone.
package dynamotest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a running DynamoDB Local. It is shared by all tests of the binary: each
// makes a table of its own name.
type Server struct {
	// Endpoint is its base URL, http://127.0.0.1:port. It takes any credentials whose
	// access key id is alphanumeric.
	Endpoint string
}

// startLimit is how long the server may take until it says its address; a second is usual.
const startLimit = time.Minute

// Why there is no server: what runs it is not on this machine, or nobody wants it.
var (
	errMissing  = errors.New("it is not installed")
	errUnwanted = errors.New(RequireEnv + " is 0; make test-cloud runs it")
)

// RequireEnv is the variable that makes a missing server a failure, where it is 1, and
// starts none even where there is one, where it is 0: make ci needs these tests once.
const RequireEnv = "CALLAGENT_TEST_CLOUD"

var shared struct {
	sync.Mutex
	server *Server
	err    error
	// input keeps the server running: it ends when its standard input does, which is when
	// this process ends, however that comes about.
	input, output *os.File
}

// Start returns the server, started by the first call in this process. Where it is not
// wanted, or cannot run since Java or its files are missing, it logs what is left out and returns nil; the
// test fails where the environment says that it must run, or where it does not come up.
func Start(tb testing.TB) *Server {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start()
	}
	switch err := shared.err; {
	case err == nil:
	case errors.Is(err, errUnwanted), errors.Is(err, errMissing) && os.Getenv(RequireEnv) != "1":
		tb.Logf("left out: what needs DynamoDB Local (%v)", err)
	default:
		tb.Fatal(err)
	}
	return shared.server
}

// home is where scripts/dynamodb-local.sh puts the server.
func home() (string, error) {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find DynamoDB Local: %w", err)
		}
		cache = filepath.Join(user, ".cache")
	}
	return filepath.Join(cache, "callagent", "dynamodb-local-3.1.0"), nil
}

func start() (*Server, error) {
	if os.Getenv(RequireEnv) == "0" {
		return nil, errUnwanted
	}
	dir, err := home()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "Loopback.class")); err != nil {
		return nil, fmt.Errorf("DynamoDB Local: %w; run scripts/dynamodb-local.sh (%w)", errMissing, err)
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("java: %w; install a JDK, 17 or newer (%w)", errMissing, err)
	}
	lib := filepath.Join(dir, "lib")
	cmd := exec.CommandContext(context.Background(), java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.library.path="+lib, "-cp", dir+string(os.PathListSeparator)+filepath.Join(lib, "*"), "Loopback", "0")
	stdin, input, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	output, stdout, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stdout
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	shared.input, shared.output = input, output
	return address(output, errors.Join(stdin.Close(), stdout.Close()))
}

// address reads what the server says until it says where it listens.
func address(output *os.File, err error) (*Server, error) {
	err = errors.Join(err, output.SetReadDeadline(time.Now().Add(startLimit)))
	var said []string
	for scan := bufio.NewScanner(output); err == nil && scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "http://127.0.0.1:") {
			return &Server{Endpoint: scan.Text()}, nil
		}
		said = append(said, scan.Text())
	}
	return nil, fmt.Errorf("DynamoDB Local did not start (%w); it said:\n%s", err, strings.Join(said, "\n"))
}
