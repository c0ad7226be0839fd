// Informers of client-go against the server of a kubeconfig: what they are told of while objects come, change and go.
//
// Prints a line for each step that held, and fails at the first that does not.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/retry"
)

const (
	namespace = "default"
	limit     = 60 * time.Second
)

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// until waits for a named condition.
func until(ctx context.Context, what string, holds func() bool) {
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, limit, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		check(fmt.Errorf("%s: %w", what, err))
	}
	fmt.Println("ok:", what)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	config := must(clientcmd.BuildConfigFromFlags("", os.Args[1]))
	config.QPS, config.Burst = 1000, 1000
	if len(os.Args) > 2 {
		config.ContentType = os.Args[2]
	}
	client := must(kubernetes.NewForConfig(config))
	typed(ctx, client)
	untyped(ctx, client, must(dynamic.NewForConfig(config)), must(metadata.NewForConfig(config)))
	lists(ctx, client)
	leader(ctx, client)
}

// typed follows config maps with a shared informer, its lister and an index.
func typed(ctx context.Context, client kubernetes.Interface) {
	maps := client.CoreV1().ConfigMaps(namespace)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = "informed=yes" }))
	informer := factory.Core().V1().ConfigMaps()
	seen := make(chan string, 100)
	must(informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { seen <- "add " + o.(*corev1.ConfigMap).Name },
		UpdateFunc: func(_, o any) { seen <- "update " + o.(*corev1.ConfigMap).Name + " " + o.(*corev1.ConfigMap).Data["k"] },
		DeleteFunc: func(o any) { seen <- "delete " + o.(*corev1.ConfigMap).Name },
	}))
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			check(fmt.Errorf("%v is not synced", kind))
		}
	}
	fmt.Println("ok: the informer is synced")
	expect := func(what string) {
		select {
		case got := <-seen:
			if got != what {
				check(fmt.Errorf("the informer saw %q, not %q", got, what))
			}
			fmt.Println("ok: the informer saw", what)
		case <-time.After(limit):
			check(fmt.Errorf("the informer did not see %q", what))
		}
	}
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "seen", Labels: map[string]string{"informed": "yes"}}}
	must(maps.Create(ctx, object, metav1.CreateOptions{}))
	expect("add seen")
	check(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := maps.Get(ctx, "seen", metav1.GetOptions{})
		if err != nil {
			return err
		}
		current.Data = map[string]string{"k": "1"}
		_, err = maps.Update(ctx, current, metav1.UpdateOptions{})
		return err
	}))
	expect("update seen 1")
	applied := applycorev1.ConfigMap("seen", namespace).WithData(map[string]string{"k": "2"})
	_, err := maps.Apply(ctx, applied, metav1.ApplyOptions{FieldManager: "go"})
	if !apierrors.IsConflict(err) {
		check(fmt.Errorf("an apply of another's field: %v", err))
	}
	must(maps.Apply(ctx, applied, metav1.ApplyOptions{FieldManager: "go", Force: true}))
	expect("update seen 2")
	cached := must(informer.Lister().ConfigMaps(namespace).List(labels.Everything()))
	if len(cached) != 1 || cached[0].Data["k"] != "2" {
		check(fmt.Errorf("the lister has %v", cached))
	}
	// What leaves the selection is gone for the informer.
	must(maps.Patch(ctx, "seen", types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/labels/informed"}]`), metav1.PatchOptions{}))
	expect("delete seen")
	check(maps.Delete(ctx, "seen", metav1.DeleteOptions{}))
	_, err = maps.Get(ctx, "seen", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		check(fmt.Errorf("a get of what is gone: %v", err))
	}
}

// untyped follows nodes with the dynamic and the metadata client.
func untyped(ctx context.Context, client kubernetes.Interface, objects dynamic.Interface, metas metadata.Interface) {
	nodes := schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	dynamics := dynamicinformer.NewDynamicSharedInformerFactory(objects, 0)
	metadatas := metadatainformer.NewSharedInformerFactory(metas, 0)
	all, only := dynamics.ForResource(nodes).Lister(), metadatas.ForResource(nodes).Lister()
	dynamics.Start(ctx.Done())
	metadatas.Start(ctx.Done())
	dynamics.WaitForCacheSync(ctx.Done())
	metadatas.WaitForCacheSync(ctx.Done())
	must(client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "followed"}}, metav1.CreateOptions{}))
	has := func(lister cache.GenericLister) func() bool {
		return func() bool { _, err := lister.Get("followed"); return err == nil }
	}
	until(ctx, "the dynamic informer has the node", has(all))
	until(ctx, "the metadata informer has the node", has(only))
	check(client.CoreV1().Nodes().Delete(ctx, "followed", metav1.DeleteOptions{}))
	until(ctx, "the dynamic informer has it no more", func() bool { return !has(all)() })
	until(ctx, "the metadata informer has it no more", func() bool { return !has(only)() })
}

// lists reads in pages, by field, and deletes all at once.
func lists(ctx context.Context, client kubernetes.Interface) {
	maps := client.CoreV1().ConfigMaps(namespace)
	for at := range 5 {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "page-", Labels: map[string]string{"page": fmt.Sprint(at)}}}
		must(maps.Create(ctx, object, metav1.CreateOptions{}))
	}
	found, token := 0, ""
	for {
		page := must(maps.List(ctx, metav1.ListOptions{LabelSelector: "page", Limit: 2, Continue: token}))
		found += len(page.Items)
		if token = page.Continue; token == "" {
			break
		}
	}
	if found != 5 {
		check(fmt.Errorf("%d objects in pages", found))
	}
	named := fields.OneTermEqualSelector("metadata.name", "nobody").String()
	if none := must(maps.List(ctx, metav1.ListOptions{FieldSelector: named})); len(none.Items) != 0 {
		check(fmt.Errorf("%d objects of a name that nobody has", len(none.Items)))
	}
	check(maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "page"}))
	until(ctx, "the collection is gone", func() bool {
		return len(must(maps.List(ctx, metav1.ListOptions{LabelSelector: "page"})).Items) == 0
	})
}

// renewed waits for the first renewal: one that is cut off on its way changes the lease all the same, and then it
// cannot be given back by who holds an older one.
func renewed(ctx context.Context, client kubernetes.Interface) {
	for {
		spec := must(client.CoordinationV1().Leases(namespace).Get(ctx, "led", metav1.GetOptions{})).Spec
		if spec.RenewTime.After(spec.AcquireTime.Time) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// leader gets a lease and gives it back.
func leader(ctx context.Context, client kubernetes.Interface) {
	ctx, end := context.WithCancel(ctx)
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: "led", Namespace: namespace},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: "go"},
	}
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: lock, ReleaseOnCancel: true,
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: time.Second,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { renewed(ctx, client); fmt.Println("ok: the lease is held"); end() },
			OnStoppedLeading: func() {},
		},
	})
	record := must(client.CoordinationV1().Leases(namespace).Get(context.Background(), "led", metav1.GetOptions{}))
	if record.Spec.HolderIdentity != nil && *record.Spec.HolderIdentity != "" {
		check(fmt.Errorf("the lease is still held by %s", *record.Spec.HolderIdentity))
	}
	fmt.Println("ok: the lease is given back")
}
