// Package provider is the Terraform host: terraform-provider-docker.
//
// It contains no knowledge of any resource type. One shell puts every [contract.Resource] behind
// terraform-plugin-framework, another every data source; both are fed by the catalog, which also has the provider's
// own schema. Plans are the contract's: the framework's proposal is dropped whole, so both hosts of a type plan the
// same. State is what Terraform keeps; beside it the shell records in private state what was applied last, which
// tells a change of configuration from drift.
//
// main.go serves a [Provider]; nothing else calls this package.
package provider
