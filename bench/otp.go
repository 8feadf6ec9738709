// SPDX-License-Identifier: Apache-2.0

package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed erlang/*.erl
var erlangSources embed.FS

// missingErlang tells what is not there of what the Erlang side needs.
func missingErlang() (reason string) {
	for _, tool := range []string{"erl", "erlc", "epmd"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "no " + tool + " on this machine"
		}
	}
	return ""
}

// compileErlang compiles the Erlang side into dir.
func compileErlang(dir string) error {
	files, err := fs.Glob(erlangSources, "erlang/*.erl")
	if err != nil {
		return err
	}
	args := []string{"-o", dir, "-W", "-Werror"}
	for _, f := range files {
		text, err := erlangSources.ReadFile(f)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.Base(f))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
		args = append(args, path)
	}
	if out, err := exec.Command("erlc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("erlc: %w: %s", err, out)
	}
	return nil
}

// otpVersion is Erlang's release and emulator version.
func otpVersion() string {
	const ask = `io:format("OTP ~s, erts ~s, ~p schedulers, ~p",[erlang:system_info(otp_release),` +
		`erlang:system_info(version),erlang:system_info(schedulers),erlang:system_info(emu_flavor)]),halt().`
	out, err := exec.Command("erl", "-noshell", "-eval", ask).Output()
	if err != nil {
		return "none: " + err.Error()
	}
	return strings.TrimSpace(string(out))
}
