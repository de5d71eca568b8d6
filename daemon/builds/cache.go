//go:build linux

package builds

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/daemon/metadata"
)

// cache is the index from what a step is to the image it made. It may name images that are gone: who asks looks.
type cache struct {
	db    *metadata.DB
	table *metadata.Table[cached]

	mu     sync.Mutex
	images map[string]string // key -> image
	dirty  map[string]string // not in the table yet; "" for keys to be deleted
}

// cached is one record of the table.
type cached struct{ Image string }

func openCache(db *metadata.DB) (*cache, error) {
	table, err := metadata.NewTable[cached](db, "build-cache")
	if err != nil {
		return nil, fmt.Errorf("builds: %w", err)
	}
	records, err := table.All()
	if err != nil {
		return nil, fmt.Errorf("builds: %w", err)
	}
	c := &cache{db: db, table: table, images: make(map[string]string, len(records)), dirty: map[string]string{}}
	for key, r := range records {
		c.images[key] = r.Image
	}
	return c, nil
}

// cacheKey is what makes two steps the same: parent, platform, command and resulting configuration.
func cacheKey(parent, platform string, command []string, config *dockerspec.DockerOCIImageConfig) (string, error) {
	raw, err := json.Marshal(struct {
		Parent, Platform string
		Command          []string
		Config           *dockerspec.DockerOCIImageConfig
	}{parent, platform, command, config}) // maps come sorted
	if err != nil {
		return "", fmt.Errorf("build cache: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// get returns the image of a step, "" when there is none.
func (c *cache) get(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.images[key]
}

// put remembers the image of a step; "" forgets it.
func (c *cache) put(key, image string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty[key] = image
	if image == "" {
		delete(c.images, key)
	} else {
		c.images[key] = image
	}
}

// save writes what changed, in one transaction.
func (c *cache) save() error {
	c.mu.Lock()
	dirty := c.dirty
	c.dirty = map[string]string{}
	c.mu.Unlock()
	if len(dirty) == 0 {
		return nil
	}
	err := c.db.Update(func(tx *metadata.Tx) error {
		for key, image := range dirty {
			if image == "" {
				if err := c.table.DeleteIn(tx, key); err != nil {
					return err
				}
			} else if err := c.table.PutIn(tx, key, cached{image}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("build cache: %w", err)
	}
	return nil
}

// prune forgets the images that are gone.
func (c *cache) prune(there func(image string) bool) error {
	c.mu.Lock()
	known := map[string]bool{}
	for key, image := range c.images {
		alive, asked := known[image]
		if !asked {
			alive = there(image)
			known[image] = alive
		}
		if !alive {
			delete(c.images, key)
			c.dirty[key] = ""
		}
	}
	c.mu.Unlock()
	return c.save()
}
