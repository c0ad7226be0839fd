//! Clients that others wrote, against the sandbox: kube-rs watchers and reflectors, client-go informers (`tests/clients/go`), and
//! the Python client (`tests/clients/python`). Where one is not there (`hack/clients.sh`), that is said on one line.

#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use serde_json::json;

use cks_lab::release::RELEASES;

use crate::apiserver::{Fixture, start_release};
use crate::program::text;
use crate::realserver::write_kubeconfigs;

const LIMIT: Duration = Duration::from_secs(60);

async fn kube_client(dir: &Path) -> kube::Client {
    let kubeconfig = Kubeconfig::read_from(dir.join("admin.conf")).unwrap();
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

/// A server of each release, one after the other.
async fn on_each<F: Future>(act: impl Fn(&'static str, Fixture) -> F) {
    for release in &RELEASES {
        let server = start_release(release, &[]).await;
        write_kubeconfigs(server.dir.path(), server.port);
        act(release.git_version, server).await;
    }
}

/// Follows config maps while they come, change and go, with a reflector in the way that the configuration says.
async fn reflected(client: kube::Client, name: &str, config: watcher::Config) {
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let (store, writer) = reflector::store();
    let followed = reflector(writer, watcher(maps.clone(), config.labels("reflected"))).default_backoff();
    let mut changes = pin!(followed.touched_objects());
    let map = |value: &str| -> ConfigMap {
        serde_json::from_value(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"reflected": "x"}}, "data": {"k": value}}),
        )
        .unwrap()
    };
    let mut next = async |what: &str| {
        let next = tokio::time::timeout(LIMIT, changes.try_next()).await;
        next.unwrap_or_else(|_| panic!("nothing came: {what}")).unwrap().unwrap()
    };
    maps.create(&PostParams::default(), &map("1")).await.unwrap();
    assert_eq!(next("made").await.metadata.name.as_deref(), Some(name));
    let applied = Patch::Apply(map("2"));
    let refused = maps.patch(name, &PatchParams::apply("kube"), &applied).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 409), "{refused}");
    maps.patch(name, &PatchParams::apply("kube").force(), &applied).await.unwrap();
    assert_eq!(next("applied").await.data.unwrap()["k"], "2");
    let kept = store.state();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].data.as_ref().unwrap()["k"], "2");
    maps.delete(name, &DeleteParams::default()).await.unwrap();
    next("deleted").await;
    assert!(store.state().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: bash .ci/run runs it"]
async fn kube_reflectors_follow_what_happens() {
    on_each(async |version, server| {
        let client = kube_client(server.dir.path()).await;
        reflected(client.clone(), "listed", watcher::Config::default()).await;
        reflected(client.clone(), "paged", watcher::Config::default().page_size(1)).await;
        // WatchList is a feature of later releases.
        if version != "v1.31.0" {
            reflected(client, "streamed", watcher::Config::default().streaming_lists()).await;
        }
        println!("{version}: kube-rs follows");
        server.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: bash .ci/run runs it"]
async fn a_kube_watcher_goes_on_where_it_was() {
    on_each(async |_, server| {
        let client = kube_client(server.dir.path()).await;
        let maps: Api<ConfigMap> = Api::namespaced(client, "default");
        // Each watch ends after a second; what came meanwhile is told all the same.
        let mut changes =
            pin!(watcher(maps.clone(), watcher::Config::default().timeout(1)).applied_objects());
        for n in 0..8 {
            let name = format!("n{n}");
            let map = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
            maps.create(&PostParams::default(), &map).await.unwrap();
            let seen = async {
                while changes.next().await.unwrap().unwrap().metadata.name.as_deref() != Some(&*name) {}
                if n % 4 == 3 {
                    // Over the end of a watch.
                    let _ = tokio::time::timeout(Duration::from_millis(1500), changes.next()).await;
                }
            };
            tokio::time::timeout(LIMIT, seen).await.expect("it is told of");
        }
        server.server.stop().await;
    })
    .await;
}

/// Where `hack/clients.sh` puts the clients.
fn made(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("cks-lab/clients").join(name)).filter(|path| path.exists())
}

/// Runs a client to its end; gives how many of its steps held.
async fn steps(mut command: Command) -> usize {
    let output = tokio::task::spawn_blocking(move || command.env_remove("KUBECONFIG").output().unwrap())
        .await
        .unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    printed.lines().filter(|line| line.starts_with("ok: ")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: bash .ci/run runs it"]
async fn informers_of_client_go_follow_what_happens() {
    let Some(informers) = made("informers") else {
        println!("skipped: client-go: hack/clients.sh builds its program where Go is");
        return;
    };
    on_each(async |version, server| {
        for content in ["application/json", "application/vnd.kubernetes.protobuf"] {
            let mut command = Command::new(&informers);
            command.arg(server.dir.path().join("admin.conf")).arg(content);
            let held = steps(command).await;
            assert!(held >= 11, "{held}");
            println!("{version}: client-go with {content}: {held} steps");
        }
        server.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: bash .ci/run runs it"]
async fn the_python_client_works() {
    let Some(python) = made("python/bin/python") else {
        println!("skipped: the Python client: hack/clients.sh installs it where Python is");
        return;
    };
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python/main.py");
    on_each(async |version, server| {
        let mut command = Command::new(&python);
        command.arg(&program).arg(server.dir.path().join("admin.conf"));
        let held = steps(command).await;
        assert!(held >= 6, "{held}");
        println!("{version}: the Python client: {held} steps");
        server.server.stop().await;
    })
    .await;
}
