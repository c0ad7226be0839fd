//! etcd, as far as API servers notice it: it listens while it runs, and without it nothing works.
//!
//! Upstream: `etcd` 3.5 `server/etcdmain`, `k8s.io/apiserver` `pkg/storage/storagebackend/factory`.

use super::Program;
use crate::klog::{self, Severity};

/// Flags with a file that has to be there.
const FILES: [&str; 6] = [
    "--cert-file",
    "--key-file",
    "--trusted-ca-file",
    "--peer-cert-file",
    "--peer-key-file",
    "--peer-trusted-ca-file",
];

/// What an etcd 3.5 or 3.6 may be told, as its `--help` lists it, besides what begins with `--experimental-`.
const FLAGS: &str = include_str!("../../../../assets/etcd-flags.txt");

fn value<'a>(argv: &'a [String], flag: &str) -> Option<&'a str> {
    argv.iter().rev().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='))
}

/// Why an etcd with these arguments does not start: what it writes, and its exit status.
fn refusal(argv: &[String], is_there: impl Fn(&str) -> bool) -> Option<(String, i32)> {
    for word in argv.iter().skip(1).filter(|w| w.starts_with('-')) {
        let name = word.split('=').next().unwrap_or_default();
        let long = format!("--{}", name.trim_start_matches('-'));
        if !FLAGS.lines().any(|flag| flag == long) && !long.starts_with("--experimental-") {
            return Some((format!("flag provided but not defined: -{}", name.trim_start_matches('-')), 2));
        }
    }
    let missing = FILES.iter().filter_map(|flag| value(argv, flag)).find(|file| !is_there(file))?;
    Some((
        format!(
            "{{\"level\":\"fatal\",\"caller\":\"etcdmain/etcd.go:204\",\"msg\":\"discovery failed\",\"error\":\"open {missing}: no such file or directory\"}}"
        ),
        1,
    ))
}

/// What a starting etcd writes, the lines that tell most. Upstream: `server/etcdmain/etcd.go`, `server/embed/{etcd,serve}.go`.
fn begin_log(run: &Program<'_>, argv: &[String], urls: &[String]) {
    let at = run.environment.clock.now();
    // Fields are in the order in which they were given to the logger.
    let line = |caller: &str, message: &str, more: &[(&str, serde_json::Value)]| {
        let more: String = more.iter().map(|(key, value)| format!(",{key:?}:{value}")).collect();
        let head = format!("\"level\":\"info\",\"ts\":\"{at:.3}\",\"caller\":{caller:?},\"msg\":{message:?}");
        run.log.write_line(true, &format!("{{{head}{more}}}"));
    };
    line("etcdmain/etcd.go:73", "Running: ", &[("args", serde_json::json!(argv))]);
    line(
        "embed/etcd.go:135",
        "configuring client listeners",
        &[("listen-client-urls", serde_json::json!(urls))],
    );
    for url in urls {
        let address = url.split("://").last().unwrap_or(url);
        let more = [("traffic", "grpc+http".into()), ("address", address.into())];
        line("embed/serve.go:250", "serving client traffic securely", &more);
    }
}

/// Runs etcd until it is told to end.
pub(super) async fn run(run: &Program<'_>) -> i32 {
    let argv = &run.spec.argv;
    let root = crate::rooted::Rooted::new(&run.environment.root);
    if let Some((text, status)) = refusal(argv, |file| root.exists(file)) {
        run.log.write_line(true, &text);
        return status;
    }
    let listens = value(argv, "--listen-client-urls").unwrap_or("http://localhost:2379");
    let urls: Vec<String> = listens.split(',').map(str::to_owned).collect();
    // Whatever ends this program takes the address away.
    let _open = Open { etcd: run.etcd, urls: urls.clone() };
    run.etcd.send_replace(urls.clone());
    begin_log(run, argv, &urls);
    (run.ready)(true);
    run.term.cancelled().await;
    0
}

struct Open<'a> {
    etcd: &'a super::Etcd,
    urls: Vec<String>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.etcd.send_if_modified(|now| {
            let mine = *now == self.urls;
            if mine {
                now.clear();
            }
            mine
        });
    }
}

/// Where an API server looks for etcd; nothing where its flags do not say.
fn servers(run: &Program<'_>) -> Vec<String> {
    value(&run.spec.argv, "--etcd-servers")
        .into_iter()
        .flat_map(|list| list.split(',').map(str::to_owned))
        .collect()
}

fn answers(urls: &[String], servers: &[String]) -> bool {
    servers.is_empty() || servers.iter().any(|server| urls.contains(server))
}

/// Waits for etcd as long as a starting server does; false when it does not answer.
pub(super) async fn reached(run: &Program<'_>) -> bool {
    let servers = servers(run);
    let mut etcd = run.etcd.subscribe();
    if answers(&etcd.borrow(), &servers) {
        return true;
    }
    if !run.first {
        refused(run);
    }
    // A lab that comes up starts both at once, on a machine that may be slow.
    let storage = run.environment.timing.storage;
    let wait = if run.first { storage.max(std::time::Duration::from_secs(10)) } else { storage };
    if tokio::time::timeout(wait, etcd.wait_for(|urls| answers(urls, &servers)))
        .await
        .is_ok_and(|r| r.is_ok())
    {
        return true;
    }
    refused(run);
    let text = "Error creating leases: error creating storage factory: context deadline exceeded";
    let line = klog::line(Severity::Fatal, run.environment.clock.now(), 1, "instance.go:225", text);
    run.log.write_line(true, &line);
    false
}

/// Returns when etcd does not answer any more.
pub(super) async fn lost(run: &Program<'_>) {
    let servers = servers(run);
    let mut etcd = run.etcd.subscribe();
    if etcd.wait_for(|urls| !answers(urls, &servers)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Writes what gRPC says of an etcd that does not answer.
pub(super) fn refused(run: &Program<'_>) {
    for server in servers(run) {
        let address = server.split("://").last().unwrap_or_default().to_owned();
        let text = format!(
            "[core] [Channel #1 SubChannel #2]grpc: addrConn.createTransport failed to connect to {{Addr: {address:?}, ServerName: {address:?}, }}. Err: connection error: desc = \"transport: Error while dialing: dial tcp {address}: connect: connection refused\""
        );
        let line = klog::line(Severity::Warning, run.environment.clock.now(), 1, "logging.go:55", &text);
        run.log.write_line(true, &line);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wrong_flags_and_missing_files_end_it() {
        let argv = |more: &str| vec!["etcd".to_owned(), "--cert-file=/a".to_owned(), more.to_owned()];
        assert_eq!(refusal(&argv("--name=x"), |_| true), None);
        assert_eq!(
            refusal(&argv("--nam=x"), |_| true),
            Some(("flag provided but not defined: -nam".to_owned(), 2))
        );
        let (text, status) = refusal(&argv("--name=x"), |_| false).unwrap();
        assert!(text.contains("open /a: no such file or directory") && status == 1, "{text}");
    }
}
