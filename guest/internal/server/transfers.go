package server

import (
	"bufio"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"banger/guest/internal/api"
	"banger/guest/internal/bulk"
	"banger/guest/internal/dial"
	"banger/guest/internal/events"
	"banger/guest/internal/files"
)

// archiveBuffer gathers the headers and small files of an archive into few HTTP/2 frames.
const archiveBuffer = 64 << 10

func (s *Server) putFiles(w http.ResponseWriter, r *http.Request) {
	directory, owner, err := extractionOf(r)
	if err != nil {
		writeError(w, err)
		return
	}
	result, err := files.Extract(directory, r.Body, owner)
	answer(w, result, err)
}

// putFilesByDisk is putFiles of an archive that comes by the bulk disk: in the body are the lengths of its parts, in the answer which
// of them have been taken.
func (s *Server) putFilesByDisk(w http.ResponseWriter, r *http.Request) {
	directory, owner, err := extractionOf(r)
	if err != nil {
		writeError(w, err)
		return
	}
	say := lineWriter(w)
	parts, err := s.deps.Bulk.Open(r.Context(), r.Body, func() error { return say(freeSlots{1}) })
	if err != nil {
		writeError(w, err)
		return
	}
	defer parts.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	if err := say(freeSlots{bulk.Slots}); err != nil {
		panic(http.ErrAbortHandler)
	}
	result, err := files.Extract(directory, parts, owner)
	if err != nil {
		_ = say(api.AsError(err))
		return
	}
	_ = say(result)
}

// freeSlots is how many more parts may be laid on the bulk disk.
type freeSlots struct {
	Free int `json:"free"`
}

// extractionOf reads where an archive goes, and whose its files are.
func extractionOf(r *http.Request) (directory string, owner *files.Owner, err error) {
	query := r.URL.Query()
	directory = query.Get("path")
	if !filepath.IsAbs(directory) {
		return "", nil, api.Errorf(api.BadRequest, "path %q is not absolute", directory)
	}
	owner, err = parseOwner(query.Get("owner"))
	return directory, owner, err
}

// parseOwner reads "UID:GID"; nil when text is empty.
func parseOwner(text string) (*files.Owner, error) {
	if text == "" {
		return nil, nil
	}
	user, group, found := strings.Cut(text, ":")
	uid, userErr := strconv.ParseUint(user, 10, 31)
	gid, groupErr := strconv.ParseUint(group, 10, 31)
	if !found || userErr != nil || groupErr != nil {
		return nil, api.Errorf(api.BadRequest, "owner %q is not UID:GID", text)
	}
	return &files.Owner{UID: int(uid), GID: int(gid)}, nil
}

func (s *Server) getFiles(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Query().Get("path")
	if err := files.Check(path); err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-tar")
	w.WriteHeader(http.StatusOK)
	buffered := bufio.NewWriterSize(w, archiveBuffer)
	err := files.Archive(path, buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		s.deps.Journal.Logf(events.Warn, "read %s: %v", path, err)
		// The status is out already: a reset stream tells that the archive is not whole.
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) stat(w http.ResponseWriter, r *http.Request) {
	result, err := files.Stat(r.URL.Query().Get("path"))
	answer(w, result, err)
}

func (s *Server) dial(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	connection, release, err := s.deps.Dialer.Open(r.Context(), query.Get("network"), query.Get("address"))
	if err != nil {
		known := api.AsError(err)
		status := known.Code.Status()
		if known.Code == api.Failed {
			status = http.StatusBadGateway
		}
		writeJSON(w, status, known)
		return
	}
	defer release()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w).Flush
	_ = flush()
	if err := dial.Join(r.Context(), connection, r.Body, w, flush); err != nil {
		panic(http.ErrAbortHandler)
	}
}
