package server_test

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"banger/guest/internal/execs"
	"banger/guest/internal/frames"
	"banger/guest/internal/testhost"
)

func me(t *testing.T) string {
	t.Helper()
	current, err := user.Current()
	must(t, err)
	return current.Username
}

func start(t *testing.T, f fixture, spec execs.Start) *testhost.Exec {
	t.Helper()
	if spec.User == "" {
		spec.User = me(t)
	}
	command, err := f.client.Exec(context.Background(), spec)
	must(t, err)
	return command
}

func TestExecEnds(t *testing.T) {
	f := serve(t, runningGuest{})
	missing := t.TempDir() + "/missing"
	plain := t.TempDir() + "/plain"
	must(t, os.WriteFile(plain, []byte("text"), 0o644))
	cases := map[string]struct {
		spec execs.Start
		want string
	}{
		"status 0":             {execs.Start{Argv: []string{"true"}}, "map[status:0 type:exit]"},
		"status 42":            {execs.Start{Argv: []string{"sh", "-c", "exit 42"}}, "map[status:42 type:exit]"},
		"status 42 in a login": {execs.Start{Argv: []string{"sh", "-c", "exit 42"}, Login: true}, "map[status:42 type:exit]"},
		"signal":               {execs.Start{Argv: []string{"sh", "-c", "kill -KILL $$"}}, "map[number:9 signal:KILL type:exit]"},
		"real-time signal":     {execs.Start{Argv: []string{"sh", "-c", "kill -35 $$"}}, "map[number:35 signal:RTMIN+1 type:exit]"},
		"not found":            {execs.Start{Argv: []string{"no-such-command"}}, "map[code:not_found message:no-such-command: command not found type:failed]"},
		"not found in a login": {execs.Start{Argv: []string{"no-such-command"}, Login: true}, "map[status:127 type:exit]"},
		"not executable":       {execs.Start{Argv: []string{plain}}, "map[code:not_executable message:" + plain + ": not executable type:failed]"},
		"no directory":         {execs.Start{Argv: []string{"true"}, Cwd: missing}, "map[code:no_cwd message:no directory " + missing + " type:failed]"},
		"no user":              {execs.Start{Argv: []string{"true"}, User: "nobody-knows"}, `map[code:no_user message:no such user: "nobody-knows" type:failed]`},
		"no argv":              {execs.Start{}, "map[code:failed message:argv is empty type:failed]"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			last, err := start(t, f, test.spec).Wait()
			must(t, err)
			if got := fmt.Sprint(last); got != test.want {
				t.Errorf("ended with %s, want %s", got, test.want)
			}
		})
	}
}

func TestExecArgvAndEnvironment(t *testing.T) {
	f := serve(t, runningGuest{})
	for _, login := range []bool{false, true} {
		command := start(t, f, execs.Start{
			Argv: []string{"sh", "-c", `printf '%s\n' "$@"; echo $FROM_IMAGE $MINE; pwd; ps -o sid= -p $$ | tr -d ' '; echo $$`, "sh", "two words", `"quoted" $HOME`, ""},
			Env:  map[string]string{"MINE": "also"}, Cwd: "/tmp", Login: login,
		})
		_, err := command.Wait()
		must(t, err)
		lines := strings.Split(command.Stdout.String(), "\n")
		want := []string{"two words", `"quoted" $HOME`, "", "yes also", "/tmp"}
		for index, line := range want {
			if index >= len(lines) || lines[index] != line {
				t.Fatalf("login %v: output %q, want it to begin with %q; stderr %q", login, lines, want, command.Stderr.String())
			}
		}
		if lines[5] != lines[6] {
			t.Errorf("session %s of process %s: not its own", lines[5], lines[6])
		}
	}
}

func TestExecKeepsOutputAtExit(t *testing.T) {
	f := serve(t, runningGuest{})
	const size = 1 << 20
	command := start(t, f, execs.Start{Argv: []string{"sh", "-c", "head -c 1048576 /dev/zero; echo end >&2; exit 3"}})
	// A host that is slower than the grace after exit must lose nothing of what is in the pipe.
	time.Sleep(400 * time.Millisecond)
	last, err := command.Wait()
	must(t, err)
	if command.Stdout.Len() != size || command.Stderr.String() != "end\n" || last["status"] != float64(3) {
		t.Errorf("%d bytes, %q, %v", command.Stdout.Len(), command.Stderr.String(), last)
	}
}

func TestExecDoesNotWaitForHeldOutput(t *testing.T) {
	f := serve(t, runningGuest{})
	begun := time.Now()
	command := start(t, f, execs.Start{Argv: []string{"sh", "-c", "sleep 30 & echo $!"}})
	last, err := command.Wait()
	must(t, err)
	if took := time.Since(begun); took > 5*time.Second || last["status"] != float64(0) {
		t.Errorf("ended after %s with %v", took, last)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(command.Stdout.String()))
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
}

