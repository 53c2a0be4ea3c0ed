package tree

import (
	"encoding/hex"
	"os"
	"strings"

	"banger/guest/internal/api"
)

// Was is what somebody saw at a name, and means to replace or remove: nothing, or a file or symlink of one content.
type Was struct {
	// id is empty for nothing, mode for any.
	mode, id string
}

const nothing = "nothing"

// ParseWas reads `nothing`, `ID` or `MODE ID`, both as Identify tells them.
func ParseWas(text string) (Was, error) {
	mode, id, found := strings.Cut(text, " ")
	if !found {
		mode, id = "", text
	}
	if text == nothing {
		return Was{}, nil
	}
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 20 {
		return Was{}, api.Errorf(api.BadRequest, "%q is not what a file can be", text)
	}
	return Was{mode, id}, nil
}

// IsNothing tells whether nothing was there.
func (w Was) IsNothing() bool { return w.id == "" }

// Is tells whether that is at path still. A change that comes while it reads is one.
func (w Was) Is(path string) (bool, error) {
	entry, info, err := describe(path, ".")
	if err != nil {
		return false, err
	}
	if entry == nil || w.IsNothing() {
		_, err := os.Lstat(path)
		return w.IsNothing() && gone(err), nil
	}
	if w.mode != "" && w.mode != entry.Mode {
		return false, nil
	}
	id, _, err := blobID(path, entry.Type, make([]byte, copyBuffer))
	if gone(err) {
		return false, nil
	}
	if err != nil || id != w.id {
		return false, err
	}
	after, err := os.Lstat(path)
	if err != nil {
		return false, nil
	}
	return os.SameFile(info, after) && info.ModTime().Equal(after.ModTime()) && info.Size() == after.Size(), nil
}
