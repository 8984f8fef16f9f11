package clients

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/hashicorp/yamux"
	"storj.io/drpc"
	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmanager"
	"storj.io/drpc/drpcwire"
)

const service = "/provisionerd.ProvisionerDaemon/"

// daemon is a connection as Coder's provisioner daemons open it: a WebSocket, over it yamux, over it DRPC.
type daemon struct {
	t       *testing.T
	socket  *websocket.Conn
	session *yamux.Session
}

// dial asks to serve; the answer is there in any case.
func (s *server) dial(query string, headers ...string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	header := http.Header{"X-Coder-Build-Version": {"v2.24.2+test"}, "Coder-Session-Token": {""}}
	for i := 0; i+1 < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	url := "ws" + strings.TrimPrefix(s.url, "http") + "/api/v2/organizations/default/provisionerdaemons/serve?" + query
	return websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: header, CompressionMode: websocket.CompressionDisabled})
}

// connect is a daemon of this name, by these headers.
func (s *server) connect(name string, headers ...string) *daemon {
	s.t.Helper()
	socket, _, err := s.dial("version=1.7&version=1.7&provisioner=terraform&provisioner=echo&name="+name, headers...)
	must(s.t, err)
	socket.SetReadLimit(4 << 20)
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	// Much less patient than daemons are, so that tests need not wait as long.
	config.StreamOpenTimeout = 3 * time.Second
	config.KeepAliveInterval = time.Second
	config.ConnectionWriteTimeout = 5 * time.Second
	session, err := yamux.Client(websocket.NetConn(context.Background(), socket, websocket.MessageBinary), config)
	must(s.t, err)
	s.t.Cleanup(func() { _ = session.Close() })
	return &daemon{t: s.t, socket: socket, session: session}
}

// conn is DRPC over a new stream, which daemons open for each call.
func (d *daemon) conn() *drpcconn.Conn {
	d.t.Helper()
	stream, err := d.session.Open()
	must(d.t, err)
	return drpcconn.NewWithOptions(stream, drpcconn.Options{
		Manager: drpcmanager.Options{Reader: drpcwire.ReaderOptions{MaximumBufferSize: 4 << 20}},
	})
}

// invoke makes a unary call with this request.
func (d *daemon) invoke(method string, request []byte) ([]byte, error) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn := d.conn()
	defer conn.Close()
	var answer []byte
	err := conn.Invoke(ctx, service+method, raw{}, &request, &answer)
	return answer, err
}

// acquire begins to wait for a job.
func (d *daemon) acquire() drpc.Stream {
	d.t.Helper()
	stream, err := d.conn().NewStream(context.Background(), service+"AcquireJobWithCancel", raw{})
	must(d.t, err)
	return stream
}

// raw takes messages as they are.
type raw struct{}

func (raw) Marshal(message drpc.Message) ([]byte, error) { return *message.(*[]byte), nil }

func (raw) Unmarshal(bytes []byte, message drpc.Message) error {
	*message.(*[]byte) = append([]byte{}, bytes...)
	return nil
}

// field is a protobuf field of bytes or text.
func field(number int, content string) []byte {
	bytes := binary.AppendUvarint(nil, uint64(number)<<3|2)
	bytes = binary.AppendUvarint(bytes, uint64(len(content)))
	return append(bytes, content...)
}

const someJob = "11111111-2222-3333-4444-555555555555"

func TestADaemonWaitsForAJobAndGivesUp(t *testing.T) {
	s := start(t)
	d := s.connect("rack", "Coder-Provisioner-Daemon-Key", s.newKey("rack", map[string]string{"gpu": "yes"}))
	waiting := d.acquire()
	empty := []byte{}
	received := make(chan error, 1)
	var answer []byte
	go func() { received <- waiting.MsgRecv(&answer, raw{}) }()
	// Longer than this daemon waits for its stream to be acknowledged, and for several signs of life.
	select {
	case err := <-received:
		t.Fatalf("an answer without a job: %v", err)
	case <-time.After(5 * time.Second):
	}
	must(t, waiting.MsgSend(&empty, raw{}))
	must(t, <-received)
	equal(t, len(answer), 0)
	if err := waiting.MsgRecv(&answer, raw{}); !errors.Is(err, io.EOF) {
		t.Fatalf("%v instead of the end", err)
	}

	// Who says that nothing more comes is answered too.
	ending := d.acquire()
	must(t, ending.CloseSend())
	must(t, ending.MsgRecv(&answer, raw{}))
	equal(t, len(answer), 0)

	known := s.daemons()["rack"]
	equal(t, known["status"], any("idle"))
	equal(t, known["version"], any("v2.24.2+test"))
	equal(t, known["api_version"], any("1.7"))
	equal(t, known["key_name"], any("rack"))
	tags := known["tags"].(map[string]any)
	equal(t, tags["gpu"], any("yes"))
	equal(t, tags["scope"], any("organization"))
	equal(t, tags["owner"], any(""))
}

