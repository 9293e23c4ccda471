package awswire

import (
	"cmp"
	"maps"
	"reflect"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/formwire"
	"github.com/drover-project/drover/lab/awswire/shape"
	"github.com/drover-project/drover/lab/awswire/xmlwire"
)

const xmlType = "text/xml;charset=UTF-8"

// awsQuery is the protocol of IAM, STS, Auto Scaling and CloudFormation.
type awsQuery struct{ table *shape.Service }

func (p awsQuery) operation(req *request) (string, *awserr.Error) {
	return actionOf(req, p.table, queryDialect())
}

func (p awsQuery) decode(req *request, _ string, in reflect.Value) *shape.Fault {
	if fault := decodeForm(req, p.table, in); fault != nil {
		return fault
	}
	addressed(req, in)
	return nil
}

// addressed takes the queue of a request from its path: the query protocol of
// SQS sends requests to the queue's URL, which they need not name again.
func addressed(req *request, in reflect.Value) {
	queue := in.FieldByName("QueueUrl")
	if path := req.http.URL.Path; queue.IsValid() && queue.IsZero() && strings.Count(path, "/") > 1 {
		queue.Set(reflect.ValueOf(&path))
	}
}

func (p awsQuery) encode(operation string, out reflect.Value, requestID string) (*response, error) {
	var w xmlwire.Writer
	w.Start(operation+"Response", p.table.Namespace)
	if result := p.table.Operations[operation].Result; result != "" {
		w.Start(result, "")
		w.Encode(p.table, out)
		w.End(result)
	}
	w.Start("ResponseMetadata", "")
	w.Text("RequestId", requestID)
	w.End("ResponseMetadata")
	w.End(operation + "Response")
	return respond(200, xmlType, w.Bytes()), nil
}

func (p awsQuery) failure(err *awserr.Error, requestID string) *response {
	var w xmlwire.Writer
	status := statusOf(err, p.table)
	w.Start("ErrorResponse", p.table.Namespace)
	w.Start("Error", "")
	w.Text("Type", blame(status))
	w.Text("Code", queryCode(err.Code, p.table))
	w.Text("Message", err.Message)
	w.End("Error")
	w.Text("RequestId", requestID)
	w.End("ErrorResponse")
	return respond(status, xmlType, w.Bytes())
}

// queryCode is an error's code in the query protocol, which differs for the
// services that speak JSON as well.
func queryCode(code string, table *shape.Service) string { return cmp.Or(table.QueryCodes[code], code) }

// blame says whose fault an error is.
func blame(status int) string {
	if status >= 500 {
		return "Receiver"
	}
	return "Sender"
}

// ec2Query is the protocol of EC2.
type ec2Query struct{ table *shape.Service }

func (p ec2Query) operation(req *request) (string, *awserr.Error) {
	return actionOf(req, p.table, ec2Dialect())
}

func (p ec2Query) decode(req *request, _ string, in reflect.Value) *shape.Fault {
	return decodeForm(req, p.table, in)
}

func (p ec2Query) encode(operation string, out reflect.Value, requestID string) (*response, error) {
	var w xmlwire.Writer
	w.Start(operation+"Response", p.table.Namespace)
	w.Text("requestId", requestID)
	w.Encode(p.table, out)
	w.End(operation + "Response")
	return respond(200, xmlType, w.Bytes()), nil
}

func (p ec2Query) failure(err *awserr.Error, requestID string) *response {
	var w xmlwire.Writer
	w.Start("Response", "")
	w.Start("Errors", "")
	w.Start("Error", "")
	w.Text("Code", err.Code)
	w.Text("Message", err.Message)
	w.End("Error")
	w.End("Errors")
	w.Text("RequestID", requestID)
	w.End("Response")
	return respond(statusOf(err, p.table), xmlType, w.Bytes())
}

// actionOf reads the Action parameter and holds Version against the table's.
func actionOf(req *request, table *shape.Service, d dialect) (string, *awserr.Error) {
	action, version := req.form.Get("Action"), req.form.Get("Version")
	if action == "" {
		return "", awserr.New("MissingAction", "The request must contain the parameter Action")
	}
	_, known := table.Operations[action]
	if !known || version != table.Version {
		return "", d.noSuch(action, version)
	}
	return action, nil
}

func decodeForm(req *request, table *shape.Service, in reflect.Value) *shape.Fault {
	parameters := maps.Clone(req.form)
	delete(parameters, "Action")
	delete(parameters, "Version")
	return formwire.Decode(table, parameters, in)
}
