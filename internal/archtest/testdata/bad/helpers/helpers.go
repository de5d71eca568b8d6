// Package helpers does everything wrong.
package helpers

import (
	"context"
	"time"
)

func init() {
	_ = context.Background()
	time.Sleep(time.Second)
}
