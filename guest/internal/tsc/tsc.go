// Package tsc measures the processor's time stamp counter against the clock. It runs on the host: an emulated guest's counter
// is the host's, and a guest that measures it by itself, on a busy host, can be wrong by a factor.
package tsc

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Readings is how often each end is read, to find a moment in which nothing came between.
const readings = 32

func counter() uint64

// KHz is the counter's frequency in kHz, measured for at least the given time.
func KHz(over time.Duration) (uint64, error) {
	from, err := read()
	if err != nil {
		return 0, err
	}
	time.Sleep(over)
	to, err := read()
	if err != nil {
		return 0, err
	}
	return frequency(from, to), nil
}

type moment struct {
	counter     uint64
	nanoseconds int64
}

// read takes the clock between two readings of the counter; the closest pair is the one that was not interrupted.
func read() (moment, error) {
	best := moment{}
	closest := uint64(math.MaxUint64)
	for range readings {
		before := counter()
		var clock unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &clock); err != nil {
			return moment{}, err
		}
		width := counter() - before
		if width < closest {
			closest = width
			best = moment{counter: before + width/2, nanoseconds: clock.Nano()}
		}
	}
	return best, nil
}

func frequency(from, to moment) uint64 {
	counted := float64(to.counter - from.counter)
	milliseconds := float64(to.nanoseconds-from.nanoseconds) / 1e6
	return uint64(math.Round(counted / milliseconds))
}
