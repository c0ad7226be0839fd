// A container runtime that runs nothing: it answers crictl with what a file says, so that the real crictl can be asked for every
// format and every mistake of one and the same node.
//
//	runtime SOCKET NODE.json LOGS
//
// NODE.json holds crictl's own JSON of a node (`ps -a`, `pods`, `images`, `inspect`, ...); times in it are moved so that its `now`
// is the present. LOGS is the directory that stands for /var/log/pods.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type whole struct {
	Info   json.RawMessage
	Status json.RawMessage
}

type node struct {
	Now        time.Time
	Version    json.RawMessage
	Containers json.RawMessage
	Pods       json.RawMessage
	Images     json.RawMessage
	Inspect    []whole
	Inspectp   []whole
	Inspecti   []whole
	Info       map[string]json.RawMessage
	Stats      json.RawMessage
	Statsp     json.RawMessage
	FileSystem struct{ Status json.RawMessage }
}

type runtime struct {
	cri.UnimplementedRuntimeServiceServer
	cri.UnimplementedImageServiceServer
	node node
	logs string
}

var (
	stamp = regexp.MustCompile(`"(createdAt|startedAt|finishedAt)": *"([^"]*)"`)
	nanos = regexp.MustCompile(`"(createdAt|startedAt|finishedAt|timestamp)": *"(\d{19})"`)
)

// read fills a message with JSON whose times are moved to now.
func (r *runtime) read(text json.RawMessage, message proto.Message) {
	whole := stamp.ReplaceAllStringFunc(string(text), func(match string) string {
		parts := stamp.FindStringSubmatch(match)
		at, err := time.Parse(time.RFC3339Nano, parts[2])
		if err != nil {
			return match
		}
		if at.Year() < 1980 {
			return fmt.Sprintf("%q: \"0\"", parts[1])
		}
		return fmt.Sprintf("%q: \"%d\"", parts[1], at.UnixNano())
	})
	whole = nanos.ReplaceAllStringFunc(whole, func(match string) string {
		parts := nanos.FindStringSubmatch(match)
		at, _ := strconv.ParseInt(parts[2], 10, 64)
		return fmt.Sprintf("%q: \"%d\"", parts[1], at+int64(time.Since(r.node.Now)))
	})
	whole = strings.ReplaceAll(whole, `"/var/log/pods/`, `"`+r.logs+"/")
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal([]byte(whole), message); err != nil {
		fmt.Fprintln(os.Stderr, err, whole)
		os.Exit(1)
	}
}

func has(labels, wanted map[string]string) bool {
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return true
}

func (r *runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	out := &cri.VersionResponse{}
	r.read(r.node.Version, out)
	return out, nil
}

func (r *runtime) ListContainers(_ context.Context, in *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	all, out, wanted := &cri.ListContainersResponse{}, &cri.ListContainersResponse{}, in.GetFilter()
	r.read(r.node.Containers, all)
	for _, one := range all.Containers {
		if strings.HasPrefix(one.Id, wanted.GetId()) && strings.HasPrefix(one.PodSandboxId, wanted.GetPodSandboxId()) &&
			(wanted.GetState() == nil || wanted.State.State == one.State) && has(one.Labels, wanted.GetLabelSelector()) {
			out.Containers = append(out.Containers, one)
		}
	}
	return out, nil
}

func (r *runtime) ListPodSandbox(_ context.Context, in *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	all, out, wanted := &cri.ListPodSandboxResponse{}, &cri.ListPodSandboxResponse{}, in.GetFilter()
	r.read(r.node.Pods, all)
	for _, one := range all.Items {
		if strings.HasPrefix(one.Id, wanted.GetId()) && (wanted.GetState() == nil || wanted.State.State == one.State) &&
			has(one.Labels, wanted.GetLabelSelector()) {
			out.Items = append(out.Items, one)
		}
	}
	return out, nil
}

func info(text json.RawMessage, verbose bool) map[string]string {
	if !verbose || len(text) == 0 {
		return nil
	}
	return map[string]string{"info": string(text)}
}

func (r *runtime) ContainerStatus(_ context.Context, in *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	for _, one := range r.node.Inspect {
		found := &cri.ContainerStatus{}
		r.read(one.Status, found)
		if strings.HasPrefix(found.Id, in.ContainerId) {
			return &cri.ContainerStatusResponse{Status: found, Info: info(one.Info, in.Verbose)}, nil
		}
	}
	return nil, status.Errorf(codes.NotFound, "an error occurred when try to find container %q: not found", in.ContainerId)
}

func (r *runtime) PodSandboxStatus(_ context.Context, in *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	for _, one := range r.node.Inspectp {
		found := &cri.PodSandboxStatus{}
		r.read(one.Status, found)
		if strings.HasPrefix(found.Id, in.PodSandboxId) {
			return &cri.PodSandboxStatusResponse{Status: found, Info: info(one.Info, in.Verbose)}, nil
		}
	}
	return nil, status.Errorf(codes.NotFound, "an error occurred when try to find sandbox: not found")
}

