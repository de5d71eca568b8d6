package api

// contract12 are the sections of remote-api-v1.2.md. Its example of DELETE of an image says 200, its table 204: engines
// answered 200. 406 of create is about attaching; 204, 401 and 403 of auth are a registry's, see TestRegistry12.
var contract12 = []endpoint{
	{call: "GET /containers/json", parameters: "all limit since before", statuses: "200 400"},
	{call: "POST /containers/create", statuses: "201 404"},
	{call: "GET /containers/{id}/json", statuses: "200 404"},
	{call: "GET /containers/{id}/changes", statuses: "200 404"},
	{call: "GET /containers/{id}/export", statuses: "200 404"},
	{call: "POST /containers/{id}/start", statuses: "200 404 500"},
	{call: "POST /containers/{id}/stop", parameters: "t", statuses: "204 404"},
	{call: "POST /containers/{id}/restart", parameters: "t", statuses: "204 404"},
	{call: "POST /containers/{id}/kill", statuses: "204 404"},
	{call: "POST /containers/{id}/attach", parameters: "logs stream stdout stderr stdin", statuses: "200 400 404"},
	{call: "GET /containers/{id}/attach/ws", goTest: "TestSocket12"},
	{call: "POST /containers/{id}/wait", statuses: "200 404"},
	{call: "DELETE /containers/{id}", parameters: "v", statuses: "204 404 500"},
	{call: "GET /images/json", parameters: "all", statuses: "200 400"},
	{call: "GET /images/viz", statuses: "200"},
	{call: "POST /images/create", parameters: "fromImage fromSrc repo tag registry", statuses: "200"},
	{call: "POST /images/{name}/insert", parameters: "url path", statuses: "200"},
	{call: "GET /images/{name}/json", statuses: "200 404"},
	{call: "GET /images/{name}/history", statuses: "200 404"},
	{call: "POST /images/{name}/push", goTest: "TestRegistry12"},
	{call: "POST /images/{name}/tag", parameters: "repo force tag", statuses: "201 400 404 409"},
	{call: "DELETE /images/{name}", statuses: "200 404 409"},
	{call: "GET /images/search", parameters: "term", statuses: "500"}, // 200 needs an index
	{call: "POST /build", parameters: "t remote", statuses: "200 500"},
	{call: "POST /auth", goTest: "TestRegistry12"},
	{call: "GET /info", statuses: "200"},
	{call: "GET /version", statuses: "200"},
	{call: "POST /commit", parameters: "container repo tag m author", statuses: "201 404"},
}
