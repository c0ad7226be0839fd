// Reads pairs of pod specs, one JSON object with `old` and `new` a line, and adds how a release tells their difference.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
)

func spec(raw json.RawMessage) core.PodSpec {
	var wire v1.PodSpec
	var internal core.PodSpec
	if err := json.Unmarshal(raw, &wire); err != nil {
		panic(err)
	}
	if err := corev1.Convert_v1_PodSpec_To_core_PodSpec(&wire, &internal, nil); err != nil {
		panic(err)
	}
	return internal
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var pair map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &pair); err != nil {
			panic(err)
		}
		told := difference(spec(pair["old"]), spec(pair["new"]))
		if told == "" {
			continue
		}
		if err := out.Encode(map[string]any{"old": pair["old"], "new": pair["new"], "difference": told}); err != nil {
			panic(err)
		}
	}
}
