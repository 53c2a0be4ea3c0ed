package sshd

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
)

// The payloads of forwarding (RFC 4254, section 7; OpenSSH's PROTOCOL, section 2.4).
type (
	directTCP struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	directUnix struct {
		Path     string
		Reserved string
		Unused   uint32
	}
	forwardRequest struct {
		Host string
		Port uint32
	}
	forwardReply  struct{ Port uint32 }
	forwardedInfo struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
)

// connectOut serves a forward from the client to a socket in the guest.
func connectOut(ctx context.Context, offered ssh.NewChannel) {
	network, address, err := destination(offered)
	if err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		_ = connection.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	join(channel, connection)
}

func destination(offered ssh.NewChannel) (network, address string, err error) {
	if offered.ChannelType() == "direct-tcpip" {
		var payload directTCP
		err = ssh.Unmarshal(offered.ExtraData(), &payload)
		return "tcp", joinAddress(payload.Host, payload.Port), err
	}
	var payload directUnix
	err = ssh.Unmarshal(offered.ExtraData(), &payload)
	return "unix", payload.Path, err
}

// forwards are the listeners a client has asked for, whose connections go back to it.
type forwards struct {
	connection *ssh.ServerConn
	mutex      sync.Mutex
	listeners  map[string]net.Listener
}

func newForwards(connection *ssh.ServerConn) *forwards {
	return &forwards{connection: connection, listeners: map[string]net.Listener{}}
}

func (f *forwards) serve(requests <-chan *ssh.Request) {
	for request := range requests {
		var payload forwardRequest
		var reply []byte
		ok := false
		switch request.Type {
		case "tcpip-forward":
			if ssh.Unmarshal(request.Payload, &payload) == nil {
				reply, ok = f.open(payload)
			}
		case "cancel-tcpip-forward":
			if ssh.Unmarshal(request.Payload, &payload) == nil {
				ok = f.close(joinAddress(payload.Host, payload.Port))
			}
		}
		if request.WantReply {
			_ = request.Reply(ok, reply)
		}
	}
}

// open listens on loopback only, whatever address the client names: GatewayPorts is off.
func (f *forwards) open(asked forwardRequest) ([]byte, bool) {
	listener, err := net.Listen("tcp", joinAddress("127.0.0.1", asked.Port))
	if err != nil {
		return nil, false
	}
	bound := asked
	if address, ok := listener.Addr().(*net.TCPAddr); ok {
		bound.Port = uint32(address.Port)
	}
	f.mutex.Lock()
	f.listeners[joinAddress(bound.Host, bound.Port)] = listener
	f.mutex.Unlock()
	go f.accept(listener, bound)
	if asked.Port == 0 {
		return ssh.Marshal(forwardReply{bound.Port}), true
	}
	return nil, true
}

func (f *forwards) accept(listener net.Listener, bound forwardRequest) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go f.sendBack(connection, bound)
	}
}

func (f *forwards) sendBack(connection net.Conn, bound forwardRequest) {
	info := forwardedInfo{Host: bound.Host, Port: bound.Port}
	if origin, ok := connection.RemoteAddr().(*net.TCPAddr); ok {
		info.OriginHost, info.OriginPort = origin.IP.String(), uint32(origin.Port)
	}
	channel, requests, err := f.connection.OpenChannel("forwarded-tcpip", ssh.Marshal(info))
	if err != nil {
		_ = connection.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	join(channel, connection)
}

func (f *forwards) close(key string) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	listener, known := f.listeners[key]
	delete(f.listeners, key)
	return known && listener.Close() == nil
}

func (f *forwards) closeAll() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for _, listener := range f.listeners {
		_ = listener.Close()
	}
}

func joinAddress(host string, port uint32) string {
	return net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10))
}

// join copies both ways, passing on the end of each, and returns when both have ended.
func join(channel ssh.Channel, connection net.Conn) {
	defer channel.Close()
	defer connection.Close()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(connection, channel)
		if half, ok := connection.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	both.Go(func() {
		_, _ = io.Copy(channel, connection)
		_ = channel.CloseWrite()
	})
	both.Wait()
}
