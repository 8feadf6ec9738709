// SPDX-License-Identifier: Apache-2.0

// Package kubernetes finds the nodes of a cluster among the endpoints of a Kubernetes service.
//
//	cfg.Listen, cfg.Advertise = "0.0.0.0:7946", os.Getenv("POD_IP")
//	cfg.Discovery = []cluster.Discovery{kubernetes.Service{Name: "shop", PortName: "gossip"}}
//
// It reads the service's EndpointSlices from the API server with the pod's service account, which needs the verb list on endpointslices of
// the group discovery.k8s.io. Make the service headless, with publishNotReadyAddresses, so that nodes find each other before they are
// ready; what is not ready is tried like all others.
//
// What the API server says only ever adds addresses to try: a pod that is not listed any more stays a member for as long as it is one, and
// an answer that is empty, partial, wrong or of another service changes nothing. Tested against answers that were written by hand after the description of the API, not against a real API server.
//
// # Concurrency
//
// A Service holds no state; it may be shared.
//
// # Guarantees
//
// At most 8 MiB of an answer and 16 pages of 500 slices are read. Redirects are not followed, so the token goes nowhere else.
//
// # Not guaranteed
//
// That a pod is found at once: the list is read every five seconds.
//
// # Costs
//
// A request every five seconds, answered from the API server's cache. No dependency but the standard library.
package kubernetes
