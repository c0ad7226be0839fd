"""The Python client against the server of a kubeconfig: objects come, change and go, and a watch tells of it.

Prints a line for each step that held, and fails at the first that does not.
"""

import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

NAMESPACE = "default"
LIMIT = 60


def ok(what):
    print("ok:", what, flush=True)


def refused(status, act):
    try:
        act()
    except ApiException as error:
        assert error.status == status, error
        return error
    raise AssertionError(f"nobody answered {status}")


def watched(core):
    """A watch from now on, in a thread of its own; it ends at the deletion."""
    begins = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    seen = []

    def follow():
        stream = watch.Watch()
        for event in stream.stream(
            core.list_namespaced_config_map, NAMESPACE, resource_version=begins, timeout_seconds=LIMIT
        ):
            seen.append((event["type"], event["object"].metadata.name))
            if event["type"] == "DELETED":
                stream.stop()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread, seen


def main():
    config.load_kube_config(sys.argv[1])
    core = client.CoreV1Api()
    assert client.VersionApi().get_code().major == "1"
    thread, seen = watched(core)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="python"), data={"k": "1"})
    made = core.create_namespaced_config_map(NAMESPACE, body)
    assert made.metadata.uid and made.data == {"k": "1"}, made
    conflict = refused(409, lambda: core.create_namespaced_config_map(NAMESPACE, body))
    assert 'already exists' in conflict.body, conflict.body
    ok("an object is made once")
    changed = core.patch_namespaced_config_map("python", NAMESPACE, {"data": {"k": None, "l": "2"}})
    assert changed.data == {"l": "2"}, changed
    changed.data["m"] = "3"
    assert core.replace_namespaced_config_map("python", NAMESPACE, changed).data == {"l": "2", "m": "3"}
    refused(409, lambda: core.replace_namespaced_config_map("python", NAMESPACE, changed))
    ok("an object is patched and replaced")
    bad = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="Not_A_Name"))
    refused(422, lambda: core.create_namespaced_config_map(NAMESPACE, bad))
    refused(404, lambda: core.read_namespaced_config_map("nobody", NAMESPACE))
    ok("what is wrong is refused")
    core.delete_namespaced_config_map("python", NAMESPACE)
    thread.join(LIMIT)
    own = [kind for kind, name in seen if name == "python"]
    assert own == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"], seen
    ok("the watch told of it")
    nodes = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="Node")
    nodes.server_side_apply(
        body={"apiVersion": "v1", "kind": "Node", "metadata": {"name": "python", "labels": {"a": "b"}}},
        field_manager="python",
    )
    found = nodes.get(label_selector="a=b")
    assert [node.metadata.name for node in found.items] == ["python"], found
    nodes.delete(name="python", body={})
    ok("the dynamic client applies and finds")
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(
            resource_attributes=client.V1ResourceAttributes(verb="get", resource="nodes")
        )
    )
    assert client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed
    ok("the access review is answered")


main()
