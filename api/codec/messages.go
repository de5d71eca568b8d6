package codec

import (
	"fmt"
	"strings"
)

// Messages are the objects of a progress stream: of pulls, pushes and what is inserted into an image.
var Messages = &Shape{Name: "messages", Kind: Stream, Steps: []Step{
	{Since: v1(6), What: "the id has a field of its own", Down: foldID},
	{Since: v1(8), What: "progress and errors in detail", Up: liftDetail, Down: lowerDetail},
}}

// foldID writes what a message is about before what happens.
func foldID(o Object) {
	if id := text(o, "id"); id != "" && o["status"] != nil {
		o["status"] = id + ": " + text(o, "status")
	}
	delete(o, "id")
}

func liftDetail(o Object) {
	if message := text(o, "error"); message != "" && o["errorDetail"] == nil {
		o["errorDetail"] = Object{"message": message}
	}
}

// lowerDetail leaves the text of a progress, as those engines wrote it: "1/2 (50.00%)", and "1/? (n/a)" where the whole
// is not known. A result for programs was not sent at all.
func lowerDetail(o Object) {
	if detail := object(o, "progressDetail"); detail != nil {
		delete(o, "progress")
		switch current, total := integer(detail["current"]), integer(detail["total"]); {
		case total > 0:
			o["progress"] = fmt.Sprintf("%d/%d (%.2f%%)", current, total, float64(current)/float64(total)*100)
		case current > 0:
			o["progress"] = fmt.Sprintf("%d/? (n/a)", current)
		}
	}
	if detail := object(o, "errorDetail"); detail != nil && text(o, "error") == "" {
		o["error"] = text(detail, "message")
	}
	remove("progressDetail", "errorDetail", "aux")(o)
	if status, ok := o["status"].(string); ok {
		o["status"] = strings.TrimRight(status, "\r\n")
	}
}
