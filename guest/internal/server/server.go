// Package server binds the calls of the guest protocol to the parts of the agent that do them.
package server

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"runtime/debug"

	"golang.org/x/net/http2"

	"banger/guest/internal/api"
	"banger/guest/internal/bulk"
	"banger/guest/internal/channel"
	"banger/guest/internal/dial"
	"banger/guest/internal/events"
	"banger/guest/internal/execs"
)

const (
	maxStreams   = 1000
	streamWindow = 512 << 10
	// Streams whose input nobody reads must not use up what the others need; memory stays bounded by their own windows.
	connectionWindow = maxStreams * streamWindow
	maxBody          = 1 << 20
)

// Deps are the parts of the agent behind the calls.
type Deps struct {
	Guest   Guest
	Journal *events.Journal
	Execs   *execs.Registry
	Dialer  *dial.Dialer
	Bulk    *bulk.Disk
}

// Guest is what the calls need of package guest.
type Guest interface {
	Health() api.Health
	Configure(context.Context, api.Configure) error
	Shutdown(api.Shutdown) error
	// Running returns the error to answer while commands cannot run yet.
	Running() error
	// Data is the root of the data disk, nil before there is one.
	Data() *os.File
}

// Server serves HTTP/2 connections.
type Server struct {
	deps    Deps
	handler http.Handler
	http2   *http2.Server
}

func New(deps Deps) *Server {
	server := &Server{deps: deps}
	server.handler = server.routes()
	server.http2 = &http2.Server{
		MaxConcurrentStreams:         maxStreams,
		MaxReadFrameSize:             channel.MaxFrameSize,
		MaxUploadBufferPerStream:     streamWindow,
		MaxUploadBufferPerConnection: connectionWindow,
	}
	return server
}

// ServeConn serves one connection until it ends.
func (s *Server) ServeConn(connection net.Conn) {
	s.http2.ServeConn(connection, &http2.ServeConnOpts{Handler: s.handler})
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/health", s.health)
	mux.HandleFunc("POST /v1/configure", s.configure)
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("POST /v1/exec", s.whenRunning(s.exec))
	mux.HandleFunc("PUT /v1/files", s.whenRunning(s.putFiles))
	mux.HandleFunc("PUT /v1/files/by-disk", s.whenRunning(s.putFilesByDisk))
	mux.HandleFunc("GET /v1/files", s.whenRunning(s.getFiles))
	mux.HandleFunc("POST /v1/files", s.whenRunning(s.selectFiles))
	mux.HandleFunc("POST /v1/files/remove", s.whenRunning(s.removeFiles))
	mux.HandleFunc("GET /v1/stat", s.whenRunning(s.stat))
	mux.HandleFunc("GET /v1/tree", s.whenRunning(s.listTree))
	mux.HandleFunc("POST /v1/tree", s.whenRunning(s.identifyTree))
	mux.HandleFunc("POST /v1/dial", s.whenRunning(s.dial))
	mux.HandleFunc("GET /v1/ports", s.whenRunning(s.ports))
	mux.HandleFunc("GET /v1/stats", s.whenRunning(s.stats))
	mux.HandleFunc("POST /v1/clock", s.clock)
	mux.HandleFunc("POST /v1/shutdown", s.shutdown)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, api.Errorf(api.NotFound, "no call %s %s", r.Method, r.URL.Path))
	})
	return s.guard(mux)
}

// whenRunning refuses a call until the guest is configured.
func (s *Server) whenRunning(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.deps.Guest.Running(); err != nil {
			writeError(w, err)
			return
		}
		next(w, r)
	}
}

// guard turns a panic of a handler into a log line and a reset stream: one bad call must not end the agent.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch problem := recover(); problem {
			case nil:
			case http.ErrAbortHandler:
				panic(problem)
			default:
				s.deps.Journal.Logf(events.Error, "%s %s: %v\n%s", r.Method, r.URL.Path, problem, debug.Stack())
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func writeError(w http.ResponseWriter, err error) {
	known := api.AsError(err)
	writeJSON(w, known.Code.Status(), known)
}

// lineWriter writes a value as a line of application/x-ndjson, and sends it at once.
func lineWriter(w http.ResponseWriter) func(any) error {
	flush := http.NewResponseController(w).Flush
	lines := json.NewEncoder(w)
	return func(line any) error {
		if err := lines.Encode(line); err != nil {
			return err
		}
		return flush()
	}
}

// answer writes result, or err where there is one.
func answer(w http.ResponseWriter, result any, err error) {
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, result)
}

// readJSON decodes the body of r; unknown fields are allowed, so that a newer daemon can talk to an older agent.
func readJSON[T any](r *http.Request) (T, error) {
	var body T
	err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody)).Decode(&body)
	if err != nil {
		return body, api.Errorf(api.BadRequest, "body of %s: %w", r.URL.Path, err)
	}
	return body, nil
}
