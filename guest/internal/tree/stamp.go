package tree

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io/fs"
	"syscall"
	"time"
)

// settled is how old a change must be to be told apart from the next one: the kernel stamps files by its tick, which is at
// most 10 ms.
const settled = 100 * time.Millisecond

// Stamps says which files of a list get one.
type Stamps string

const (
	NoStamps  Stamps = ""
	AllStamps Stamps = "true"
	// UnwrittenStamps leaves out what a program has written: an archive has times of whole seconds, and the clock hardly ever.
	// Who has just sent files learns their stamps so, and not those of files that were changed a moment later.
	UnwrittenStamps Stamps = "unwritten"
)

// of is stampOf for the files that get one.
func (s Stamps) of(info fs.FileInfo, began time.Time) string {
	if s == AllStamps || s == UnwrittenStamps && info.ModTime().Nanosecond() == 0 {
		return stampOf(info, began)
	}
	return ""
}

// stampOf returns what is the same as long as a file is: any change of content, mode or place gives it another time of
// change, and another file in its place has another number. It is empty for a file that changed a moment before began, as
// it could change once more and look the same.
func stampOf(info fs.FileInfo, began time.Time) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || began.Sub(time.Unix(stat.Ctim.Unix())) < settled {
		return ""
	}
	hash := fnv.New64a()
	// A hash takes whatever it is given.
	_ = binary.Write(hash, binary.LittleEndian, []int64{info.Size(), int64(stat.Ino), stat.Mtim.Nano(), stat.Ctim.Nano()})
	return fmt.Sprintf("%016x", hash.Sum64())
}
