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
