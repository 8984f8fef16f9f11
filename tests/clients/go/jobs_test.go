package clients

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"storj.io/drpc"
)

// job is what a daemon has got.
type job struct {
	id   string
	all  message
	kind message
}

// archive is a tar with these files.
func archive(t *testing.T, files map[string]string) []byte {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for name, content := range files {
		must(t, writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
		_, err := writer.Write([]byte(content))
		must(t, err)
	}
	must(t, writer.Close())
	return buffer.Bytes()
}

// upload is the id of a file with this content.
func (s *server) upload(content []byte) string {
	s.t.Helper()
	request, err := http.NewRequest("POST", s.url+"/api/v2/files", bytes.NewReader(content))
	must(s.t, err)
	request.Header.Set("Coder-Session-Token", s.owner)
	request.Header.Set("Content-Type", "application/x-tar")
	response, err := http.DefaultClient.Do(request)
	must(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(s.t, err)
	if response.StatusCode != 201 && response.StatusCode != 200 {
		s.t.Fatalf("the upload: %d %s", response.StatusCode, text)
	}
	_, rest, _ := strings.Cut(string(text), `"hash":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// object is a JSON object.
type object = map[string]any

// push makes a version of these files, of a template or for a new one, and answers its id.
func (s *server) push(files []byte, template string, tags, variables map[string]string) string {
	s.t.Helper()
	values := []object{}
	for name, value := range variables {
		values = append(values, object{"name": name, "value": value})
	}
	body := object{
		"storage_method": "file", "file_id": s.upload(files), "provisioner": "echo", "tags": tags, "user_variable_values": values,
	}
	if template != "" {
		body["template_id"] = template
	}
	return s.call("POST", "/organizations/default/templateversions", s.owner, body, 201).(object)["id"].(string)
}

func (s *server) version(id string) object {
	s.t.Helper()
	return s.call("GET", "/templateversions/"+id, s.owner, nil, 200).(object)
}

// status is that of the job of a version or a build.
func status(of object) string { return of["job"].(object)["status"].(string) }

func failure(of object) string {
	text, _ := of["job"].(object)["error"].(string)
	return text
}

func (s *server) build(id string) object {
	s.t.Helper()
	return s.call("GET", "/workspacebuilds/"+id, s.owner, nil, 200).(object)
}

// until waits until something is so.
func (s *server) until(what string, isSo func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !isSo(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it does not come about: %s", what)
		}
	}
}

// take waits for a job.
func (d *daemon) take() job {
	d.t.Helper()
	return d.receive(d.acquire())
}

func (d *daemon) receive(waiting drpc.Stream) job {
	d.t.Helper()
	var answer []byte
	received := make(chan error, 1)
	go func() { received <- waiting.MsgRecv(&answer, raw{}) }()
	select {
	case err := <-received:
		must(d.t, err)
	case <-time.After(patience):
		d.t.Fatal("no job comes")
	}
	_ = waiting.Close()
	all, err := parse(answer)
	must(d.t, err)
	got := job{id: all.text(1), all: all}
	for kind := 6; kind <= 8; kind++ {
		if len(all[kind]) > 0 {
			got.kind = all.inside(kind)
		}
	}
	if got.id == "" || got.kind == nil {
		d.t.Fatalf("no job, or one of no kind: %x", answer)
	}
	return got
}

// ask makes a call about a job, which must be answered.
func (d *daemon) ask(method string, j job, fields ...[]byte) message {
	d.t.Helper()
	answer, err := d.invoke(method, join(append([][]byte{field(1, j.id)}, fields...)...))
	must(d.t, err)
	fieldsOf, err := parse(answer)
	must(d.t, err)
	return fieldsOf
}

// refused makes a call about a job, which must be refused with these words.
func (d *daemon) refused(words, method string, j job, fields ...[]byte) {
	d.t.Helper()
	_, err := d.invoke(method, join(append([][]byte{field(1, j.id)}, fields...)...))
	if err == nil {
		d.t.Fatalf("%s was not refused", method)
	}
	contains(d.t, err, words)
}

// line is a line of the log.
func line(stage, output string) []byte {
	now := time.Now().UnixMilli()
	return with(2, varint(1, 1), varint(2, 2), varint(3, now), field(4, stage), field(5, output))
}

// resource is one with an agent that has an app.
func resource(name string, cost int64) []byte {
	app := with(8, field(1, "code"), field(2, "Code"), field(4, "http://localhost:1"))
	agent := with(3, field(2, "main"), field(5, "linux"), field(6, "amd64"), app, field(9, someJob))
	return join(field(1, name), field(2, "container"), agent, varint(8, cost))
}

var noFiles = map[string]string{"main.tf": "# nothing"}

// imported makes a template of a version that a daemon has imported, with a parameter; the answers are the ids of template and version.
func (s *server) imported(d *daemon) (string, string) {
	s.t.Helper()
	version := s.push(archive(s.t, noFiles), "", nil, nil)
	j := d.take()
	parameter := with(3, field(1, "size"), field(3, "number"), varint(4, 1), field(5, "1"))
	d.ask("CompleteJob", j, with(3, with(1, resource("dev", 2)), parameter))
	equal(s.t, status(s.version(version)), "succeeded")
	body := object{"name": "echo", "template_version_id": version}
	template := s.call("POST", "/organizations/default/templates", s.owner, body, 201).(object)
	return template["id"].(string), version
}

// workspace makes a workspace and answers it; its first build waits for a daemon.
func (s *server) workspace(template, name string, size string) object {
	s.t.Helper()
	body := object{"template_id": template, "name": name, "rich_parameter_values": []object{{"name": "size", "value": size}}}
	return s.call("POST", "/users/me/workspaces", s.owner, body, 201).(object)
}

func buildOf(workspace object) string { return workspace["latest_build"].(object)["id"].(string) }

func (s *server) next(workspace object, transition string) string {
	s.t.Helper()
	path := "/workspaces/" + workspace["id"].(string) + "/builds"
	return s.call("POST", path, s.owner, object{"transition": transition}, 201).(object)["id"].(string)
}

// allow lets everybody spend so much a day; at first that is nothing.
func (s *server) allow(credits int) {
	s.t.Helper()
	everyone := s.call("GET", "/organizations/default", s.owner, nil, 200).(object)["id"].(string)
	s.call("PATCH", "/groups/"+everyone, s.owner, object{"quota_allowance": credits}, 200)
}

func (s *server) daemon(name string) *daemon {
	return s.connect(name, "Coder-Provisioner-Daemon-PSK", psk)
}

func TestAVersionIsImported(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	files := archive(t, map[string]string{"main.tf": "# nothing", "README.md": "# Read me"})
	waiting := d.acquire()
	version := s.push(files, "", nil, map[string]string{"image": "debian"})
	j := d.receive(waiting)
	equal(t, j.all.text(3), "echo")
	equal(t, j.all.text(4), "olivia")
	equal(t, bytes.Equal(j.all.bytes(5), files), true)
	equal(t, j.kind.values(2)["image"], "debian")
	metadata := j.kind.inside(1)
	equal(t, metadata.text(14), "Everyone")
	contains(t, metadata.text(1), "http://")
	equal(t, status(s.version(version)), "running")
	equal(t, s.daemons()["rack"]["status"], any("busy"))

	variable := func(name, standard string, required int64) []byte {
		return with(4, field(1, name), field(4, standard), varint(5, required), field(3, "string"))
	}
	_, err := d.invoke("UpdateJob", join(field(1, j.id), variable("image", "", 1), variable("token", "", 1)))
	contains(t, err, "token")
	answer := d.ask("UpdateJob", j, line("Setting up", "first"), line("Setting up", "second"), variable("image", "", 1),
		variable("size", "large", 0), field(6, "# Read me"))
	equal(t, answer.number(1), 0)
	equal(t, answer.values(3)["image"], "debian")
	equal(t, answer.values(3)["size"], "large")

	parameter := with(3, field(1, "size"), field(3, "number"), varint(4, 1), field(5, "2"), varint(10, 1), varint(11, 8))
	preset := with(8, field(1, "small"), with(2, field(1, "size"), field(2, "1")), varint(4, 1))
	d.ask("CompleteJob", j, with(3, with(1, resource("dev", 3)), with(2, resource("home", 1)), parameter, preset, field(9, "{}")))
	d.refused("job already completed", "CompleteJob", j, with(3))
	d.refused("job already completed", "FailJob", j, field(2, "no"))

	made := s.version(version)
	equal(t, status(made), "succeeded")
	equal(t, made["readme"], any("# Read me"))
	list := func(what string) []any {
		return s.call("GET", "/templateversions/"+version+"/"+what, s.owner, nil, 200).([]any)
	}
	names := map[string]bool{}
	for _, each := range list("resources") {
		names[each.(object)["workspace_transition"].(string)+" "+each.(object)["name"].(string)] = true
	}
	equal(t, fmt.Sprint(names), "map[start dev:true stop home:true]")
	equal(t, list("rich-parameters")[0].(object)["name"], any("size"))
	equal(t, len(list("presets")), 1)
	equal(t, len(list("variables")), 2)
	outputs := ""
	for _, each := range list("logs") {
		outputs += each.(object)["output"].(string) + ","
	}
	equal(t, outputs, "first,second,")
	equal(t, s.daemons()["rack"]["status"], any("idle"))
}

func TestAWorkspaceIsStartedStoppedAndDeleted(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	template, version := s.imported(d)
	s.allow(7)
	workspace := s.workspace(template, "desk", "4")
	j := d.take()
	build := j.kind
	equal(t, build.text(1), buildOf(workspace))
	equal(t, build.text(2), "desk")
	equal(t, build.values(4)["size"], "4")
	equal(t, len(build.bytes(8)), 0)
	metadata := build.inside(7)
	for number, wanted := range map[int]string{
		3: "desk", 4: "olivia", 5: workspace["id"].(string), 7: "olivia@example.com", 8: "echo", 12: template, 18: "password", 24: version,
	} {
		equal(t, metadata.text(number), wanted)
	}
	equal(t, metadata.number(2), 0)
	session := metadata.text(11)
	s.call("GET", "/users/me", session, nil, 200)
	contains(t, metadata.values(19), "owner")
	running := s.build(buildOf(workspace))
	equal(t, status(running), "running")
	equal(t, running["job"].(object)["worker_id"], s.daemons()["rack"]["id"])

	quota := d.ask("CommitQuota", j, varint(2, 7))
	equal(t, quota.number(1), 1)
	d.ask("UpdateJob", j, line("Starting workspace", "created"))
	timing := with(3, with(1, varint(1, 1)), with(2, varint(1, 2)), field(6, "apply"), varint(7, 1))
	d.ask("CompleteJob", j, with(2, field(1, "the state"), with(2, resource("dev", 7)), timing))
	started := s.build(buildOf(workspace))
	equal(t, status(started), "succeeded")
	equal(t, started["status"], any("running"))
	agent := started["resources"].([]any)[0].(object)["agents"].([]any)[0].(object)
	equal(t, agent["name"], any("main"))
	equal(t, started["daily_cost"], any(float64(7)))

	stop := s.next(workspace, "stop")
	j = d.take()
	equal(t, j.kind.text(8), "the state")
	equal(t, j.kind.values(10)["size"], "4")
	equal(t, j.kind.inside(7).number(2), 1)
	equal(t, j.kind.inside(7).text(11), "")
	s.call("GET", "/users/me", session, nil, 401)
	d.ask("CompleteJob", j, with(2, field(1, "stopped")))
	equal(t, s.build(stop)["status"], any("stopped"))

	remove := s.next(workspace, "delete")
	j = d.take()
	equal(t, j.kind.text(8), "stopped")
	equal(t, j.kind.inside(7).number(2), 2)
	d.ask("CompleteJob", j, with(2))
	equal(t, s.build(remove)["status"], any("deleted"))
	equal(t, len(s.call("GET", "/workspaces", s.owner, nil, 200).(object)["workspaces"].([]any)), 0)
}

func TestABuildThatWouldCostTooMuchIsRefused(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	template, _ := s.imported(d)
	s.allow(10)
	commit := func(workspace object, cost int64) message {
		j := d.take()
		answer := d.ask("CommitQuota", j, varint(2, cost))
		if answer.number(1) == 1 {
			d.ask("CompleteJob", j, with(2, with(2, resource("dev", cost))))
		} else {
			d.ask("FailJob", j, field(2, "insufficient quota"), with(3), field(6, "INSUFFICIENT_QUOTA"))
		}
		return answer
	}
	first := commit(s.workspace(template, "desk", "1"), 6)
	equal(t, first.number(1), 1)
	equal(t, first.number(2), 6)
	equal(t, first.number(3), 10)
	second := s.workspace(template, "bench", "1")
	refused := commit(second, 5)
	equal(t, refused.number(1), 0)
	equal(t, refused.number(2), 6)
	failed := s.build(buildOf(second))
	equal(t, status(failed), "failed")
	equal(t, failure(failed), "insufficient quota")
	equal(t, failed["job"].(object)["error_code"], any("INSUFFICIENT_QUOTA"))
	quota := s.call("GET", "/organizations/default/members/me/workspace-quota", s.owner, nil, 200).(object)
	equal(t, quota["credits_consumed"], any(float64(6)))
	third := commit(s.workspace(template, "shelf", "1"), 4)
	equal(t, third.number(1), 1)
	equal(t, third.number(2), 10)
}

func TestAJobIsCancelled(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	version := s.push(archive(t, noFiles), "", nil, nil)
	j := d.take()
	equal(t, d.ask("UpdateJob", j).number(1), 0)
	s.call("PATCH", "/templateversions/"+version+"/cancel", s.owner, nil, 200)
	equal(t, d.ask("UpdateJob", j).number(1), 1)
	equal(t, status(s.version(version)), "canceling")
	d.ask("FailJob", j, field(2, ""), with(4))
	equal(t, status(s.version(version)), "canceled")
	// One that nobody has taken is over at once, and nobody gets it.
	other := s.push(archive(t, map[string]string{"a": "b"}), "", nil, nil)
	s.call("PATCH", "/templateversions/"+other+"/cancel", s.owner, nil, 200)
	equal(t, status(s.version(other)), "canceled")
	last := s.push(archive(t, map[string]string{"c": "d"}), "", nil, nil)
	j = d.take()
	equal(t, status(s.version(last)), "running")
	d.ask("FailJob", j, field(2, "it is broken"), with(4))
	equal(t, failure(s.version(last)), "it is broken")
}

func TestAJobGoesOnOverTheNextConnectionOfItsDaemon(t *testing.T) {
	s := start(t)
	first := s.daemon("rack")
	other := s.daemon("shelf")
	version := s.push(archive(t, noFiles), "", nil, nil)
	j := first.take()
	first.ask("UpdateJob", j, line("a", "before"))
	_ = first.session.Close()
	for _, method := range []string{"UpdateJob", "FailJob", "CompleteJob", "CommitQuota"} {
		other.refused("you don't own this job", method, j, with(3))
	}
	again := s.daemon("rack")
	again.ask("UpdateJob", j, line("a", "after"))
	equal(t, status(s.version(version)), "running")
	again.ask("CompleteJob", j, with(3, with(1, resource("dev", 0))))
	equal(t, status(s.version(version)), "succeeded")
	equal(t, len(s.call("GET", "/templateversions/"+version+"/logs", s.owner, nil, 200).([]any)), 2)
}

func TestNobodySpeaksOfAJobThatNobodyHas(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	version := s.push(archive(t, noFiles), "", map[string]string{"gpu": "yes"}, nil)
	pending := s.version(version)["job"].(object)
	equal(t, pending["status"], any("pending"))
	d.refused("job isn't running yet", "UpdateJob", job{id: pending["id"].(string)})
	d.refused("job isn't running yet", "CompleteJob", job{id: pending["id"].(string)}, with(3))
}

func TestADaemonThatBreaksWhileItGetsItsJobHasItFailed(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	large := archive(t, map[string]string{"large": strings.Repeat("x", 3<<20)})
	// What comes is never read, so that the window is full before the job is sent.
	stream, err := d.session.Open()
	must(t, err)
	const path = service + "AcquireJobWithCancel"
	_, err = stream.Write(append([]byte{3, 1, 1, byte(len(path))}, path...))
	must(t, err)
	version := s.push(large, "", nil, nil)
	s.until("the job is given", func() bool { return status(s.version(version)) == "running" })
	time.Sleep(200 * time.Millisecond)
	_ = d.session.Close()
	s.until("the job fails", func() bool { return status(s.version(version)) == "failed" })
	contains(t, failure(s.version(version)), "connection")
	// The next one comes through, to the same daemon.
	again := s.daemon("rack")
	next := s.push(large, "", nil, nil)
	j := again.take()
	equal(t, bytes.Equal(j.all.bytes(5), large), true)
	equal(t, status(s.version(next)), "running")
}

func TestAJobThatIsTooLargeFailsAndTheNextOneIsGiven(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	version := s.push(archive(t, map[string]string{"large": strings.Repeat("x", 4<<20)}), "", nil, nil)
	waiting := d.acquire()
	var answer []byte
	if err := waiting.MsgRecv(&answer, raw{}); err == nil {
		t.Fatalf("a job of %d bytes", len(answer))
	}
	s.until("the job fails", func() bool { return status(s.version(version)) == "failed" })
	contains(t, failure(s.version(version)), "4 MiB")
	s.push(archive(t, noFiles), "", nil, nil)
	d.take()
}

func TestJobsGoToDaemonsWithTheirTags(t *testing.T) {
	s := start(t)
	plain := s.daemon("plain")
	tagged := s.connect("tagged", "Coder-Provisioner-Daemon-Key", s.newKey("k", map[string]string{"gpu": "yes", "os": "linux"}))
	waits, waitsToo := plain.acquire(), tagged.acquire()
	first := s.push(archive(t, noFiles), "", map[string]string{"gpu": "yes"}, nil)
	j := tagged.receive(waitsToo)
	equal(t, s.version(first)["job"].(object)["id"], any(j.id))
	second := s.push(archive(t, noFiles), "", nil, nil)
	j = plain.receive(waits)
	equal(t, s.version(second)["job"].(object)["id"], any(j.id))
}

func TestOfManyThatWaitEachJobGoesToOne(t *testing.T) {
	s := start(t)
	const many = 20
	type got struct {
		d *daemon
		j job
	}
	taken := make(chan got, many)
	for n := range many {
		d := s.daemon(fmt.Sprintf("d%d", n))
		waiting := d.acquire()
		go func() { taken <- got{d, d.receive(waiting)} }()
	}
	files := s.upload(archive(t, noFiles))
	for range many {
		body := object{"storage_method": "file", "file_id": files, "provisioner": "echo"}
		s.call("POST", "/organizations/default/templateversions", s.owner, body, 201)
	}
	began, seen := time.Now(), map[string]bool{}
	for range many {
		each := <-taken
		seen[each.j.id] = true
		each.d.ask("CompleteJob", each.j, with(3))
	}
	equal(t, len(seen), many)
	if took := time.Since(began); took > 10*time.Second {
		t.Fatalf("it took %v: they are not woken up", took)
	}
}

func TestADaemonThatAsksForManyJobsAtOnceGetsOneAfterAnother(t *testing.T) {
	s := start(t)
	d := s.daemon("greedy")
	var waiting []drpc.Stream
	for range 100 {
		waiting = append(waiting, d.acquire())
	}
	s.push(archive(t, noFiles), "", nil, nil)
	answers := make(chan []byte, len(waiting))
	for _, each := range waiting {
		go func() {
			var answer []byte
			if each.MsgRecv(&answer, raw{}) == nil {
				answers <- answer
			}
		}()
	}
	if len(<-answers) == 0 {
		t.Fatal("no job")
	}
	// The others still wait, and are answered when they give up.
	select {
	case answer := <-answers:
		t.Fatalf("one more answer: %x", answer)
	case <-time.After(300 * time.Millisecond):
	}
	empty := []byte{}
	for _, each := range waiting {
		_ = each.MsgSend(&empty, raw{})
	}
	for range len(waiting) - 1 {
		equal(t, len(<-answers), 0)
	}
}

// send makes an upload of these messages.
func (d *daemon) send(messages ...[]byte) error {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn := d.conn()
	defer conn.Close()
	stream, err := conn.NewStream(ctx, service+"UploadFile", raw{})
	must(d.t, err)
	for _, each := range messages {
		// The server may have refused already; the answer says so.
		if stream.MsgSend(&each, raw{}) != nil {
			break
		}
	}
	_ = stream.CloseSend()
	var answer []byte
	return stream.MsgRecv(&answer, raw{})
}

func TestModuleFilesAreUploadedInPieces(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	content := archive(t, map[string]string{"modules/large": strings.Repeat("module ", 800_000)})
	hash := sha256.Sum256(content)
	announce := func(kind int64, hash []byte, size, pieces int64) []byte {
		return with(1, varint(1, kind), field(2, string(hash)), varint(3, size), varint(4, pieces))
	}
	piece := func(hash []byte, data []byte, index int64) []byte {
		return with(2, field(1, string(data)), field(2, string(hash)), varint(3, index))
	}
	const size = 2 << 20
	good := [][]byte{announce(1, hash[:], int64(len(content)), int64((len(content)+size-1)/size))}
	for at := 0; at < len(content); at += size {
		good = append(good, piece(hash[:], content[at:min(at+size, len(content))], int64(at/size)))
	}
	equal(t, len(good), 4)

	s.push(archive(t, noFiles), "", nil, nil)
	j := d.take()
	complete := join(with(1, resource("dev", 0)), field(9, "{}"), field(11, string(hash[:])))
	d.refused("hash of the module files", "CompleteJob", j, with(3, complete))
	d.refused("32 bytes", "CompleteJob", j, with(3, field(9, "{}"), field(11, "short")))

	other := sha256.Sum256([]byte("other"))
	small := []byte("small")
	of := sha256.Sum256(small)
	for words, messages := range map[string][][]byte{
		"before it was said":     {good[1]},
		"a second file":          {good[0], good[0]},
		"piece 1 came":           {good[0], good[2]},
		"another hash":           {good[0], piece(other[:], content[:10], 0)},
		"more of the file":       {announce(1, of[:], 4, 1), piece(of[:], small, 0)},
		"not what was announced": {announce(1, other[:], 5, 1), piece(other[:], small, 0)},
		"files of this type":     {announce(0, of[:], 5, 1)},
		"has not 32 bytes":       {announce(1, small, 5, 1)},
		"so many pieces":         {announce(1, of[:], 5, 6)},
		"a file has 1 to":        {announce(1, of[:], 1<<40, 5)},
		"says nothing":           {{}},
		"given the upload up":    {good[0], field(3, "\x0a\x01x")},
		"is missing":             {good[0], good[1]},
	} {
		err := d.send(messages...)
		if err == nil {
			t.Fatalf("%s: it was taken", words)
		}
		contains(t, err, words)
	}
	must(t, d.send(good...))
	// The same again is as good.
	must(t, d.send(good...))
	d.ask("CompleteJob", j, with(3, complete))
}

func TestWhatCannotBeIsNotComplete(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	version := s.push(archive(t, noFiles), "", nil, nil)
	j := d.take()
	agent := func(name, token string) []byte {
		return with(1, field(1, "dev"), with(3, field(2, name), field(9, token)))
	}
	for words, import_ := range map[string][]byte{
		"no UUID":      agent("main", "secret"),
		"underscores":  agent("a_b", someJob),
		"has no name":  agent("", someJob),
		"no form type": with(3, field(1, "a"), varint(18, 99)),
		"two agents":   with(1, field(1, "dev"), with(3, field(2, "a")), with(3, field(2, "A"))),
		"two apps":     with(1, field(1, "dev"), with(3, field(2, "a"), with(8, field(1, "x")), with(8, field(1, "x")))),
	} {
		d.refused(words, "CompleteJob", j, with(3, import_))
	}
	d.refused("what kind of job", "CompleteJob", j)
	d.refused("another kind", "CompleteJob", j, with(2))
	d.refused("another kind", "CommitQuota", j, varint(2, 1))
	d.refused("no level", "UpdateJob", j, with(2, varint(2, 9)))
	d.refused("no source", "UpdateJob", j, with(2, varint(1, 9)))
	equal(t, status(s.version(version)), "running")
	d.ask("FailJob", j, field(2, "gave up"), with(4))
	equal(t, failure(s.version(version)), "gave up")
}

func TestTheEndOfTheServerLosesNoJob(t *testing.T) {
	s := start(t)
	d := s.daemon("rack")
	waiting := d.acquire()
	s.stop()
	var answer []byte
	err := waiting.MsgRecv(&answer, raw{})
	if err == nil && len(answer) > 0 {
		t.Fatal("a job")
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("the server waits for its daemons")
	}
}
