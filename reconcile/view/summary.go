package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/cleat-dev/cleat/reconcile/plan"
)

// planned is the summary line of a plan.
func planned(s plan.Summary) string {
	var parts []string
	if s.Adopt > 0 {
		parts = append(parts, fmt.Sprintf("%d to adopt", s.Adopt))
	}
	parts = append(parts,
		fmt.Sprintf("%d to add", s.Add), fmt.Sprintf("%d to change", s.Change),
		fmt.Sprintf("%d to replace", s.Replace), fmt.Sprintf("%d to destroy", s.Destroy))
	if s.Forget > 0 {
		parts = append(parts, fmt.Sprintf("%d to forget", s.Forget))
	}
	return "Plan: " + strings.Join(parts, ", ") + "."
}

// done is the summary of what was carried out, without a heading.
func done(s plan.Summary) string {
	var parts []string
	if s.Adopt > 0 {
		parts = append(parts, fmt.Sprintf("%d adopted", s.Adopt))
	}
	parts = append(parts,
		fmt.Sprintf("%d added", s.Add), fmt.Sprintf("%d changed", s.Change),
		fmt.Sprintf("%d replaced", s.Replace), fmt.Sprintf("%d destroyed", s.Destroy))
	if s.Forget > 0 {
		parts = append(parts, fmt.Sprintf("%d forgotten", s.Forget))
	}
	return strings.Join(parts, ", ")
}

func count(s plan.Summary) int {
	return s.Add + s.Change + s.Replace + s.Destroy + s.Forget
}

// seconds is a duration as people read it: 0.4s, 12s, 3m05s.
func seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	default:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
}

// plural is "1 object", "2 objects".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