func TestTheOldestDaemonsAskForAJobAndAreToldThatThereIsNone(t *testing.T) {
	d := start(t).connect("old", "Coder-Provisioner-Daemon-PSK", psk)
	answer, err := d.invoke("AcquireJob", nil)
	must(t, err)
	equal(t, len(answer), 0)
}

func TestCallsAboutUnknownJobsFailAndTheSessionGoesOn(t *testing.T) {
	d := start(t).connect("rack", "Coder-Provisioner-Daemon-PSK", psk)
	for _, method := range []string{"UpdateJob", "FailJob", "CompleteJob", "CommitQuota"} {
		_, err := d.invoke(method, field(1, someJob))
		contains(t, err, "there is no job "+someJob)
		_, err = d.invoke(method, field(1, "job"))
		contains(t, err, "must be a UUID")
		_, err = d.invoke(method, []byte{0x0a, 0x7f})
		contains(t, err, "decode")
	}
	_, err := d.invoke("Nothing", nil)
	contains(t, err, "there is no call "+service+"Nothing")
	_, err = d.invoke("DownloadFile", nil)
	contains(t, err, "files of a job come with the job")
	// One transport, several calls.
	conn := d.conn()
	defer conn.Close()
	for range 3 {
		request, answer := field(1, someJob), []byte{}
		err := conn.Invoke(context.Background(), service+"UpdateJob", raw{}, &request, &answer)
		contains(t, err, "there is no job")
	}
}

func TestLargeRequestsAreTakenAndTooLargeOnesEndTheirStreamOnly(t *testing.T) {
	d := start(t).connect("rack", "Coder-Provisioner-Daemon-PSK", psk)
	padded := func(size int) []byte {
		return append(field(1, someJob), field(6, strings.Repeat("x", size))...)
	}
	_, err := d.invoke("UpdateJob", padded(3<<20))
	contains(t, err, "there is no job")
	if _, err = d.invoke("UpdateJob", padded(5<<20)); err == nil || strings.Contains(err.Error(), "there is no job") {
		t.Fatalf("a message of 5 MiB was taken: %v", err)
	}
	_, err = d.invoke("UpdateJob", padded(10))
	contains(t, err, "there is no job")
}

func TestManyCallsAtOnce(t *testing.T) {
	d := start(t).connect("rack", "Coder-Provisioner-Daemon-PSK", psk)
	const calls = 100
	failed := make(chan error, calls)
	for range calls {
		go func() {
			_, err := d.invoke("UpdateJob", append(field(1, someJob), field(6, strings.Repeat("x", 100_000))...))
			failed <- err
		}()
	}
	for range calls {
		contains(t, <-failed, "there is no job")
	}
}

// What is held back until the other side has acknowledged what came before takes 40 ms a call, however quick the server is.
func TestAnswersAreNotHeldBack(t *testing.T) {
	d := start(t).connect("rack", "Coder-Provisioner-Daemon-PSK", psk)
	const calls = 10
	quickest := patience
	for range 5 {
		begun := time.Now()
		for range calls {
			_, err := d.invoke("UpdateJob", field(1, someJob))
			contains(t, err, "there is no job")
		}
		quickest = min(quickest, time.Since(begun))
	}
	if quickest > calls*30*time.Millisecond {
		t.Fatalf("%d calls took %v at best", calls, quickest)
	}
}

func TestADaemonThatLeavesAndComesBackIsTheSameOne(t *testing.T) {
	s := start(t)
	first := s.connect("rack", "Coder-Provisioner-Daemon-PSK", psk)
	_ = first.acquire()
	id := s.daemons()["rack"]["id"]
	must(t, first.session.GoAway())
	must(t, first.session.Close())
	again := s.connect("rack", "Coder-Provisioner-Daemon-PSK", psk)
	_, err := again.invoke("UpdateJob", field(1, someJob))
	contains(t, err, "there is no job")
	equal(t, s.daemons()["rack"]["id"], id)
	equal(t, len(s.daemons()), 1)
}

func TestTheEndOfTheServerIsAnEndOfTheSession(t *testing.T) {
	s := start(t)
	d := s.connect("rack", "Coder-Provisioner-Daemon-PSK", psk)
	waiting := d.acquire()
	began := time.Now()
	s.stop()
	var answer []byte
	if err := waiting.MsgRecv(&answer, raw{}); err == nil {
		t.Fatal("a job at the end of the server")
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("the server waits for its daemons")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Fatalf("the server took %v to end", took)
	}
}

