package compose

import (
	"fmt"
	"strings"
	"testing"
)

// manyServices are n services such as a machine has, each after the one before.
func manyServices(n int) string {
	var text strings.Builder
	text.WriteString("rancher:\n  services:\n    docker: {image: ros/docker, labels: {io.rancher.os.scope: system}}\n")
	before := "docker"
	for i := range n - 1 {
		fmt.Fprintf(&text, `    svc%04d:
      image: registry.example/app:${TAG:-1}
      command: serve --port 80
      net: host
      environment: {A: "1", B: "2", C: }
      labels:
        io.rancher.os.scope: system
        io.rancher.os.after: %s
      volumes: ["/var/log:/var/log", "/etc/hosts:/etc/hosts:ro"]
      ports: ["80:80"]
      log_driver: json-file
      log_opt: {max-size: 25m}
      restart: always
`, i, before)
		before = fmt.Sprintf("svc%04d", i)
	}
	return text.String()
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg := config(b, manyServices(n))
			for b.Loop() {
				if project, _ := Build(cfg, Options{}); len(project.Services) != n {
					b.Fatalf("%d services", len(project.Services))
				}
			}
		})
	}
}

func BenchmarkOrder(b *testing.B) {
	project, _ := Build(config(b, manyServices(1000)), Options{})
	for b.Loop() {
		project.Order()
	}
}
