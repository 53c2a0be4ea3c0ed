package server_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"banger/guest/internal/api"
	"banger/guest/internal/events"
)

func TestRefusals(t *testing.T) {
	waiting, running := serve(t, waitingGuest{}), serve(t, runningGuest{})
	cases := []struct {
		f            fixture
		method, path string
		status       int
		code         api.Code
	}{
		{waiting, http.MethodPost, "/v1/exec", http.StatusConflict, api.NotConfigured},
		{waiting, http.MethodGet, "/v1/files?path=/etc", http.StatusConflict, api.NotConfigured},
		{running, http.MethodGet, "/v1/files?path=/no/such/file", http.StatusNotFound, api.NotFound},
		{running, http.MethodGet, "/v1/files?path=etc", http.StatusBadRequest, api.BadRequest},
		{running, http.MethodPut, "/v1/files?path=relative", http.StatusBadRequest, api.BadRequest},
		{running, http.MethodPut, "/v1/files?path=/tmp&owner=root", http.StatusBadRequest, api.BadRequest},
		{running, http.MethodPost, "/v1/dial?network=udp&address=127.0.0.1:1", http.StatusBadRequest, api.BadRequest},
		{running, http.MethodPost, "/v1/dial?network=unix&address=/no/such/socket", http.StatusBadGateway, api.Failed},
		{running, http.MethodPost, "/v1/configure", http.StatusBadRequest, api.BadRequest},
		{running, http.MethodGet, "/v1/unheard-of", http.StatusNotFound, api.NotFound},
	}
	for _, test := range cases {
		t.Run(test.method+test.path, func(t *testing.T) {
			response, err := test.f.client.Stream(context.Background(), test.method, test.path, nil)
			must(t, err)
			defer response.Body.Close()
			var problem api.Error
			must(t, json.NewDecoder(response.Body).Decode(&problem))
			if response.StatusCode != test.status || problem.Code != test.code || problem.Message == "" {
				t.Errorf("%d %+v, want %d %s", response.StatusCode, problem, test.status, test.code)
			}
		})
	}
}

func TestFilesRoundTrip(t *testing.T) {
	f := serve(t, runningGuest{})
	target := filepath.Join(t.TempDir(), "in", "there")
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	for _, header := range []tar.Header{
		{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o750},
		{Name: "a/f", Typeflag: tar.TypeReg, Mode: 0o640, Size: 5},
		{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
	} {
		must(t, writer.WriteHeader(&header))
		if header.Size > 0 {
			_, err := writer.Write([]byte("hello"))
			must(t, err)
		}
	}
	must(t, writer.Close())
	owner := url.QueryEscape(strings.Join([]string{itoa(os.Geteuid()), itoa(os.Getegid())}, ":"))
	response, err := f.client.Stream(context.Background(), http.MethodPut, "/v1/files?path="+url.QueryEscape(target)+"&owner="+owner, &archive)
	must(t, err)
	var done api.Extracted
	must(t, json.NewDecoder(response.Body).Decode(&done))
	if done.Files != 2 || done.Bytes != 5 {
		t.Errorf("extracted %+v", done)
	}

	response, err = f.client.Stream(context.Background(), http.MethodGet, "/v1/files?path="+url.QueryEscape(target+"/a"), nil)
	must(t, err)
	var got []string
	for reader := tar.NewReader(response.Body); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		content, err := io.ReadAll(reader)
		must(t, err)
		got = append(got, header.Name+" "+header.Linkname+header.FileInfo().Mode().String()+" "+string(content))
	}
	want := "a/ drwxr-x--- |a/f -rw-r----- hello|a/l /etc/passwdLrwxrwxrwx "
	if strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
}

func TestDialKeepsHalfClose(t *testing.T) {
	f := serve(t, runningGuest{})
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			listener, err := net.Listen(network, address)
			must(t, err)
			defer listener.Close()
			go answerAtEOF(listener)
			reader, writer := io.Pipe()
			path := "/v1/dial?network=" + network + "&address=" + url.QueryEscape(listener.Addr().String())
			response, err := f.client.Stream(context.Background(), http.MethodPost, path, reader)
			must(t, err)
			if response.StatusCode != http.StatusOK {
				t.Fatal(response.Status)
			}
			_, err = io.WriteString(writer, "question")
			must(t, err)
			must(t, writer.Close())
			answer, err := io.ReadAll(response.Body)
			must(t, err)
			if string(answer) != "heard: question" {
				t.Errorf("answer %q", answer)
			}
		})
	}
}

// answerAtEOF answers only once the other side has stopped sending.
func answerAtEOF(listener net.Listener) {
	connection, err := listener.Accept()
	if err != nil {
		return
	}
	defer connection.Close()
	heard, _ := io.ReadAll(connection)
	_, _ = io.WriteString(connection, "heard: "+string(heard))
}

func TestEventsReplayAndFollow(t *testing.T) {
	f := serve(t, runningGuest{})
	f.journal.Reach(api.LevelAgent)
	f.journal.Logf(events.Warn, "line %d", 1)
	response, err := f.client.Stream(context.Background(), http.MethodGet, "/v1/events", nil)
	must(t, err)
	decoder := json.NewDecoder(response.Body)
	next := func() map[string]any {
		t.Helper()
		var event map[string]any
		must(t, decoder.Decode(&event))
		return event
	}
	if event := next(); event["type"] != "readiness" || event["level"] != "agent" {
		t.Errorf("first %v", event)
	}
	if event := next(); event["type"] != "log" || event["message"] != "line 1" || event["seq"] != float64(1) || event["level"] != "warn" {
		t.Errorf("second %v", event)
	}
	f.journal.End(api.ModeReboot)
	if event := next(); event["type"] != "ending" || event["mode"] != "reboot" {
		t.Errorf("third %v", event)
	}
}

func TestPortsAndStats(t *testing.T) {
	f := serve(t, runningGuest{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	var ports api.Ports
	must(t, f.client.Call(http.MethodGet, "/v1/ports", nil, &ports))
	address, _ := listener.Addr().(*net.TCPAddr)
	found := false
	for _, port := range ports.Ports {
		found = found || port == (api.ListeningPort{Network: "tcp", Address: "127.0.0.1", Port: address.Port})
	}
	if !found {
		t.Errorf("%d is not among %+v", address.Port, ports)
	}
	var stats api.Stats
	must(t, f.client.Call(http.MethodGet, "/v1/stats", nil, &stats))
	if stats.MemoryTotalBytes < 1<<20 || stats.MemoryAvailableBytes == 0 || stats.Processes == 0 {
		t.Errorf("stats %+v", stats)
	}
}

func itoa(number int) string {
	encoded, _ := json.Marshal(number)
	return string(encoded)
}
