//go:build linux

package containers

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// strictName is what engines allow, looseName what the document of 1.18 does.
var (
	strictName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)
	looseName  = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

// maxName bounds a name: it becomes a host name in other containers' files.
const maxName = 255

// cleanName checks a name a client gave and takes its slash off.
func cleanName(name string, loose bool) (string, error) {
	bare := strings.TrimPrefix(name, "/")
	if len(bare) > maxName || (!strictName.MatchString(bare) && (!loose || !looseName.MatchString(bare))) {
		return "", invalid("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name)
	}
	return bare, nil
}

// newID returns a random id: 64 hexadecimal digits, not all decimal in the first twelve, which would make a host name
// that looks like a number.
func newID() string {
	for {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw) // never fails: crypto/rand ends the program instead
		id := hex.EncodeToString(raw)
		if strings.ContainsAny(id[:12], "abcdef") {
			return id
		}
	}
}

// Words of random names: what a ship and its moorings are like, and what they are made of.
var (
	adjectives = strings.Fields("able agile amber ample aft bold brave brisk calm clear coiled copper crisp deft dry eager early easy even fair fast " +
		"firm fleet fond forward frank free fresh gentle glad golden good grand green handy hardy hearty honest keen kind level light lively " +
		"lucky merry mild neat nimble noble oaken patient plain proud quick quiet ready rigged sober solid sound spare stanch steady stout " +
		"sunny sure swift taut tidy trim true trusty upright vast warm watchful whole wide windward wise young")
	nouns = strings.Fields("anchor ballast barge beacon beam belay bight block boom bosun bow bridge brig buoy cabin cable capstan chain chart clipper compass " +
		"cutter davit deck dinghy dock dory fathom fender fid foghorn frigate gaff galley gangway gunwale halyard hatch hawser helm hull " +
		"jetty jib keel ketch knot lanyard lantern launch leeward lighthouse line lock log mast mooring oar outrigger painter pennant pier " +
		"pilot piling port prow pulley quay rigging rope rudder sail schooner sextant shackle sheet skiff sloop spar stern swell tackle " +
		"tide tiller topsail transom trawler tugboat wake wharf winch yard yawl")
)

// randomName proposes a name; from the fourth try on with a number, so that it ends on any host.
func randomName(try int) string {
	name := pick(adjectives) + "_" + pick(nouns)
	if try > 3 {
		name = fmt.Sprintf("%s%d", name, number(1_000_000))
	}
	return name
}

func pick(words []string) string { return words[number(len(words))] }

func number(below int) int {
	n, _ := rand.Int(rand.Reader, big.NewInt(int64(below))) // below is positive, and the reader never fails
	return int(n.Int64())
}
