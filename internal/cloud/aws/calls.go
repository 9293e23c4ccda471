package aws

import (
	"context"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// reportCalls adds a middleware behind the SDK's retries, so that every attempt
// is heard of: attempts are what EC2 throttles.
func reportCalls(onCall func(service, operation string, took time.Duration, err error)) func(*middleware.Stack) error {
	report := middleware.FinalizeMiddlewareFunc("ReportCalls", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		start := time.Now()
		out, metadata, err := next.HandleFinalize(ctx, in)
		onCall(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx), time.Since(start), err)
		return out, metadata, err
	})
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(report, "Retry", middleware.After)
	}
}
