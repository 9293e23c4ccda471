package awswire

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/jsonwire"
	"github.com/drover-project/drover/lab/awswire/shape"
)

// awsJSON is the protocol of SSM and Pricing: a POST of JSON that names its
// operation in X-Amz-Target.
type awsJSON struct{ table *shape.Service }

func (p awsJSON) contentType() string {
	return "application/x-amz-" + strings.Replace(string(p.table.Protocol), "json", "json-", 1)
}

func (p awsJSON) operation(req *request) (string, *awserr.Error) {
	target := req.http.Header.Get("X-Amz-Target")
	name, ok := strings.CutPrefix(target, p.table.Namespace+".")
	if _, known := p.table.Operations[name]; !ok || !known {
		return "", jsonDialect().noSuch(target, p.table.Version)
	}
	return name, nil
}

func (p awsJSON) decode(req *request, _ string, in reflect.Value) *shape.Fault {
	return jsonwire.Decode(p.table, req.body, in)
}

func (p awsJSON) encode(_ string, out reflect.Value, _ string) (*response, error) {
	body, err := jsonwire.Encode(p.table, out)
	if err != nil {
		return nil, err
	}
	return respond(200, p.contentType(), body), nil
}

func (p awsJSON) failure(err *awserr.Error, _ string) *response {
	status := statusOf(err, p.table)
	answer := respond(status, p.contentType(), jsonError(err))
	if len(p.table.QueryCodes) > 0 {
		// Clients know these errors by the codes of the query protocol.
		answer.header["X-Amzn-Query-Error"] = queryCode(err.Code, p.table) + ";" + blame(status)
	}
	return answer
}

func jsonError(err *awserr.Error) []byte {
	// Two strings always marshal.
	body, _ := json.Marshal(map[string]string{"__type": err.Code, "message": err.Message})
	return body
}
