// Package clock sets the guest's clock to the host's: a guest that was suspended or restored is late.
package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// tolerance is how far the clock may be off before it is set: the host's word itself took time to arrive.
const tolerance = 100 * time.Millisecond

// Set sets the clock to unixMs where it is off by more than 100 ms and returns by how much it was, positive when it
// was ahead.
func Set(unixMs int64) (time.Duration, error) {
	wanted := time.UnixMilli(unixMs)
	offset := time.Since(wanted)
	if offset.Abs() <= tolerance {
		return offset, nil
	}
	value := unix.NsecToTimeval(wanted.UnixNano())
	return offset, unix.Settimeofday(&value)
}
