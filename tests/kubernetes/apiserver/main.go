// Command apiserver runs etcd and the Kubernetes API server in one process, for tests.
//
//	apiserver ETCD_FOLDER FLAG...
//
// The flags are those of kube-apiserver. etcd listens on ports 2379 and 2380 of localhost. The process ends when its
// standard input does, so that it never outlives a killed test.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// etcdStartTimeout is the time limit for the election of etcd's only member.
const etcdStartTimeout = time.Minute

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("usage: apiserver ETCD_FOLDER FLAG..."))
	}
	address, err := startEtcd(os.Args[1])
	if err != nil {
		fail(fmt.Errorf("etcd: %w", err))
	}
	go exitWithInput()
	command := app.NewAPIServerCommand()
	command.SetArgs(append([]string{"--etcd-servers=" + address}, os.Args[2:]...))
	os.Exit(cli.Run(command))
}

// startEtcd starts an etcd of one member, and returns its address.
func startEtcd(folder string) (string, error) {
	config := embed.NewConfig()
	config.Dir = folder
	config.LogLevel = "error"
	// Nothing has to survive a crash of the machine.
	config.UnsafeNoFsync = true
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return config.AdvertiseClientUrls[0].String(), nil
	case err := <-etcd.Err():
		return "", err
	case <-time.After(etcdStartTimeout):
		return "", fmt.Errorf("not ready after %s", etcdStartTimeout)
	}
}

// exitWithInput ends the process when standard input ends.
func exitWithInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "apiserver:", err)
	os.Exit(1)
}
