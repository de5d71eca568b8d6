package api

import _ "github.com/cleat-dev/cleat/client"
