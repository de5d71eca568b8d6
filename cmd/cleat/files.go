package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// replaceFile writes a file whole or not at all: beside it, then under its name. A link stays one.
func replaceFile(name string, mode os.FileMode, write func(*os.File) error) error {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".cleat-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(file.Name()) // gone already when all went well
	if err := write(file); err != nil {
		file.Close()
		return err
	}
	if err := file.Chmod(mode); err != nil {
		file.Close()
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