func TestTheSocketIsClosedWithACode(t *testing.T) {
	s := start(t)
	closed := func(act func(*websocket.Conn)) websocket.CloseError {
		socket, _, err := s.dial("provisioner=echo", "Coder-Provisioner-Daemon-PSK", psk)
		must(t, err)
		defer socket.CloseNow()
		act(socket)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for {
			_, _, err := socket.Read(ctx)
			var closed websocket.CloseError
			if errors.As(err, &closed) {
				return closed
			}
			must(t, err)
		}
	}
	write := func(kind websocket.MessageType, content string) func(*websocket.Conn) {
		return func(socket *websocket.Conn) {
			must(t, socket.Write(context.Background(), kind, []byte(content)))
		}
	}
	text := closed(write(websocket.MessageText, "hello"))
	equal(t, text.Code, websocket.StatusInternalError)
	contains(t, text.Reason, "a text message")
	garbage := closed(write(websocket.MessageBinary, "GET / HTTP/1.1\r\n\r\n"))
	equal(t, garbage.Code, websocket.StatusInternalError)
	contains(t, garbage.Reason, "none of this protocol")
	// Without anything said, at the end of the server.
	end := closed(func(*websocket.Conn) { s.stop() })
	equal(t, end.Code, websocket.StatusGoingAway)
	equal(t, end.Reason, "")
}

func TestWhoMayNotServeIsToldWhy(t *testing.T) {
	s := start(t)
	key := s.newKey("rack", nil)
	refused := func(status int, query string, headers ...string) {
		t.Helper()
		socket, answer, err := s.dial(query, headers...)
		if err == nil {
			socket.CloseNow()
			t.Fatalf("%s %v was let in", query, headers)
		}
		if answer == nil {
			t.Fatal(err)
		}
		equal(t, answer.StatusCode, status)
		equal(t, answer.Header.Get("Content-Type"), "application/json; charset=utf-8")
	}
	const usual = "provisioner=terraform"
	byKey := []string{"Coder-Provisioner-Daemon-Key", key}
	byPSK := []string{"Coder-Provisioner-Daemon-PSK", psk}
	refused(401, usual)
	refused(401, usual, "Coder-Provisioner-Daemon-PSK", "wrong")
	refused(401, usual, "Coder-Provisioner-Daemon-Key", strings.Repeat("x", 43))
	refused(401, usual, append(byKey, byPSK...)...)
	refused(400, usual, append(byKey, "Coder-Session-Token", s.owner)...)
	refused(400, "", byPSK...)
	refused(400, "provisioner=ansible", byPSK...)
	refused(400, usual+"&tag=gpu", byPSK...)
	refused(400, usual+"&version=1.19", byPSK...)
	refused(400, usual+"&version=2.0", byPSK...)
	refused(403, usual+"&tag=gpu=yes", byKey...)
	refused(403, usual, append(byPSK, "Origin", "https://elsewhere.example")...)

	member := map[string]any{"email": "mem@example.com", "username": "mem", "password": password, "login_type": "password"}
	organizations := s.call("GET", "/users/me/organizations", s.owner, nil, 200).([]any)
	member["organization_ids"] = []any{organizations[0].(map[string]any)["id"]}
	s.call("POST", "/users", s.owner, member, 201)
	session := s.login("mem@example.com")
	refused(403, usual, "Coder-Session-Token", session)
	socket, _, err := s.dial(usual+"&name=mine&tag=scope=user", "Cookie", "coder_session_token="+session)
	must(t, err)
	defer socket.CloseNow()
	me := s.call("GET", "/users/me", session, nil, 200).(map[string]any)["id"]
	mine := s.daemons()["mine"]
	equal(t, mine["tags"].(map[string]any)["owner"], me)
	equal(t, mine["key_name"], any("user-auth"))
}

func TestAKeyShowsItselfAndIsShownWithItsDaemons(t *testing.T) {
	s := start(t)
	key := s.newKey("Rack", map[string]string{"gpu": "yes"})
	shown := s.call("GET", "/provisionerkeys/"+key, "", nil, 200, "Coder-Provisioner-Daemon-Key", key).(map[string]any)
	equal(t, shown["name"], any("rack"))
	s.connect("host", "Coder-Provisioner-Daemon-Key", key)
	all := s.call("GET", "/organizations/default/provisionerkeys/daemons", s.owner, nil, 200).([]any)
	names := []string{}
	for _, entry := range all {
		entry := entry.(map[string]any)
		names = append(names, entry["key"].(map[string]any)["name"].(string))
		if daemons := entry["daemons"].([]any); len(daemons) > 0 {
			names = append(names, daemons[0].(map[string]any)["name"].(string))
		}
	}
	equal(t, strings.Join(names, " "), "built-in user-auth psk rack host")
	s.call("DELETE", "/organizations/default/provisionerkeys/RACK", s.owner, nil, 204)
	equal(t, len(s.daemons()), 0)
	s.call("GET", "/provisionerkeys/x", "", nil, 401, "Coder-Provisioner-Daemon-Key", key)
}
