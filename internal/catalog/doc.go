// Package catalog lists what both hosts offer: the resource types, the data sources and the provider block with its
// meaning for a connection. provider/ puts them behind Terraform's protocol, reconcile/ behind the cleat CLI.
//
// It is the one place a new type is added to. Nothing here knows which host asks.
package catalog
