// Command plugin is the program of the plugins the acceptance tests install: it answers the engine, as a volume driver
// whose volumes are empty folders, and does nothing else.
package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

const volumes = "/volumes"

type volume struct{ Name, Mountpoint string }

type answer struct {
	Implements []string `json:",omitempty"`
	Volume     *volume  `json:",omitempty"`
	Volumes    []volume `json:",omitempty"`
	Mountpoint string   `json:",omitempty"`
	Err        string
}

func main() {
	err := os.MkdirAll(volumes, 0o755)
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("unix", "/run/docker/plugins/p.sock")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked volume
		_ = json.NewDecoder(r.Body).Decode(&asked) // some calls have no body
		said, err := does(r.URL.Path, asked.Name)
		if err != nil {
			said.Err = err.Error()
		}
		w.Header().Set("Content-Type", "application/vnd.docker.plugins.v1.1+json")
		_ = json.NewEncoder(w).Encode(said)
	})))
}

// does what a call asks for.
func does(call, name string) (answer, error) {
	v := volume{Name: name, Mountpoint: filepath.Join(volumes, filepath.Base(name))}
	switch call {
	case "/VolumeDriver.Create":
		return answer{}, os.Mkdir(v.Mountpoint, 0o755)
	case "/VolumeDriver.Remove":
		return answer{}, os.Remove(v.Mountpoint)
	case "/VolumeDriver.Get", "/VolumeDriver.Path", "/VolumeDriver.Mount":
		_, err := os.Stat(v.Mountpoint)
		return answer{Volume: &v, Mountpoint: v.Mountpoint}, err
	case "/VolumeDriver.List":
		entries, err := os.ReadDir(volumes)
		var all []volume
		for _, e := range entries {
			all = append(all, volume{Name: e.Name(), Mountpoint: filepath.Join(volumes, e.Name())})
		}
		return answer{Volumes: all}, err
	default:
		return answer{Implements: []string{"VolumeDriver"}}, nil
	}
}
