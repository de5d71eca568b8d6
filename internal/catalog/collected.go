package catalog

import "errors"

// collected is a list in the making of which some may not come about.
type collected[T any] struct {
	all    []T
	failed []error
}

func (c *collected[T]) add(one T, err error) {
	if err != nil {
		c.failed = append(c.failed, err)
		return
	}
	c.all = append(c.all, one)
}

// result is the list, and why it lacks what it lacks.
func (c *collected[T]) result() ([]T, error) { return c.all, errors.Join(c.failed...) }
