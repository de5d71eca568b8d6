// Package lang holds the functions of the configuration language: all that Terraform 1.11 has, by the same names and
// with the same results. go-cty and go-cty-funcs give most of them; the rest is here.
package lang
