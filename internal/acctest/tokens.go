package acctest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The names by which a registry and its token service know each other.
const (
	tokenService = "registry.test"
	tokenIssuer  = "tokens.test"
)

// TokenService gives out tokens for a registry, as the distribution specification says: to a GET with basic authentication,
// and to a POST with a password or a refresh token (OAuth2). A token is signed and allows what was asked for and its user may.
type TokenService struct {
	// URL is the realm.
	URL string

	key   *keyPair
	users map[string]TokenUser

	mu      sync.Mutex
	granted []string
}

// TokenUser is someone the service knows.
type TokenUser struct {
	// Password lets in with the user's name; Refresh, the identity token, without. Empty ones do not.
	Password, Refresh string
	// Actions are what the user may do in any repository: pull, push, delete.
	Actions []string
	// OnlyGET refuses OAuth2, as services older than it do.
	OnlyGET bool
}

// NewTokenService starts a service that knows these users by name; the one with the empty name is everybody.
func NewTokenService(tb testing.TB, users map[string]TokenUser) *TokenService {
	tb.Helper()
	key, err := newKeyPair(tokenIssuer, nil)
	if err != nil {
		tb.Fatal(err)
	}
	s := &TokenService{key: key, users: users}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(server.Close)
	s.URL = server.URL + "/token"
	return s
}

// Granted returns what tokens were given for since it was last asked: "user: repository:team/app:pull".
func (s *TokenService) Granted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	granted := s.granted
	s.granted = nil
	return granted
}

func (s *TokenService) serve(w http.ResponseWriter, r *http.Request) {
	name, user, ok := s.login(r)
	if err := r.ParseForm(); err != nil || !ok || r.Form.Get("service") != tokenService {
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"details": "incorrect username or password"})
		return
	}
	var access []scope
	for _, asked := range strings.Fields(strings.Join(r.Form["scope"], " ")) {
		parts := strings.Split(asked, ":")
		if len(parts) != 3 {
			http.Error(w, "scope "+asked, http.StatusBadRequest)
			return
		}
		may := slices.DeleteFunc(strings.Split(parts[2], ","), func(action string) bool { return !slices.Contains(user.Actions, action) })
		access = append(access, scope{Type: parts[0], Name: parts[1], Actions: may})
		s.mu.Lock()
		s.granted = append(s.granted, name+": "+parts[0]+":"+parts[1]+":"+strings.Join(may, ","))
		s.mu.Unlock()
	}
	token, err := s.sign(name, access)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "access_token": token, "expires_in": 300, "refresh_token": user.Refresh})
}

// login says who asks for a token.
func (s *TokenService) login(r *http.Request) (string, TokenUser, bool) {
	name, password, basic := r.BasicAuth()
	switch {
	case r.Method != http.MethodPost:
		user, known := s.users[name]
		return name, user, known && (name == "" && !basic || user.Password != "" && user.Password == password)
	case r.PostFormValue("grant_type") == "password":
		name = r.PostFormValue("username")
		user := s.users[name]
		return name, user, !user.OnlyGET && user.Password != "" && user.Password == r.PostFormValue("password")
	}
	for name, user := range s.users {
		if user.Refresh != "" && user.Refresh == r.PostFormValue("refresh_token") {
			return name, user, r.PostFormValue("grant_type") == "refresh_token"
		}
	}
	return "", TokenUser{}, false
}

// scope is what a token allows.
type scope struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// sign makes a JSON web token that names its key by the certificate.
func (s *TokenService) sign(user string, access []scope) (string, error) {
	encode := func(v any) string {
		raw, _ := json.Marshal(v) // of texts and numbers
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	now := time.Now()
	text := encode(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(s.key.der)}}) + "." + encode(map[string]any{
		"iss": tokenIssuer, "sub": user, "aud": tokenService, "jti": rand.Text(), "access": access,
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	})
	sum := sha256.Sum256([]byte(text))
	x, y, err := ecdsa.Sign(rand.Reader, s.key.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	x.FillBytes(signature[:32])
	y.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
