package lang_test

import "strings"

// expressions are evaluated here and by Terraform; every deterministic function is among them. Those that must fail
// end in "!!".
func expressions() []string {
	return strings.Split(strings.TrimSpace(`
abs(-12.5)
alltrue(["true", true])
alltrue([true, null])
alltrue([])
anytrue([])
anytrue([false, true])
base64decode("aGVsbG8=")
base64decode("/w==")!!
base64decode("***")!!
base64encode("héllo")
base64gzip("hello hello hello")
base64sha256("x")
base64sha512("x")
basename("a/b/c.txt")
can(tonumber("x"))
can(1)
ceil(1.1)
chomp("a\r\n\n")
chunklist([1,2,3,4,5], 2)
cidrhost("10.12.112.0/20", 268)
cidrhost("fd00:fd12:3456:7890:00a2::/72", 34)
cidrhost("10.0.0.0/8", -1)
cidrnetmask("172.16.0.0/12")
cidrnetmask("fd00::/72")!!
cidrsubnet("172.16.0.0/12", 4, 2)
cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)
cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)
coalesce("", "b")
coalesce(null, 1, "x")
coalesce("", null)!!
coalescelist([], ["c"])
compact(["a", "", "b", null])
concat(["a"], [1], [])
contains(["a", "b"], "b")
contains([1], "x")
csvdecode("a,b\n1,2\n3,\"x,y\"\n")
dirname("a/b/c.txt")
distinct(["a", "b", "a"])
element(["a", "b", "c"], 4)
element(tolist(["a", "b", "c"]), -1)
element([], 0)!!
endswith("hello", "lo")
file("a.txt")
file("missing.txt")!!
file("bin")!!
filebase64("bin")
filebase64sha256("a.txt")
filebase64sha512("a.txt")
fileexists("a.txt")
fileexists("nope")
fileexists("sub")!!
filemd5("a.txt")
fileset(".", "**/*.txt")
fileset("sub", "*")
fileset("sub", "**")
fileset(".", "nothing*")
fileset(".", "{a,b}.txt")
filesha1("a.txt")
filesha256("bin")
filesha512("a.txt")
flatten([["a", ["b"]], [], ["c"]])
floor(-1.5)
format("%s-%03d-%.2f-%q-%v-%t-%#v", "a", 7, 1.234, "q", [1], true, {a = 1})
format("%d", "x")!!
formatdate("DD MMM YYYY hh:mm ZZZ EEEE", "2018-01-02T23:12:01Z")
formatlist("%s=%s", ["a", "b"], "c")
indent(2, "a\nb\n")
index(["a", "b"], "b")
index(["a"], "z")!!
index([], "z")!!
issensitive(sensitive(1))
issensitive("x")
join("-", ["a", "b"], ["c"])
jsondecode("{\"a\": [1, true, null, \"x\"]}")
jsondecode("{")!!
jsonencode({a = [1, null, "<&>"], b = 1.5, c = true})
keys({b = 1, a = 2})
length("héé")
length([1, 2])
length({a = 1})
length(toset(["a", "a"]))
length(5)!!
log(16, 2)
lookup({a = "x"}, "a", "d")
lookup({a = "x"}, "b", "d")
lookup({a = "x", c = 1}, "b", "d")
lookup(tomap({a = 1}), "z", 5)
lookup({a = "x"}, "b")!!
lookup([1], "b", 1)!!
lower("HÉ")
matchkeys(["a", "b", "c"], ["x", "y", "x"], ["x"])
matchkeys(["a"], ["x", "y"], ["x"])!!
max(1, 5, 3)
max([1, 2]...)
md5("x")
merge({a = 1}, {b = 2}, {a = "z"})
merge({a = 1}, null)
min(4, 2)
nonsensitive(sensitive("a"))
nonsensitive("a")
one([])
one(["a"])
one(toset(["a"]))
one(["a", "b"])!!
parseint("FF", 16)
parseint("zz", 10)!!
pathexpand("/x")
pow(2, 10)
range(3)
range(10, 0, -3)
range(1, 2, 0.25)
regex("[a-z]+", "123abc")
regex("(?P<n>\\d+)-(?P<m>\\w+)", "12-ab")
regex("x", "abc")!!
regexall("[a-z]", "1a2b")
replace("1 + 2 + 3", "+", "-")
replace("hello", "/l+/", "L")
replace("hello world", "/(\\w+) (\\w+)/", "$2 $1")
replace("a", "/(/", "x")!!
reverse([1, 2, 3])
rsadecrypt("x", "y")!!
setintersection(["a", "b"], ["b", "c"])
setproduct(["a", "b"], [1, 2])
setsubtract(["a", "b"], ["b"])
setunion(["a"], ["b"])
sha1("x")
sha256("x")
sha512("x")
signum(-3)
slice(["a", "b", "c"], 1, 3)
sort(["b", "a", "C"])
split(",", "a,b,,c")
startswith("hello", "he")
strcontains("hello", "ell")
strrev("héllo")
substr("hello", 1, 3)
substr("hello", -3, -1)
sum([1, 2.5, "3"])
sum([])!!
sum(["x"])!!
sum({a = 1})!!
templatefile("t.tpl", {names = ["x", "y"]})
templatefile("t.tpl", {})!!
templatefile("missing.tpl", {})!!
textdecodebase64("aABpAA==", "UTF-16LE")
textencodebase64("hi", "UTF-16LE")
textencodebase64("hi", "no-such")!!
timeadd("2017-11-22T00:00:00Z", "10m")
timecmp("2017-11-22T01:00:00Z", "2017-11-22T00:00:00-01:00")
timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00Z")
timecmp("x", "2017-11-22T01:00:00Z")!!
title("hello world")
tobool("true")
tobool("yes")!!
tolist(toset(["b", "a"]))
tolist(["a", 1])
tomap({a = 1, b = "x"})
tonumber("12.5")
tonumber("x")!!
toset(["b", "a", "b"])
tostring(1.50)
tostring(true)
tostring([])!!
tostring(null)
transpose({a = ["1", "2"], b = ["2"]})
trim("?!hello?!", "!?")
trimprefix("hello", "he")
trimspace(" \n x\t")
trimsuffix("hello", "lo")
try(tonumber("x"), 5)
try(tonumber("x"))!!
upper("hé")
urlencode("a b&c=ü/")
uuidv5("dns", "www.example.com")
values({b = 1, a = 2})
yamldecode("a: 1\nb: [true, null, x]\n")
yamldecode("{a: *x}")!!
yamlencode({a = [1, "x", null], b = {c = true}})
zipmap(["a", "b"], [1, 2])
core::upper("x")
templatestring("x", {})!!
`), "\n")
}
