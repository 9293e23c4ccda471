package aws

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/smithy-go"

	"github.com/drover-project/drover/internal/cloud"
)

// errorCode is the service's code, empty when err did not come from a service.
func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// What EC2's and IAM's error codes mean here, see
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
const (
	codeTemplateMissing = "InvalidLaunchTemplateName.NotFoundException"
	codeTemplateExists  = "InvalidLaunchTemplateName.AlreadyExistsException"
	codeTokenReused     = "IdempotentParameterMismatch"
	codeNoSpotRole      = "AuthFailure.ServiceLinkedRoleCreationNotPermitted"
	codeNoAddresses     = "InsufficientFreeAddressesInSubnet"
)

// isCapacityCode reports whether a code of CreateFleet means that a pool cannot
// be bought from now, and that another pool or a later time may do: no machines,
// no addresses, or a limit of the account.
func isCapacityCode(code string) bool {
	switch code {
	case "InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity",
		"InsufficientCapacity", "UnfulfillableCapacity", "Unsupported", "ReservationCapacityExceeded",
		"MaxSpotInstanceCountExceeded", "MaxFleetCountExceeded", "VcpuLimitExceeded", "InstanceLimitExceeded",
		"SpotMaxPriceTooLow", codeNoAddresses, codeNoSpotRole:
		return true
	}
	return false
}

// isNotFoundCode reports whether a code means that the thing named is gone.
func isNotFoundCode(code string) bool {
	switch code {
	case "InvalidInstanceID.NotFound", codeTemplateMissing,
		"InvalidLaunchTemplateId.NotFound", "NoSuchEntity", "NoSuchEntityException", "ParameterNotFound",
		"ParameterVersionNotFound", "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable":
		return true
	}
	return false
}

// isRetryableCode reports whether waiting helps: throttling, EC2's own faults,
// credentials about to be renewed.
func isRetryableCode(code string) bool {
	switch code {
	case "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
		"EC2ThrottledException", "Client.RequestLimitExceeded", "InternalError", "InternalFailure", "ServerInternal",
		"Unavailable", "ServiceUnavailable", "RequestExpired", "ExpiredToken", "ExpiredTokenException", "ConcurrentModification",
		codeTokenReused:
		return true
	}
	return false
}

// terminalPrefixes begin the codes of requests that are refused however often
// they are made: missing permission and wrong parameters.
var terminalPrefixes = []string{
	"UnauthorizedOperation", "AccessDenied", "AuthFailure", "InvalidClientTokenId", "UnrecognizedClient",
	"SignatureDoesNotMatch", "OptInRequired", "Blocked", "PendingVerification",
	"Invalid", "Malformed", "Missing", "Unknown", "Validation", "OperationNotPermitted", "LimitExceeded",
	"EncryptedVolumesNotSupported", "VolumeTypeNotAvailableInZone", "NoSuchEntity",
}

// classify gives an error of a service its meaning for the caller: not found,
// terminal until a person changes something, or (the rest) worth a retry.
func classify(err error, doing string) error {
	if err == nil {
		return nil
	}
	code := errorCode(err)
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if isTerminalCode(code) {
		return &cloud.TerminalError{Reason: reasonOf(code), Err: wrapped}
	}
	return wrapped
}

func isTerminalCode(code string) bool {
	if code == "" || isRetryableCode(code) || isCapacityCode(code) {
		return false
	}
	return slices.ContainsFunc(terminalPrefixes, func(prefix string) bool { return strings.HasPrefix(code, prefix) })
}

// reasonOf turns a code such as InvalidAMIID.NotFound into a CamelCase word.
func reasonOf(code string) string {
	var word strings.Builder
	start := true
	for _, letter := range code {
		if !unicode.IsLetter(letter) && !unicode.IsDigit(letter) {
			start = true
			continue
		}
		if start {
			letter = unicode.ToUpper(letter)
		}
		start = false
		word.WriteRune(letter)
	}
	return word.String()
}
