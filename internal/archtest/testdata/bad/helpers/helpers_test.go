package helpers

import (
	"context"
	"time"
)

func init() {
	_ = context.Background()
	time.Sleep(1)
}
