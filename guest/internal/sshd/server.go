// Package sshd is the SSH and SFTP server of guests whose image brings none. It follows the rules of the sshd_config the
// agent writes for an image's own server: root alone, by key alone.
package sshd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"

	"banger/guest/internal/account"
	"banger/guest/internal/execs"
)

const (
	loginTime  = 2 * time.Minute
	maxTries   = 6
	loginUser  = "root"
	userKeys   = ".ssh/authorized_keys"
	maxPending = 64
)

// Deps are what a Server needs.
type Deps struct {
	// HostKeyFile and AuthorizedKeysFile are read when the server starts and at each login.
	HostKeyFile        string
	AuthorizedKeysFile string
	Execs              *execs.Registry
}

// Server serves SSH.
type Server struct {
	deps   Deps
	config *ssh.ServerConfig
	// logins bounds the connections that have not logged in yet.
	logins chan struct{}
}

func New(deps Deps) (*Server, error) {
	server := &Server{deps: deps, logins: make(chan struct{}, maxPending)}
	server.config = &ssh.ServerConfig{MaxAuthTries: maxTries, PublicKeyCallback: server.authorize}
	encoded, err := os.ReadFile(deps.HostKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(encoded)
	if err != nil {
		return nil, fmt.Errorf("host key: %w", err)
	}
	server.config.AddHostKey(key)
	return server, nil
}

// Serve accepts connections until listener is closed.
func (s *Server) Serve(listener net.Listener) error {
	for {
		connection, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			// Out of descriptors, most likely: others may be closed soon.
			time.Sleep(100 * time.Millisecond)
			continue
		}
		select {
		case s.logins <- struct{}{}:
			go s.serveConnection(connection)
		default:
			_ = connection.Close()
		}
	}
}

func (s *Server) serveConnection(raw net.Conn) {
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(loginTime))
	connection, channels, requests, err := ssh.NewServerConn(raw, s.config)
	<-s.logins
	if err != nil {
		return
	}
	_ = raw.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	forwards := newForwards(connection)
	defer forwards.closeAll()
	go forwards.serve(requests)
	for offered := range channels {
		switch offered.ChannelType() {
		case "session":
			go s.serveSession(ctx, offered)
		case "direct-tcpip", "direct-streamlocal@openssh.com":
			go connectOut(ctx, offered)
		default:
			_ = offered.Reject(ssh.UnknownChannelType, "no such channel")
		}
	}
}

func (s *Server) authorize(connection ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
	if connection.User() != loginUser {
		return nil, fmt.Errorf("user %q may not log in", connection.User())
	}
	files := []string{s.deps.AuthorizedKeysFile}
	if user, err := account.Lookup("/", loginUser); err == nil {
		files = append(files, filepath.Join(user.Home, userKeys))
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil && isAuthorized(content, offered) {
			return &ssh.Permissions{}, nil
		}
	}
	return nil, errors.New("unknown key")
}

// isAuthorized looks for key in an authorized_keys file. A line with options is passed over: to honour some and not
// others would let in what its writer wanted to restrict.
func isAuthorized(content []byte, key ssh.PublicKey) bool {
	for len(content) > 0 {
		known, _, options, rest, err := ssh.ParseAuthorizedKey(content)
		if err != nil {
			return false
		}
		if len(options) == 0 && string(known.Marshal()) == string(key.Marshal()) {
			return true
		}
		content = rest
	}
	return false
}
