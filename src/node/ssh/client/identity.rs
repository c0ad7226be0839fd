//! Logging in with the keys of files, and what ssh says of a file that it does not use (OpenSSH's authfile.c, sshconnect2.c).

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use russh::client::Handle;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, load_secret_key};

use super::host_key::HostKey;
use super::options::Target;

/// Logs in with the first key that is taken.
pub(super) async fn log_in(session: &mut Handle<HostKey>, target: &Target) -> Result<(), String> {
    for file in &target.identities {
        let Some(key) = load(file, target.quiet) else { continue };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        match session.authenticate_publickey(&target.user, key).await {
            Ok(result) if result.success() => return Ok(()),
            Ok(_) => {}
            Err(e) => return Err(format!("ssh: {}: {e}", target.alias)),
        }
    }
    Err(format!("{}@{}: Permission denied (publickey).", target.user, target.alias))
}

/// The key of a file; why there is none is told where the file is there.
#[allow(clippy::print_stderr)]
fn load(file: &Path, quiet: bool) -> Option<PrivateKey> {
    let metadata = std::fs::metadata(file).ok()?;
    let shown = file.display();
    // As root, too: others could read it all the same.
    let own = metadata.uid() == rustix::process::getuid().as_raw();
    if own && metadata.mode() & 0o077 != 0 {
        eprintln!("{}", too_open(&shown.to_string(), metadata.mode() & 0o777));
        eprintln!("Load key \"{shown}\": bad permissions");
        return None;
    }
    let why = match load_secret_key(file, None) {
        Ok(key) => return Some(key),
        Err(russh::keys::Error::IO(why)) => super::io_text(&why),
        // What OpenSSL cannot read, as what is no key at all.
        Err(_) => "error in libcrypto".to_owned(),
    };
    if !quiet {
        eprintln!("Load key \"{shown}\": {why}");
    }
    None
}

fn too_open(file: &str, mode: u32) -> String {
    let line = "@".repeat(59);
    format!(
        "{line}\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n{line}\nPermissions 0{mode:o} for '{file}' are too open.\n\
         It is required that your private key files are NOT accessible by others.\nThis private key will be ignored."
    )
}
