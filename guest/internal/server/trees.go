package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"path/filepath"

	"banger/guest/internal/api"
	"banger/guest/internal/events"
	"banger/guest/internal/files"
	"banger/guest/internal/tree"
)

func (s *Server) listTree(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	directory, err := tree.Root(query.Get("path"))
	if err != nil {
		writeError(w, err)
		return
	}
	stamps := tree.Stamps(query.Get("stamps"))
	s.writeTree(w, directory, func(tell func(api.TreeEntry) error) error { return tree.List(directory, stamps, tell) })
}

func (s *Server) identifyTree(w http.ResponseWriter, r *http.Request) {
	directory, names, err := readSelection(r)
	if err != nil {
		writeError(w, err)
		return
	}
	s.writeTree(w, directory, func(tell func(api.TreeEntry) error) error { return tree.Identify(directory, names, tell) })
}

func (s *Server) selectFiles(w http.ResponseWriter, r *http.Request) {
	directory, names, err := readSelection(r)
	if err != nil {
		writeError(w, err)
		return
	}
	paths := make([]string, len(names))
	for index, name := range names {
		// readSelection has checked the name.
		paths[index] = filepath.Join(directory, name)
	}
	w.Header().Set("Content-Type", "application/x-tar")
	w.WriteHeader(http.StatusOK)
	buffered := bufio.NewWriterSize(w, archiveBuffer)
	err = tree.Unmoved(directory, func() error { return files.ArchiveEach(paths, buffered) })
	if err == nil {
		err = buffered.Flush()
	}
	s.abortOn(err, directory)
}

func (s *Server) removeFiles(w http.ResponseWriter, r *http.Request) {
	selection, err := readJSON[api.Selection](r)
	if err != nil {
		writeError(w, err)
		return
	}
	directory, names, err := placesOf(selection)
	if err != nil {
		writeError(w, err)
		return
	}
	was, err := wasOf(selection)
	if err != nil {
		writeError(w, err)
		return
	}
	removed, err := files.Remove(directory, names, was)
	answer(w, removed, err)
}

func wasOf(selection api.Selection) ([]*tree.Was, error) {
	if selection.Was == nil {
		return nil, nil
	}
	if len(selection.Was) != len(selection.Paths64) {
		return nil, api.Errorf(api.BadRequest, "%d names, and what %d of them were", len(selection.Paths64), len(selection.Was))
	}
	all := make([]*tree.Was, len(selection.Was))
	for index, text := range selection.Was {
		if text == "" {
			continue
		}
		was, err := tree.ParseWas(text)
		if err != nil {
			return nil, err
		}
		all[index] = &was
	}
	return all, nil
}

// writeTree writes the entries as lines of JSON and one that says how many there were.
func (s *Server) writeTree(w http.ResponseWriter, directory string, walk func(func(api.TreeEntry) error) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	buffered := bufio.NewWriterSize(w, archiveBuffer)
	lines := json.NewEncoder(buffered)
	lines.SetEscapeHTML(false)
	entries := 0
	err := walk(func(entry api.TreeEntry) error {
		entries++
		return lines.Encode(entry)
	})
	if err == nil {
		err = lines.Encode(api.TreeEnd{Entries: entries})
	}
	if err == nil {
		err = buffered.Flush()
	}
	s.abortOn(err, directory)
}

// abortOn resets the stream when there is an error: the status is out already.
func (s *Server) abortOn(err error, directory string) {
	if err == nil {
		return
	}
	s.deps.Journal.Logf(events.Warn, "read %s: %v", directory, err)
	panic(http.ErrAbortHandler)
}

func readSelection(r *http.Request) (directory string, names []string, err error) {
	selection, err := readJSON[api.Selection](r)
	if err != nil {
		return "", nil, err
	}
	return placesOf(selection)
}

func placesOf(selection api.Selection) (directory string, names []string, err error) {
	if directory, err = tree.Root(selection.Path); err != nil {
		return "", nil, err
	}
	for _, bytes := range selection.Paths64 {
		if _, err := tree.Below(directory, string(bytes)); err != nil {
			return "", nil, err
		}
		names = append(names, string(bytes))
	}
	return directory, names, nil
}
