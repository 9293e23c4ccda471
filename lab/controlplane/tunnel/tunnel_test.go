package tunnel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// echo answers each connection with what it reads until the end of input.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func connect(t *testing.T, dial Dialer, method, address, more string) (*http.Response, *bufio.Reader, net.Conn) {
	t.Helper()
	server := httptest.NewServer(&Proxy{Dial: dial, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: tunnel\r\n\r\n%s", method, address, more)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return response, reader, conn
}

func nobody(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("no such node")
}

// toNode reaches the address under the name of a node.
func toNode(address string) Dialer {
	return func(ctx context.Context, host, port string) (net.Conn, error) {
		if host != "192.168.1.2" || port != "10250" {
			return nil, errors.New("no such node")
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
}

func TestConnectReachesANode(t *testing.T) {
	response, reader, conn := connect(t, toNode(echo(t)), http.MethodConnect, "192.168.1.2:10250", "sent with the request ")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %s", response.Status)
	}
	fmt.Fprint(conn, "and after it")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	if want := "sent with the request and after it"; string(answer) != want {
		t.Errorf("got %q, want %q", answer, want)
	}
}

func TestConnectEndsWhenTheNodeHangsUp(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Write([]byte("bye"))
			_ = far.Close()
		}()
		return near, nil
	}
	_, reader, _ := connect(t, dial, http.MethodConnect, "192.168.1.2:10250", "")
	answer, err := io.ReadAll(reader)
	if err != nil || string(answer) != "bye" {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestConnectReachesLoopbackItself(t *testing.T) {
	response, reader, conn := connect(t, nobody, http.MethodConnect, echo(t), "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %s", response.Status)
	}
	fmt.Fprint(conn, "x\n")
	if line, err := reader.ReadString('\n'); err != nil || line != "x\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		method, address string
		status          int
	}{
		"unknown node":      {http.MethodConnect, "192.168.9.9:10250", http.StatusBadGateway},
		"the world outside": {http.MethodConnect, "example.com:443", http.StatusBadGateway},
		"no port":           {http.MethodConnect, "192.168.1.2", http.StatusBadGateway},
		"not CONNECT":       {http.MethodGet, "/", http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			response, _, _ := connect(t, toNode(echo(t)), test.method, test.address, "")
			if response.StatusCode != test.status {
				t.Errorf("status %s, want %d", response.Status, test.status)
			}
		})
	}
}

func TestRefusalSaysWhy(t *testing.T) {
	response, _, _ := connect(t, nobody, http.MethodConnect, "192.168.9.9:10250", "")
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), "no such node") {
		t.Errorf("body %q, %v", body, err)
	}
}
