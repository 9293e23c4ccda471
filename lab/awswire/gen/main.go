// Command gen writes the codec tables of lab/awswire/shape from the source of
// the AWS SDK modules that go.mod selects. Run it with go generate in
// lab/awswire; it reads the module cache only and its output depends on the
// module versions only. To serve another service, add it to sources and make it a
// requirement of lab/go.mod.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// source is a service whose table is generated. Namespace is the one fact that
// the SDK's Go source does not hold for the XML protocols; the values are those
// of the services' public answers.
type source struct {
	name      string
	protocol  shape.Protocol
	namespace string
	// module is the SDK's name of the service when it differs.
	module string
	// older marks the protocol that a service spoke before JSON and still
	// speaks: the SDK's schemas keep its names.
	older bool
}

func sources() []source {
	return []source{
		{name: "ec2", protocol: shape.EC2Query, namespace: "http://ec2.amazonaws.com/doc/2016-11-15/"},
		{name: "iam", protocol: shape.Query, namespace: "https://iam.amazonaws.com/doc/2010-05-08/"},
		{name: "sts", protocol: shape.Query, namespace: "https://sts.amazonaws.com/doc/2011-06-15/"},
		{name: "autoscaling", protocol: shape.Query, namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/"},
		{name: "cloudformation", protocol: shape.Query, namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/"},
		{name: "eks", protocol: shape.RESTJSON},
		{name: "events", protocol: shape.JSON11, module: "eventbridge"},
		{name: "sqs", protocol: shape.JSON10},
		{name: "sqsquery", protocol: shape.Query, namespace: "http://queue.amazonaws.com/doc/2012-11-05/", module: "sqs", older: true},
		{name: "ssm", protocol: shape.JSON11},
		{name: "pricing", protocol: shape.JSON11},
	}
}

func main() {
	out := flag.String("out", "tables", "directory to write the tables to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	var written []*table
	for _, src := range sources() {
		t, err := generate(src)
		if err != nil {
			return fmt.Errorf("%s: %w", src.name, err)
		}
		file := filepath.Join(dir, "zz_generated_"+src.name+".go")
		if err := os.WriteFile(file, t.goSource(), 0o644); err != nil {
			return err
		}
		written = append(written, t)
	}
	index, err := indexSource(written)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "zz_generated.go"), index, 0o644)
}

func generate(src source) (*table, error) {
	pkg, err := load(src)
	if err != nil {
		return nil, err
	}
	t := newTable(src, pkg)
	switch {
	case !src.older && (src.protocol == shape.EC2Query || src.protocol == shape.Query):
		err = t.fromSerializers()
	default:
		err = t.fromSchemas()
	}
	if err != nil {
		return nil, err
	}
	t.markRequired()
	return t, t.check()
}
