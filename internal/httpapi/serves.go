package httpapi

import "net/http"

// Serves says whether a request is one of the mux's: also one whose path is and whose
// method is not, which is answered 405.
func Serves(mux *http.ServeMux, r *http.Request) bool {
	for _, method := range []string{r.Method, http.MethodGet, http.MethodPost} {
		asked := r.WithContext(r.Context()) // a shallow copy
		asked.Method = method
		if _, pattern := mux.Handler(asked); pattern != "" {
			return true
		}
	}
	return false
}
