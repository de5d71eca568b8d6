//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// BenchmarkLogFile is the log's part of what a byte of output costs: 64 KiB, as a pipe gives them, per write.
func BenchmarkLogFile(b *testing.B) {
	for _, size := range []int{20, 100, 1000} {
		for _, maxSize := range []int64{0, 10 << 20} {
			b.Run(fmt.Sprintf("%d/rotate=%t", size, maxSize > 0), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "log")
				f, err := openLogFile(wire.Conf{LogPath: path, MaxSize: maxSize, MaxFile: 3})
				if err != nil {
					b.Fatal(err)
				}
				line := strings.Repeat("x", size-1) + "\n"
				data := bytes.Repeat([]byte(line), (64<<10)/size)
				b.SetBytes(int64(len(data)))
				n := 0
				for b.Loop() {
					f.write(1, data)
					if n += len(data); maxSize == 0 && n > 256<<20 { // do not fill the disk
						if err := os.Truncate(path, 0); err != nil {
							b.Fatal(err)
						}
						f.size, n = 0, 0
					}
				}
				f.close()
			})
		}
	}
}
