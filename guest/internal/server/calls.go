package server

import (
	"net/http"

	"banger/guest/internal/api"
	"banger/guest/internal/clock"
	"banger/guest/internal/frames"
	"banger/guest/internal/observe"
)

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.deps.Guest.Health())
}

func (s *Server) configure(w http.ResponseWriter, r *http.Request) {
	body, err := readJSON[api.Configure](r)
	if err == nil {
		err = s.deps.Guest.Configure(r.Context(), body)
	}
	answer(w, api.Empty{}, err)
}

func (s *Server) shutdown(w http.ResponseWriter, r *http.Request) {
	body, err := readJSON[api.Shutdown](r)
	if err == nil {
		err = s.deps.Guest.Shutdown(body)
	}
	answer(w, api.Empty{}, err)
}

func (s *Server) ports(w http.ResponseWriter, _ *http.Request) {
	ports, err := observe.Ports()
	answer(w, ports, err)
}

func (s *Server) stats(w http.ResponseWriter, _ *http.Request) {
	stats, err := observe.Stats(s.deps.Guest.Data())
	answer(w, stats, err)
}

func (s *Server) clock(w http.ResponseWriter, r *http.Request) {
	body, err := readJSON[api.Clock](r)
	if err != nil {
		writeError(w, err)
		return
	}
	offset, err := clock.Set(body.TimeUnixMs)
	answer(w, api.ClockSet{OffsetMs: offset.Milliseconds()}, err)
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	_ = s.deps.Journal.Follow(r.Context(), lineWriter(w))
}

func (s *Server) exec(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w).Flush
	_ = flush()
	s.deps.Execs.Serve(r.Context(), frames.NewReader(r.Body), frames.NewWriter(w, flush))
}
