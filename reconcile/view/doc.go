// Package view prints what the commands of cleat compute: for people, or with -json for programs. Commands compute,
// views print; nothing here decides anything or reaches an engine.
//
// Every command has one interface (Plan, Apply, Show …) with an implementation for people and one for programs. What
// a command is asked for goes to [Terminal.Out]; diagnostics for people go to [Terminal.Err]. Sensitive values are
// masked in both forms, with two exceptions in which somebody asks for them by name: cleat output NAME, and cleat
// output -json.
//
// # JSON lines
//
// plan, apply, destroy, show and explain write one JSON object a line to the standard output, in the manner of
// Terraform's machine-readable UI. Types and fields are only ever added; a reader passes over what it does not know.
// Every line has @level (info, warn, error), @message (for people), @module (cleat.ui), @timestamp (RFC 3339, UTC)
// and type. The types:
//
//	version           cleat, ui: the program's and the format's version; always the first line of plan, apply, destroy
//	planned_change    change: one object something happens to
//	resource_drift    change: the same of a refresh-only plan
//	change_summary    changes: add, change, replace, remove, import, forget, operation (plan, apply, destroy);
//	                  of an apply also elapsed_seconds, and when it is incomplete failed and not_tried (addresses)
//	outputs           outputs: name -> sensitive, action (create, update, delete, no-op; of plans), type (of applies), value
//	plan_saved        file
//	refresh_…         hook: as apply_…, while a plan is made
//	apply_start       hook: resource, action, host
//	apply_progress    hook: also phase, message, current, total, elapsed_seconds; at most one a second and object
//	apply_complete    hook: also id_key, id_value, elapsed_seconds
//	apply_errored     hook: also error, elapsed_seconds
//	apply_skipped     hook: not tried, because something it needs failed or the apply was interrupted
//	interrupted       again: false when nothing new is started, true when the program ends at once
//	cancelled         the plan was not agreed to
//	diagnostic        diagnostic: severity, summary, detail, range, snippet as in Terraform
//	object            resource, values (of show)
//	explanation       change, id, engine, recorded (names of attributes), existed, needs, needed_by (of explain)
//	adopted           change: what the next apply does, id (of adopt)
//
// A change has resource (addr, module, resource, resource_type, resource_name, resource_key), action (create, update,
// replace, delete, forget, read, no-op), reason, host, declared (filename, line), previous_resource of a moved object,
// importing of an adopted one, deposed (the id of an object an interrupted replacement left behind), existed (what is
// declared was there before and is not removed with it), create_before_destroy of a replacement, after_unknown (names known as a whole only
// after apply); of a creation after (its values), else changes, each with path, before, after, effect (update,
// replace), cause (configuration, drift, image, build context), reason, after_unknown, sensitive. A sensitive value is
// the string "(sensitive value)", an unknown one null.
//
// cleat validate -json writes one object in the form of terraform validate -json, cleat output -json one in the form
// of terraform output -json.
package view
