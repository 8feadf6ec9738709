// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net"
	"strconv"
)

// serviceLabel is on each slice of a service.
const serviceLabel = "kubernetes.io/service-name"

// defaultPort is that of the gossip.
const defaultPort = 7946

// sliceList is what is read of a list of EndpointSlices, discovery.k8s.io/v1.
type sliceList struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []endpointSlice `json:"items"`
}

type endpointSlice struct {
	Metadata struct {
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	AddressType string `json:"addressType"`
	Endpoints   []struct {
		Addresses  []string `json:"addresses"`
		Conditions struct {
			Terminating *bool `json:"terminating"`
		} `json:"conditions"`
	} `json:"endpoints"`
	Ports []struct {
		Name     *string `json:"name"`
		Port     *int32  `json:"port"`
		Protocol *string `json:"protocol"`
	} `json:"ports"`
}

// addresses are those of all endpoints that do not end just now. Slices of other services are left out, whoever put them there.
func (s Service) addresses(l sliceList) (addrs []string) {
	for _, slice := range l.Items {
		port := s.portOf(slice)
		if slice.Metadata.Labels[serviceLabel] != s.Name || port == "" {
			continue
		}
		for _, e := range slice.Endpoints {
			if t := e.Conditions.Terminating; t != nil && *t {
				continue
			}
			for _, a := range e.Addresses {
				if slice.AddressType == "FQDN" || net.ParseIP(a) != nil {
					addrs = append(addrs, net.JoinHostPort(a, port))
				}
			}
		}
	}
	return addrs
}

// portOf is the port of a slice's endpoints; "" if it has not the one that is wanted.
func (s Service) portOf(slice endpointSlice) string {
	if s.Port != 0 {
		return strconv.Itoa(int(s.Port))
	}
	var numbers []int32
	for _, p := range slice.Ports {
		if p.Port == nil || *p.Port <= 0 || *p.Port > 65535 || p.Protocol != nil && *p.Protocol != "TCP" {
			continue
		}
		if s.PortName == "" || p.Name != nil && *p.Name == s.PortName {
			numbers = append(numbers, *p.Port)
		}
	}
	switch {
	case len(numbers) == 1:
		return strconv.Itoa(int(numbers[0]))
	case s.PortName != "":
		return ""
	}
	return strconv.Itoa(defaultPort)
}
