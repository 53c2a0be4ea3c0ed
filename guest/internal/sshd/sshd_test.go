package sshd

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"banger/guest/internal/execs"
)

func newKey(t *testing.T) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	must(t, err)
	return key, signer
}

type fixture struct {
	address string
	host    ssh.PublicKey
	user    ssh.Signer
}

func start(t *testing.T) fixture {
	t.Helper()
	directory := t.TempDir()
	hostKey, host := newKey(t)
	_, user := newKey(t)
	block, err := ssh.MarshalPrivateKey(hostKey, "")
	must(t, err)
	deps := Deps{
		HostKeyFile:        filepath.Join(directory, "host_key"),
		AuthorizedKeysFile: filepath.Join(directory, "authorized_keys"),
		Execs:              execs.NewRegistry(&execs.Launcher{}),
	}
	must(t, os.WriteFile(deps.HostKeyFile, pem.EncodeToMemory(block), 0o600))
	must(t, os.WriteFile(deps.AuthorizedKeysFile, append([]byte("# a comment\n\n"), ssh.MarshalAuthorizedKey(user.PublicKey())...), 0o600))
	server, err := New(deps)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() { _ = server.Serve(listener) }()
	return fixture{listener.Addr().String(), host.PublicKey(), user}
}

func (f fixture) login(user string, auth ...ssh.AuthMethod) (*ssh.Client, error) {
	return ssh.Dial("tcp", f.address, &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: ssh.FixedHostKey(f.host)})
}

func (f fixture) client(t *testing.T) *ssh.Client {
	t.Helper()
	client, err := f.login("root", ssh.PublicKeys(f.user))
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the server runs programs as root, which this user is not")
	}
}

func TestLoginRules(t *testing.T) {
	f := start(t)
	_, stranger := newKey(t)
	refused := map[string]func() (*ssh.Client, error){
		"another user": func() (*ssh.Client, error) { return f.login("daemon", ssh.PublicKeys(f.user)) },
		"another key":  func() (*ssh.Client, error) { return f.login("root", ssh.PublicKeys(stranger)) },
		"a password":   func() (*ssh.Client, error) { return f.login("root", ssh.Password("")) },
		"nothing":      func() (*ssh.Client, error) { return f.login("root") },
	}
	for name, login := range refused {
		if client, err := login(); err == nil {
			_ = client.Close()
			t.Errorf("%s was let in", name)
		}
	}
	f.client(t)
}

func TestKeysWithOptionsAreNotHonoured(t *testing.T) {
	_, user := newKey(t)
	_, other := newKey(t)
	line := string(ssh.MarshalAuthorizedKey(user.PublicKey()))
	others := string(ssh.MarshalAuthorizedKey(other.PublicKey()))
	if isAuthorized([]byte(`command="true" `+line), user.PublicKey()) {
		t.Error("a restricted key was let in without its restriction")
	}
	if !isAuthorized([]byte("garbage\n"+others+line), user.PublicKey()) {
		t.Error("a key was not found behind others")
	}
	if isAuthorized([]byte(others), user.PublicKey()) || isAuthorized(nil, user.PublicKey()) {
		t.Error("a key was found where it is not")
	}
}

func TestCommands(t *testing.T) {
	needsRoot(t)
	client := start(t).client(t)
	session, err := client.NewSession()
	must(t, err)
	must(t, session.Setenv("LC_TEST", "yes"))
	if session.Setenv("LD_PRELOAD", "/x") == nil {
		t.Error("any variable is accepted")
	}
	var stdout, stderr bytes.Buffer
	session.Stdout, session.Stderr, session.Stdin = &stdout, &stderr, strings.NewReader("input")
	err = session.Run(`cat; echo " $LC_TEST"; echo problem >&2; exit 42`)
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 42 || stdout.String() != "input yes\n" || stderr.String() != "problem\n" {
		t.Errorf("%v, %q, %q", err, stdout.String(), stderr.String())
	}
	session, err = client.NewSession()
	must(t, err)
	if err = session.Run("kill -TERM $$"); !errors.As(err, &exit) || exit.Signal() != "TERM" {
		t.Errorf("killed by TERM: %v", err)
	}
}

func TestTerminal(t *testing.T) {
	needsRoot(t)
	session, err := start(t).client(t).NewSession()
	must(t, err)
	must(t, session.RequestPty("xterm-test", 25, 81, ssh.TerminalModes{}))
	var stdout bytes.Buffer
	session.Stdout = &stdout
	stdin, err := session.StdinPipe()
	must(t, err)
	must(t, session.Shell())
	must(t, session.WindowChange(40, 100))
	_, err = io.WriteString(stdin, "stty size; echo $TERM; exit 7\n")
	must(t, err)
	var exit *ssh.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 7 {
		t.Errorf("%v", err)
	}
	if !strings.Contains(stdout.String(), "40 100\r\n") || !strings.Contains(stdout.String(), "xterm-test\r\n") {
		t.Errorf("output %q", stdout.String())
	}
}

func TestFiles(t *testing.T) {
	client, err := sftp.NewClient(start(t).client(t))
	must(t, err)
	name := filepath.Join(t.TempDir(), "file")
	file, err := client.Create(name)
	must(t, err)
	content := strings.Repeat("0123456789", 50_000)
	_, err = io.Copy(file, strings.NewReader(content))
	must(t, err)
	must(t, file.Close())
	got, err := os.ReadFile(name)
	must(t, err)
	if string(got) != content {
		t.Errorf("%d bytes arrived", len(got))
	}
}

func TestForwards(t *testing.T) {
	client := start(t).client(t)
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "s")
		}
		inside, err := net.Listen(network, address)
		must(t, err)
		go echoOnce(inside)
		connection, err := client.Dial(network, inside.Addr().String())
		must(t, err)
		expectEcho(t, connection)
	}
	back, err := client.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go echoOnce(back)
	connection, err := net.Dial("tcp", back.Addr().String())
	must(t, err)
	expectEcho(t, connection)
}

func echoOnce(listener net.Listener) {
	connection, err := listener.Accept()
	if err != nil {
		return
	}
	_, _ = io.Copy(connection, connection)
	_ = connection.Close()
}

func expectEcho(t *testing.T, connection net.Conn) {
	t.Helper()
	defer connection.Close()
	_, err := io.WriteString(connection, "hello")
	must(t, err)
	if half, ok := connection.(interface{ CloseWrite() error }); ok {
		must(t, half.CloseWrite())
	}
	answer := make([]byte, 5)
	_, err = io.ReadFull(connection, answer)
	must(t, err)
	if string(answer) != "hello" {
		t.Errorf("answer %q", answer)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
