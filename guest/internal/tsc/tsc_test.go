package tsc

import (
	"testing"
	"time"
)

func TestFrequencyOfTwoMoments(t *testing.T) {
	from := moment{counter: 1_000, nanoseconds: 5_000_000}
	to := moment{counter: 1_000 + 244_542_600, nanoseconds: 105_000_000}
	if got := frequency(from, to); got != 2_445_426 {
		t.Fatalf("%d kHz", got)
	}
}

func TestMeasuringTwiceAgrees(t *testing.T) {
	first, err := KHz(20 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	second, err := KHz(40 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel refines a given frequency that is right within 1%.
	if difference := float64(first)/float64(second) - 1; difference > 0.001 || difference < -0.001 {
		t.Fatalf("%d and then %d kHz", first, second)
	}
}
