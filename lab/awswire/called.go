package awswire

import (
	"strings"
	"time"
)

// Call is one request that was answered.
type Call struct {
	Time      time.Time `json:"time"`
	Client    string    `json:"client"`    // see ClientName
	Service   string    `json:"service"`   // empty when nobody can tell
	Operation string    `json:"operation"` // empty when nobody can tell
	Code      string    `json:"code"`      // of the error, empty for success
	RequestID string    `json:"requestID"`
}

// parts of user agents that say how a client is built and not which one it is.
var builtWith = []string{"aws-sdk-", "aws-cli", "Botocore", "Boto3", "ua", "os", "lang", "md", "api", "exec-env", "m", "cfg", "ft", "Python", "awscrt"}

// ClientName is who a user agent says it is: the application's name if it gives
// one, the product that is not a part of an SDK, else the first product.
func ClientName(userAgent string) string {
	first, product := "", ""
	for word := range strings.FieldsSeq(userAgent) {
		name, rest, _ := strings.Cut(word, "/")
		if name == "app" && rest != "" {
			application, _, _ := strings.Cut(rest, "/")
			return application
		}
		if strings.ContainsAny(word, "()[];") {
			continue
		}
		if first == "" {
			first = name
		}
		if product == "" && !isBuildPart(name) {
			product = name
		}
	}
	if product != "" && !strings.HasPrefix(first, "aws-cli") {
		return product
	}
	return first
}

func isBuildPart(name string) bool {
	for _, part := range builtWith {
		if name == part || (strings.HasSuffix(part, "-") && strings.HasPrefix(name, part)) {
			return true
		}
	}
	return false
}
