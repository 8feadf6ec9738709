// SPDX-License-Identifier: Apache-2.0

package dist_test

import (
	"context"
	"log"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

// A node whose links are encrypted, and that holds one to a database wherever it is restarted.
func ExampleTLS() {
	transport := dist.New(dist.Config{
		Listen: "10.0.0.7:0",
		TLS:    &dist.TLS{CertFile: "shop.pem", KeyFile: "shop.key", CAFile: "ca.pem"}, // for 10.0.0.7
		Keep:   []banyan.Atom{"db@10.0.0.8"},
		Allow:  []banyan.Atom{"10.0.0.8", "admin@10.0.0.9"},
	})
	node, err := banyan.Start("shop@10.0.0.7", banyan.WithTransport(transport))
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
}
