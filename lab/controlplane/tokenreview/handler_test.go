package tokenreview

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func review(t *testing.T, token string) authenticationv1.TokenReview {
	t.Helper()
	verifier := newVerifier()
	lookup := verifier.Keys
	verifier.Keys = func(id string) (string, Caller, bool) {
		secret, caller, ok := lookup(id)
		caller.Groups = []string{"system:masters"}
		return secret, caller, ok
	}
	body, err := json.Marshal(authenticationv1.TokenReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenReview"},
		Spec:     authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{"aud"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	handler := &Handler{Verifier: verifier, Log: slog.New(slog.DiscardHandler)}
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/tokenreview", bytes.NewReader(body)))
	if recorder.Code != http.StatusOK {
		t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
	}
	var answer authenticationv1.TokenReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(recorder.Body.String(), token) {
		t.Error("the answer repeats the token")
	}
	return answer
}

func TestReviewOfAGoodToken(t *testing.T) {
	answer := review(t, claim{}.token(t))
	if !answer.Status.Authenticated || answer.Kind != "TokenReview" {
		t.Fatalf("answer %+v", answer)
	}
	user := answer.Status.User
	if user.Username != "arn:aws:iam::111122223333:user/lab" || len(user.Groups) != 1 || user.Groups[0] != "system:masters" {
		t.Errorf("user %+v", user)
	}
	if len(answer.Status.Audiences) != 1 || answer.Status.Audiences[0] != "aud" {
		t.Errorf("audiences %v", answer.Status.Audiences)
	}
}

func TestReviewOfABadTokenSaysWhy(t *testing.T) {
	answer := review(t, claim{cluster: "green"}.token(t))
	if answer.Status.Authenticated || answer.Status.User.Username != "" || answer.Status.Error == "" {
		t.Errorf("answer %+v", answer.Status)
	}
}

func TestReviewOfNonsense(t *testing.T) {
	recorder := httptest.NewRecorder()
	handler := &Handler{Verifier: newVerifier(), Log: slog.New(slog.DiscardHandler)}
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/tokenreview", strings.NewReader("{")))
	if recorder.Code != http.StatusBadRequest {
		t.Errorf("status %d", recorder.Code)
	}
}