func (r *runtime) Status(_ context.Context, in *cri.StatusRequest) (*cri.StatusResponse, error) {
	out := &cri.StatusResponse{Status: &cri.RuntimeStatus{}}
	r.read(r.node.Info["status"], out.Status)
	if in.Verbose {
		out.Info = map[string]string{}
		for key, value := range r.node.Info {
			if key != "status" {
				out.Info[key] = string(value)
			}
		}
	}
	return out, nil
}

func (r *runtime) ListContainerStats(_ context.Context, in *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	all, out, wanted := &cri.ListContainerStatsResponse{}, &cri.ListContainerStatsResponse{}, in.GetFilter()
	r.read(r.node.Stats, all)
	pods := &cri.ListContainersResponse{}
	r.read(r.node.Containers, pods)
	of := map[string]string{}
	for _, one := range pods.Containers {
		of[one.Id] = one.PodSandboxId
	}
	for _, one := range all.Stats {
		id := one.Attributes.Id
		if strings.HasPrefix(id, wanted.GetId()) && strings.HasPrefix(of[id], wanted.GetPodSandboxId()) &&
			has(one.Attributes.Labels, wanted.GetLabelSelector()) {
			out.Stats = append(out.Stats, one)
		}
	}
	return out, nil
}

func (r *runtime) ListPodSandboxStats(_ context.Context, in *cri.ListPodSandboxStatsRequest) (*cri.ListPodSandboxStatsResponse, error) {
	all, out, wanted := &cri.ListPodSandboxStatsResponse{}, &cri.ListPodSandboxStatsResponse{}, in.GetFilter()
	r.read(r.node.Statsp, all)
	for _, one := range all.Stats {
		if strings.HasPrefix(one.Attributes.Id, wanted.GetId()) && has(one.Attributes.Labels, wanted.GetLabelSelector()) {
			out.Stats = append(out.Stats, one)
		}
	}
	return out, nil
}

func (r *runtime) ListImages(_ context.Context, in *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	out := &cri.ListImagesResponse{}
	r.read(r.node.Images, out)
	return out, nil
}

func (r *runtime) ImageStatus(_ context.Context, in *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	wanted := in.GetImage().GetImage()
	for _, one := range r.node.Inspecti {
		found := &cri.Image{}
		r.read(one.Status, found)
		id := strings.TrimPrefix(found.Id, "sha256:")
		named := len(wanted) > 4 && strings.HasPrefix(id, strings.TrimPrefix(wanted, "sha256:"))
		for _, tag := range found.RepoTags {
			named = named || tag == wanted
		}
		if named {
			return &cri.ImageStatusResponse{Image: found, Info: info(one.Info, in.Verbose)}, nil
		}
	}
	return &cri.ImageStatusResponse{}, nil
}

func (r *runtime) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	out := &cri.ImageFsInfoResponse{}
	r.read(r.node.FileSystem.Status, out)
	return out, nil
}

func missing(id string) error {
	return status.Errorf(codes.NotFound, "an error occurred when try to find container %q: not found", id)
}

func (r *runtime) StartContainer(_ context.Context, in *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	return nil, missing(in.ContainerId)
}

func (r *runtime) StopContainer(_ context.Context, in *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	return nil, missing(in.ContainerId)
}

func (r *runtime) StopPodSandbox(_ context.Context, in *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	return nil, status.Errorf(codes.NotFound, "an error occurred when try to find sandbox %q: not found", in.PodSandboxId)
}

func (r *runtime) Exec(_ context.Context, in *cri.ExecRequest) (*cri.ExecResponse, error) {
	return nil, status.Errorf(codes.NotFound, "failed to find container %q in store: not found", in.ContainerId)
}

func (r *runtime) ExecSync(_ context.Context, in *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	return nil, status.Errorf(codes.NotFound, "failed to exec in container: failed to find container %q in store: not found", in.ContainerId)
}

func (r *runtime) Attach(_ context.Context, in *cri.AttachRequest) (*cri.AttachResponse, error) {
	return nil, status.Errorf(codes.NotFound, "failed to find container in store: not found")
}

func (r *runtime) PortForward(_ context.Context, in *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	return nil, status.Errorf(codes.NotFound, "failed to find sandbox %q: not found", in.PodSandboxId)
}

func main() {
	text, err := os.ReadFile(os.Args[2])
	r := &runtime{logs: os.Args[3]}
	if err == nil {
		err = json.Unmarshal(text, &r.node)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := grpc.NewServer()
	cri.RegisterRuntimeServiceServer(server, r)
	cri.RegisterImageServiceServer(server, r)
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
