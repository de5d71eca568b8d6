package truth_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// browser gives up before a test does.
var browser = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// TestNetworksInPlace: a container goes from the default bridge to networks of its own, from one to another, and back,
// and is still there after a restart, with the ports it publishes; also when somebody disconnected it. The engine chooses
// one of them anew each time.
func TestNetworksInPlace(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		one, two := b.network(3), b.network(4)
		port := acctest.FreePort(t)
		name := b.project + "-web"
		declare := func(networks ...string) {
			text := fmt.Sprintf("resource \"docker_container\" \"web\" {\nname = %q\nimage = %q\ndestroy_grace_seconds = 0\nports {\ninternal = 80\nexternal = %d\n}\nports {\ninternal = 81\n}\n", name, acctest.HTTPServer, port)
			for _, n := range networks {
				if strings.Contains(n, "=") {
					text += n + "\n"
					continue
				}
				text += fmt.Sprintf("networks_advanced {\nname = %q\naliases = [\"www\"]\n}\n", n)
			}
			b.write(text + "}\n")
		}
		b.Cleanup(b.destroy)
		declare()
		b.apply()
		id := b.inspect(name).Container.ID
		check := func(what string, want ...string) {
			t.Helper()
			b.empty(what)
			for _, when := range []string{"", " and a restart"} {
				c := b.inspect(name).Container
				var have []string
				for n := range c.NetworkSettings.Networks {
					have = append(have, n)
				}
				slices.Sort(have)
				if c.ID != id || !slices.Equal(have, want) {
					t.Errorf("%s%s: on %v, want %v; the same container: %v", what, when, have, want, c.ID == id)
				}
				if !b.podman() { // its ports cannot be reached from 127.0.0.1 in the tests' network namespace
					url := fmt.Sprintf("http://127.0.0.1:%d/", port)
					answer, err := browser.Get(url)
					for begun := time.Now(); err != nil && time.Since(begun) < time.Minute; answer, err = browser.Get(url) {
						<-time.After(50 * time.Millisecond) // the port is there before the server is
					}
					if err != nil {
						t.Errorf("%s%s: its port: %v", what, when, err)
					} else {
						_ = answer.Body.Close()
					}
				}
				if when == "" {
					_, err := b.api.ContainerRestart(b.Context(), name, moby.ContainerRestartOptions{Timeout: new(int)})
					b.must(err)
				}
			}
			b.empty(what + " and a restart")
		}
		bridge := "bridge"
		if b.podman() {
			bridge = "podman"
		}
		drop := func(network string) {
			_, err := b.api.NetworkDisconnect(b.Context(), network, moby.NetworkDisconnectOptions{Container: name})
			b.must(err)
		}
		check("creation", bridge)
		steps := []struct {
			what, plan string
			before     func()
			networks   []string
			on         []string
		}{
			{"a first network", "networks_advanced", nil, []string{one}, []string{one}},
			{"another one", "networks_advanced", nil, []string{two}, []string{two}},
			{"a second one", "networks_advanced", nil, []string{one, two}, []string{one, two}},
			{"one of them disconnected", "networks_advanced", func() { drop(one) }, []string{one, two}, []string{one, two}},
			{"all of them disconnected", "networks_advanced", func() { drop(one); drop(two) }, []string{one, two}, []string{one, two}},
			{"the bridge connected in addition", "networks_advanced", func() {
				_, err := b.api.NetworkConnect(b.Context(), bridge, moby.NetworkConnectOptions{Container: name})
				b.must(err)
			}, []string{one, two}, []string{one, two}},
			{"no network any more", "networks_advanced", nil, nil, []string{bridge}},
			{"the bridge disconnected", "network_mode", func() { drop(bridge) }, nil, []string{bridge}},
		}
		for _, s := range steps {
			if s.before != nil {
				s.before()
			}
			declare(s.networks...)
			made := b.apply()
			got := ""
			for _, step := range made.Steps {
				got += changes(step)
			}
			b.want(s.what, got, s.plan)
			check(s.what, s.on...)
		}
	})
}

// TestNetworkOfTheMode: a container whose network mode names a network, and was disconnected from it, is connected.
func TestNetworkOfTheMode(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		network, name := b.network(5), b.project+"-c"
		b.write(fmt.Sprintf("resource \"docker_container\" \"c\" {\nname = %q\nimage = %q\ncommand = [\"sleep\", \"1000\"]\ndestroy_grace_seconds = 0\nnetwork_mode = %q\n}\n", name, acctest.Busybox, network))
		b.Cleanup(b.destroy)
		b.apply()
		b.empty("creation")
		id := b.inspect(name).Container.ID
		_, err := b.api.NetworkDisconnect(b.Context(), network, moby.NetworkDisconnectOptions{Container: name})
		b.must(err)
		b.want("disconnected", b.apply().String(), "docker_container.c update network_mode(drift)\n")
		b.empty("repair")
		if c := b.inspect(name).Container; c.ID != id || c.NetworkSettings.Networks[network] == nil {
			t.Errorf("on %v", c.NetworkSettings.Networks)
		}
	})
}
