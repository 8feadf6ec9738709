// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keyFile is where a run leaves what another program of the same user needs to ask something of it.
const keyFile = "page.json"

// key is its content: the page's address and token.
type key struct{ URL, Token string }

// ErrNoDemo says that there is no run to add a node to.
var ErrNoDemo = errors.New("no demo with a status page is running here: start one with banyan demo")

func leaveKey(dir, url, token string) error {
	b, err := json.Marshal(key{url, token})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, keyFile), b, 0o600)
}

// Add asks the run that was started last on this machine, by this user, for one more node, and says which it is. ErrNoDemo if there is
// none.
func Add(ctx context.Context) (string, error) {
	files, err := filepath.Glob(filepath.Join(os.TempDir(), "banyan-demo-*", keyFile))
	if err != nil {
		return "", err
	}
	began := func(file string) time.Time {
		if info, err := os.Stat(file); err == nil {
			return info.ModTime()
		}
		return time.Time{}
	}
	slices.SortFunc(files, func(a, b string) int { return began(b).Compare(began(a)) })
	for _, file := range files {
		b, err := os.ReadFile(file)
		var k key
		if err != nil || json.Unmarshal(b, &k) != nil {
			continue // it has just ended
		}
		what, err := k.add(ctx)
		var gone *url.Error
		if errors.As(err, &gone) && ctx.Err() == nil {
			continue // what a run left behind that was killed
		}
		return what, err
	}
	return "", ErrNoDemo
}

func (k key) add(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body := strings.NewReader(url.Values{"token": {k.Token}}.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, k.URL+"add", body)
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", k.URL, strings.TrimSpace(string(text)))
	}
	return strings.TrimSpace(string(text)), nil
}
