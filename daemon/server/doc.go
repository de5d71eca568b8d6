// Package server is the daemon's HTTP server: listeners, versions, routing, limits, and the form of every answer and
// error. It knows no container.
//
// # For authors of handlers
//
// A package daemon/routes/<noun> exports a table:
//
//	func Routes(b Backend) []server.Route {
//		h := handlers{b}
//		return []server.Route{
//			{Method: "GET", Path: "/things/{id}/json", Handle: h.inspect, Doc: "Inspect a thing"},
//			{Method: "GET", Path: "/things/{id}/watch", Handle: h.watch, Endless: true, Doc: "Watch a thing"},
//		}
//	}
//
//	func (h handlers) inspect(w http.ResponseWriter, r *server.Request) error {
//		thing, err := h.backend.Inspect(r.Context(), r.Var("id"))
//		if err != nil {
//			return err // its class, package api/errs, is the status
//		}
//		return server.JSON(w, r, http.StatusOK, thing)
//	}
//
// Handlers see the newest form of query and body and answer in the newest form; api/codec holds what differs and the
// server applies it. A handler that behaves differently for older clients asks [Request.Trait].
//
// An error returned before anything was written becomes a status and a body in the form of the client's version. After
// [MessageStream.Send] it becomes the stream's last object; after other output the connection is cut, so that the
// client sees that the answer is not whole.
//
// A test serves its routes with fakes: New(Config{Routes: Routes(fake)}) is an http.Handler for net/http/httptest.
package server
