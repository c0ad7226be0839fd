#![allow(dead_code, unused_imports, clippy::all, missing_docs)]
#[path = "../tests/it/apiserver.rs"]
mod apiserver;
use cks_lab::release::Release;
#[tokio::main]
async fn main() {
    let version = std::env::args().nth(1).unwrap();
    if version == "pki" {
        apiserver::write_pki(std::path::Path::new(&std::env::args().nth(2).unwrap()));
        return;
    }
    let plugin = std::env::args().nth(2).unwrap();
    let out = std::env::args().nth(3).unwrap();
    let flags: &[&str] = if plugin == "on" { &["--enable-admission-plugins=NodeRestriction"] } else { &[] };
    let server = apiserver::start_release(Release::find(&version).unwrap(), flags).await;
    std::fs::write(&out, format!("{{\"dir\":\"{}\",\"port\":{}}}", server.dir.path().display(), server.port))
        .unwrap();
    let mut line = String::new();
    tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut line)).await.unwrap().unwrap();
    server.server.stop().await;
}
