package tokenreview

import (
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
	Log      *slog.Logger
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review authenticationv1.TokenReview
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReviewBytes)).Decode(&review); err != nil {
		http.Error(w, fmt.Sprintf("the body is not a TokenReview: %v", err), http.StatusBadRequest)
		return
	}
	caller, err := h.Verifier.Verify(r.Context(), review.Spec.Token)
	if err != nil {
		h.Log.Info("refused a bearer token", "reason", err)
		review.Status = authenticationv1.TokenReviewStatus{Error: err.Error()}
	} else {
		review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: userInfo(caller), Audiences: review.Spec.Audiences}
	}
	review.Spec = authenticationv1.TokenReviewSpec{}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		h.Log.Warn("cannot answer a token review", "error", err)
	}
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