func TestExecStdin(t *testing.T) {
	f := serve(t, runningGuest{})
	for name, end := range map[string]func(*testhost.Exec) error{
		"eof message":   func(e *testhost.Exec) error { return e.Input.WriteControl(map[string]string{"type": "eof"}) },
		"end of stream": func(e *testhost.Exec) error { e.CloseInput(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			command := start(t, f, execs.Start{Argv: []string{"cat"}, Stdin: true})
			must(t, command.Input.Write(frames.Stdin, []byte(strings.Repeat("x", 100_000))))
			must(t, end(command))
			last, err := command.Wait()
			must(t, err)
			if command.Stdout.Len() != 100_000 || last["status"] != float64(0) {
				t.Errorf("%d bytes, %v", command.Stdout.Len(), last)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		command := start(t, f, execs.Start{Argv: []string{"cat"}})
		last, err := command.Wait()
		must(t, err)
		if last["status"] != float64(0) {
			t.Errorf("%v", last)
		}
	})
}

func TestExecSignalPassesUnreadInput(t *testing.T) {
	f := serve(t, runningGuest{})
	command := start(t, f, execs.Start{Argv: []string{"sleep", "60"}, Stdin: true})
	must(t, command.Input.Write(frames.Stdin, make([]byte, 300_000)))
	must(t, command.Input.WriteControl(map[string]string{"type": "signal", "signal": "TERM"}))
	last, err := command.Wait()
	must(t, err)
	if last["signal"] != "TERM" {
		t.Errorf("ended with %v", last)
	}
}

func TestExecTerminal(t *testing.T) {
	f := serve(t, runningGuest{})
	command := start(t, f, execs.Start{
		Argv: []string{"sh", "-c", "stty size; echo $TERM; test -t 0 && test -t 2 && echo terminal; read line; stty size; cat"},
		TTY:  &execs.TTY{Cols: 81, Rows: 25, Term: "xterm-test"}, Stdin: true,
	})
	read := func(until string) {
		t.Helper()
		for !strings.Contains(command.Stdout.String(), until) {
			_, err := command.Next()
			must(t, err)
		}
	}
	read("terminal\r\n")
	must(t, command.Input.WriteControl(map[string]any{"type": "resize", "cols": 100, "rows": 40}))
	must(t, command.Input.Write(frames.Stdin, []byte("go\n")))
	read("40 100\r\n")
	must(t, command.Input.WriteControl(map[string]string{"type": "eof"}))
	last, err := command.Wait()
	must(t, err)
	if want := "25 81\r\nxterm-test\r\nterminal\r\n"; !strings.HasPrefix(command.Stdout.String(), want) {
		t.Errorf("output %q, want it to begin with %q", command.Stdout.String(), want)
	}
	if last["status"] != float64(0) {
		t.Errorf("ended with %v", last)
	}
}

func TestExecHangUp(t *testing.T) {
	hangUps := map[string]func(fixture, *testhost.Exec){
		"stream reset":     func(_ fixture, command *testhost.Exec) { command.HangUp() },
		"connection ended": func(f fixture, _ *testhost.Exec) { f.client.Close() },
	}
	for name, hangUp := range hangUps {
		t.Run(name, func(t *testing.T) {
			f := serve(t, runningGuest{})
			// One member of the group dies of SIGHUP, the other only of the SIGKILL after it.
			command := start(t, f, execs.Start{Argv: []string{"sh", "-c", "trap '' HUP; (trap - HUP; echo up >&2; exec sleep 100) & echo $$ $!; while :; do sleep 1; done"}})
			for !strings.Contains(command.Stdout.String(), "\n") || command.Stderr.Len() == 0 {
				_, err := command.Next()
				must(t, err)
			}
			var leader, child int
			_, err := fmt.Sscan(command.Stdout.String(), &leader, &child)
			must(t, err)
			begun := time.Now()
			hangUp(f, command)
			eventually(t, "SIGHUP to the group", func() bool { return !alive(child) })
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("SIGHUP took %s", took)
			}
			eventually(t, "SIGKILL to the leader", func() bool { return !alive(leader) })
			if took := time.Since(begun); took < 4*time.Second {
				t.Errorf("SIGKILL came after %s already", took)
			}
		})
	}
}

// alive is false for a zombie, too: the child's parent may never wait for it.
func alive(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(status), ") Z ")
}

func TestEndAll(t *testing.T) {
	f := serve(t, runningGuest{})
	command := start(t, f, execs.Start{Argv: []string{"sh", "-c", "trap '' HUP; echo ready; while :; do sleep 1; done"}})
	for !strings.Contains(command.Stdout.String(), "ready") {
		_, err := command.Next()
		must(t, err)
	}
	begun := time.Now()
	f.registry.EndAll(300 * time.Millisecond)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
	last, err := command.Wait()
	must(t, err)
	if last["signal"] != "KILL" {
		t.Errorf("ended with %v", last)
	}
}

func TestManyExecs(t *testing.T) {
	f := serve(t, runningGuest{})
	results := make(chan string, 50)
	name := me(t)
	for index := range 50 {
		go func() {
			command, err := f.client.Exec(context.Background(), execs.Start{Argv: []string{"sh", "-c", fmt.Sprintf("echo %d; exit %d", index, index)}, User: name})
			if err != nil {
				results <- err.Error()
				return
			}
			last, err := command.Wait()
			if err != nil || last["status"] != float64(index) || command.Stdout.String() != fmt.Sprintln(index) {
				results <- fmt.Sprint(index, " ", last, " ", command.Stdout.String(), " ", err)
				return
			}
			results <- ""
		}()
	}
	for range 50 {
		if problem := <-results; problem != "" {
			t.Error(problem)
		}
	}
}
