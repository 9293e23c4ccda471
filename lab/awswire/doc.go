// Package awswire is the wire of the lab's AWS endpoint: an http.Handler that
// verifies Signature Version 4, routes by the service named in the credential
// scope, and carries requests to handlers whose signatures are the SDK's own:
//
//	func (b *Behaviour) CreateFleet(ctx context.Context, in *ec2.CreateFleetInput) (*ec2.CreateFleetOutput, error)
//
// A handler answers with the SDK's output type or with an [awserr.Error], which
// becomes the service's own error shape. Whatever is not served is refused with
// the error the service itself has for it, and counted: nothing answers 200 for
// work that was not done.
package awswire

//go:generate go run ./gen -out tables
