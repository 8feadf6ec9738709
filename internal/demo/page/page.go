// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed page.html
var source string

// Server serves the page.
type Server struct {
	look  func() View
	act   Actions
	http  *http.Server
	addr  string
	token string
	tmpl  *template.Template

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	err    error // of serving; read after wg
}

// each is how often a page that somebody looks at is brought up to date.
const each = 300 * time.Millisecond

// maxViewers bounds the pages that are kept up to date at once.
const maxViewers = 16

// Actions are what the page's buttons do. They are called from the goroutines of requests.
type Actions struct {
	Kill func(short string) error        // ends a node
	Add  func() (what string, err error) // starts one more, and says which
}

// Start listens at addr and serves until Close. look says what to show.
func Start(addr string, look func() View, act Actions) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("the status page: %w: give another address with --http, or none with --http \"\"", err)
	}
	s := &Server{look: look, act: act, addr: l.Addr().String(), token: rand.Text()}
	s.tmpl = template.Must(template.New("page").Funcs(template.FuncMap{
		"size": Size, "speed": Speed, "clock": Clock}).Parse(source))
	s.ctx, s.cancel = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /live", s.live(make(chan struct{}, maxViewers)))
	mux.HandleFunc("POST /kill", s.action(func(r *http.Request) (string, error) { return "", s.act.Kill(r.PostFormValue("node")) }))
	mux.HandleFunc("POST /add", s.action(func(*http.Request) (string, error) { return s.act.Add() }))
	s.http = &http.Server{Handler: s.guard(mux), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return s.ctx }}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		s.err = s.http.Serve(l)
	}()
	return s, nil
}

// URL is the page's address.
func (s *Server) URL() string { return "http://" + s.addr + "/" }

// Token is what a request must hold that kills or adds a node.
func (s *Server) Token() string { return s.token }

// Close ends all requests and waits for them.
func (s *Server) Close() error {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.wg.Wait()
	if s.err != nil && s.err != http.ErrServerClosed {
		return s.err
	}
	return err
}

// guard refuses requests that came under another name: a web site whose name was pointed at this machine.
func (s *Server) guard(h http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(s.addr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != s.addr && r.Host != "localhost:"+port {
			http.Error(w, "this page is at "+s.URL(), http.StatusForbidden)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Referrer-Policy", "no-referrer")
		h.ServeHTTP(w, r)
	})
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	err := s.tmpl.ExecuteTemplate(&b, "page", struct {
		View
		Token string
	}{s.look(), s.token})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the viewer may have gone
}

// live sends the changing part of the page again and again. seats bounds the viewers.
func (s *Server) live(seats chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case seats <- struct{}{}:
			defer func() { <-seats }()
		default:
			http.Error(w, "too many pages are open: close one", http.StatusServiceUnavailable)
			return
		}
		flush, ok := w.(http.Flusher)
		if !ok {
			http.Error(w, "no streaming", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		t := time.NewTicker(each)
		defer t.Stop()
		for {
			var b bytes.Buffer
			if err := s.tmpl.ExecuteTemplate(&b, "live", s.look()); err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", strings.ReplaceAll(b.String(), "\n", "\ndata: ")); err != nil {
				return
			}
			flush.Flush()
			select {
			case <-t.C:
			case <-r.Context().Done():
				return
			}
		}
	}
}

// action serves what a button does, for those who have the token.
func (s *Server) action(do func(*http.Request) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		if subtle.ConstantTimeCompare([]byte(r.PostFormValue("token")), []byte(s.token)) != 1 {
			http.Error(w, "the page is of another run: load it again", http.StatusForbidden)
			return
		}
		what, err := do(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		_, _ = fmt.Fprintln(w, what) // who asked may have gone
	}
}
