// The real binary, as clients in Go see it.
package clients

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	psk      = "0123456789abcdef0123456789abcdef"
	password = "SomeSecurePassword!"
	patience = 20 * time.Second
)

// server is a running binary with an owner.
type server struct {
	t       *testing.T
	url     string
	owner   string
	process *exec.Cmd
	// ended is closed when it has ended.
	ended chan struct{}
}

// start runs the binary that DOORWARD_BIN names, over an empty database of SQLite.
func start(t *testing.T) *server {
	t.Helper()
	return startOn(t, "")
}

// startOn is the same over the database at this URL, with more settings.
func startOn(t *testing.T, database string, settings ...string) *server {
	t.Helper()
	binary := os.Getenv("DOORWARD_BIN")
	if binary == "" {
		t.Fatal("DOORWARD_BIN names no binary; `cargo xtask test --only go` does")
	}
	process := exec.Command(binary)
	process.Dir = t.TempDir()
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "DOORWARD_") {
			process.Env = append(process.Env, variable)
		}
	}
	process.Env = append(process.Env,
		"DOORWARD__SERVER__LISTEN=127.0.0.1:0",
		"DOORWARD__METRICS__ENABLED=false",
		"DOORWARD__DATA_DIR="+process.Dir+"/data",
		"DOORWARD__RATE_LIMIT__API=0",
		"DOORWARD__PROVISIONERS__PSK="+psk,
	)
	if database != "" {
		process.Env = append(process.Env, "DOORWARD__DATABASE__URL="+database)
	}
	for _, setting := range settings {
		process.Env = append(process.Env, "DOORWARD__"+setting)
	}
	var log bytes.Buffer
	process.Stderr = &log
	output, err := process.StdoutPipe()
	must(t, err)
	must(t, process.Start())
	s := &server{t: t, process: process, ended: make(chan struct{})}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			if url, found := strings.CutPrefix(lines.Text(), "listening on "); found {
				ready <- url
			}
		}
		_ = process.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = process.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("the log of the server:\n%s", log.String())
		}
	})
	select {
	case s.url = <-ready:
	case <-s.ended:
		t.Fatal("the server ended at once")
	case <-time.After(60 * time.Second):
		t.Fatal("the server does not start")
	}
	first := map[string]any{"email": "olivia@example.com", "username": "olivia", "password": password}
	s.call("POST", "/users/first", "", first, 201)
	s.owner = s.login("olivia@example.com")
	return s
}

// databases are the kinds of databases, each with what makes a new one and answers its URL.
func databases(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	base := os.Getenv("DOORWARD_TEST_DATABASE_URL")
	if base == "" {
		t.Fatal("DOORWARD_TEST_DATABASE_URL names no PostgreSQL; `cargo xtask test --only go` does")
	}
	return map[string]func(t *testing.T) string{
		"sqlite": func(*testing.T) string { return "" },
		"postgres": func(t *testing.T) string {
			// Not by net/url: the host may be the folder of a socket, which it refuses.
			name := fmt.Sprintf("go_%d_%d", os.Getpid(), time.Now().UnixNano())
			psql(t, base, "CREATE DATABASE "+name)
			t.Cleanup(func() { psql(t, base, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
			return base[:strings.LastIndex(base, "/")+1] + name
		},
	}
}

func psql(t *testing.T, database, sql string) {
	t.Helper()
	program := "psql"
	if packaged, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql"); len(packaged) > 0 {
		program = packaged[len(packaged)-1]
	}
	output, err := exec.Command(program, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", sql, database).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", sql, err, output)
	}
}

// stop tells the server to stop, as an operator does.
func (s *server) stop() {
	must(s.t, s.process.Process.Signal(syscall.SIGTERM))
}

func (s *server) login(email string) string {
	answer := s.call("POST", "/users/login", "", map[string]any{"email": email, "password": password}, 201)
	return answer.(map[string]any)["session_token"].(string)
}

// call asks the API; the answer must have this status.
func (s *server) call(method, path, token string, body any, status int, headers ...string) any {
	s.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		must(s.t, err)
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, s.url+"/api/v2"+path, content)
	must(s.t, err)
	// The Go SDK sends it always, also when it is empty.
	request.Header.Set("Coder-Session-Token", token)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	must(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(s.t, err)
	if response.StatusCode != status {
		s.t.Fatalf("%s %s: %d instead of %d: %s", method, path, response.StatusCode, status, text)
	}
	if len(text) == 0 {
		return nil
	}
	var answer any
	must(s.t, json.Unmarshal(text, &answer))
	return answer
}

// daemons are the provisioner daemons of the default organization, by name.
func (s *server) daemons() map[string]map[string]any {
	s.t.Helper()
	all := map[string]map[string]any{}
	for _, daemon := range s.call("GET", "/organizations/default/provisionerdaemons?limit=50", s.owner, nil, 200).([]any) {
		daemon := daemon.(map[string]any)
		all[daemon["name"].(string)] = daemon
	}
	return all
}

// newKey makes a provisioner key.
func (s *server) newKey(name string, tags map[string]string) string {
	s.t.Helper()
	body := map[string]any{"name": name, "tags": tags}
	answer := s.call("POST", "/organizations/default/provisionerkeys", s.owner, body, 201)
	return answer.(map[string]any)["key"].(string)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v instead of %v", got, wanted)
	}
}

func contains(t *testing.T, text any, part string) {
	t.Helper()
	if !strings.Contains(fmt.Sprint(text), part) {
		t.Fatalf("%v does not contain %q", text, part)
	}
}
