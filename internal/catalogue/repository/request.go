package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ros-os/ros/internal/catalogue"
	"github.com/ros-os/ros/internal/pin"
)

// request asks once for a document, unless it is still the one of the old copy.
// It returns the copy that is right now.
func (f *Fetcher) request(ctx context.Context, ref pin.Ref, old catalogue.Copy) (catalogue.Copy, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ref.URL, nil)
	if err != nil {
		return old, permanentError{errors.New("it is no address")}
	}
	req.Header.Set("Accept", "application/yaml, text/yaml, text/plain, */*;q=0.5")
	req.Header.Set("User-Agent", "ros")
	asked := old.ETag != "" || old.Modified != ""
	if old.ETag != "" {
		req.Header.Set("If-None-Match", old.ETag)
	}
	if old.Modified != "" {
		req.Header.Set("If-Modified-Since", old.Modified)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return old, plain(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && asked:
		old.Checked = time.Now().UTC()
		return old, nil
	case resp.StatusCode != http.StatusOK:
		return old, statusError(resp.StatusCode)
	}
	return receive(ref, resp)
}

// receive reads the document that a server sends.
func receive(ref pin.Ref, resp *http.Response) (catalogue.Copy, error) {
	text, err := io.ReadAll(io.LimitReader(resp.Body, catalogue.MaxSize+1))
	switch {
	case err != nil:
		return catalogue.Copy{}, fmt.Errorf("it broke off after %d bytes: %w", len(text), plain(err))
	case len(text) > catalogue.MaxSize:
		return catalogue.Copy{}, permanentError{fmt.Errorf("it is larger than %d bytes", catalogue.MaxSize)}
	case isPage(text):
		return catalogue.Copy{}, errors.New("a web page came instead (does the network ask for a login?)")
	}
	p := catalogue.NewCopy(ref.URL, text, time.Now())
	p.ETag, p.Modified = validator(resp, "ETag"), lastModified(resp)
	if !ref.Accepts(p.SHA256) {
		return catalogue.Copy{}, permanentError{fmt.Errorf("its SHA-256 is %s, and not %s as it is pinned", p.SHA256, ref.SHA256)}
	}
	return p, nil
}

// validator is a header that says which version came; one that is absurdly long
// is not worth keeping.
func validator(resp *http.Response, name string) string {
	if v := resp.Header.Get(name); len(v) <= 512 {
		return v
	}
	return ""
}

// lastModified is the header of that name, where it says which version came: what
// has changed just now may change once more within the same second.
func lastModified(resp *http.Response) string {
	v := validator(resp, "Last-Modified")
	modified, err := http.ParseTime(v)
	date, noDate := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || noDate != nil || date.Sub(modified) < time.Minute {
		return ""
	}
	return v
}

// isPage says whether a text is for a browser.
func isPage(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(text), []byte("<!")) || strings.HasPrefix(http.DetectContentType(text), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(text), []byte("<?xml"))
}

// statusError is an answer that is not the document.
func statusError(code int) error {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
	switch {
	case code == http.StatusNotFound || code == http.StatusGone:
		return permanentError{errAbsent}
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		return fmt.Errorf("the server answers %s", text)
	}
	return permanentError{fmt.Errorf("the server answers %s", text)}
}

// plain is an error without the address, which is told beside it, and may hold a
// password.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return errors.New("it takes too long")
	}
	return err
}
