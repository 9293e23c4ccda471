package tokenreview

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"
)

const maxReviewBytes = 1 << 20

// Handler is the webhook that the API server asks about each bearer token it
// does not know itself.
type Handler struct {
	Verifier *Verifier
	// Identify finds who a caller is in the cluster. Without it a caller's name
	// is its ARN, and its groups are those that come with its key.
	Identify Identify
	Log      *slog.Logger
}

// Identify is the user and the groups of a caller in the cluster. The error says
// that it is nobody there.
type Identify func(context.Context, Caller) (user string, groups []string, err error)

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review authenticationv1.TokenReview
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReviewBytes)).Decode(&review); err != nil {
		http.Error(w, fmt.Sprintf("the body is not a TokenReview: %v", err), http.StatusBadRequest)
		return
	}
	user, err := h.authenticate(r.Context(), review.Spec.Token)
	if err != nil {
		h.Log.Info("refused a bearer token", "reason", err)
		review.Status = authenticationv1.TokenReviewStatus{Error: err.Error()}
	} else {
		review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: user, Audiences: review.Spec.Audiences}
	}
	review.Spec = authenticationv1.TokenReviewSpec{}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		h.Log.Warn("cannot answer a token review", "error", err)
	}
}

func (h *Handler) authenticate(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
	caller, err := h.Verifier.Verify(ctx, token)
	if err != nil || h.Identify == nil {
		return userInfo(caller), err
	}
	info := userInfo(caller)
	info.Username, info.Groups, err = h.Identify(ctx, caller)
	return info, err
}

// userInfo carries the fields that EKS sets for an IAM caller.
func userInfo(caller Caller) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{
		Username: caller.ARN,
		UID:      "aws-iam-authenticator:" + caller.Account + ":" + caller.UserID,
		Groups:   caller.Groups,
		Extra: map[string]authenticationv1.ExtraValue{
			"arn":          {caller.ARN},
			"canonicalArn": {caller.ARN},
			"principalId":  {caller.UserID},
		},
	}
}
