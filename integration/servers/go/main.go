// A server of SFTP in Go, for one test: `sftpd HOST_KEY FOLDER USER PASSWORD`.
//
// It listens on a free port of 127.0.0.1, prints the port, and ends with its standard input. Paths are
// below FOLDER. It is github.com/pkg/sftp over golang.org/x/crypto/ssh, as many servers in Go are.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("sftpd HOST_KEY FOLDER USER PASSWORD")
	}
	pem, err := os.ReadFile(os.Args[1])
	check(err)
	key, err := ssh.ParsePrivateKey(pem)
	check(err)
	check(os.Chdir(os.Args[2]))
	user, password := os.Args[3], os.Args[4]
	config := &ssh.ServerConfig{
		PasswordCallback: func(connection ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
			if connection.User() == user && string(given) == password {
				return nil, nil
			}
			return nil, fmt.Errorf("%s may not log in", connection.User())
		},
	}
	config.AddHostKey(key)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		connection, err := listener.Accept()
		check(err)
		go serve(connection, config)
	}
}

func serve(connection net.Conn, config *ssh.ServerConfig) {
	session, channels, requests, err := ssh.NewServerConn(connection, config)
	if err != nil {
		log.Print("login: ", err)
		return
	}
	defer session.Close()
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, requests, err := offered.Accept()
		if err != nil {
			log.Print("channel: ", err)
			return
		}
		go subsystem(channel, requests)
	}
}

func subsystem(channel ssh.Channel, requests <-chan *ssh.Request) {
	for request := range requests {
		isSftp := request.Type == "subsystem" && len(request.Payload) > 4 && string(request.Payload[4:]) == "sftp"
		_ = request.Reply(isSftp, nil)
		if !isSftp {
			continue
		}
		go func() {
			defer channel.Close()
			server, err := sftp.NewServer(channel)
			if err != nil {
				log.Print("sftp: ", err)
				return
			}
			if err := server.Serve(); err != nil && err != io.EOF {
				log.Print("sftp: ", err)
			}
		}()
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
