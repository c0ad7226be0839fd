//! Kubeconfig files: finding, merging, reading and writing them.
//!
//! Behaviour after `k8s.io/client-go/tools/clientcmd` (`loader.go`, `client_config.go`, `validation.go`).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};

use super::args::Args;
use super::fail::{Fail, Result, plain};

/// The merged kubeconfig and where its parts came from.
#[derive(Debug, Clone, Default)]
pub struct Kubeconfig {
    /// The files in the order of precedence; changes go to the first.
    pub files: Vec<PathBuf>,
    /// The merged content.
    pub content: Value,
    /// Files named by `KUBECONFIG` that are not there.
    pub missing: Vec<PathBuf>,
}

/// What a client needs to reach a server as somebody.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// `https://host:port[/prefix]`.
    pub server: String,
    /// PEM of the authorities to trust.
    pub ca: Option<Vec<u8>>,
    /// Trusts any server.
    pub insecure: bool,
    /// The name to expect in the server's certificate.
    pub tls_server_name: Option<String>,
    /// PEM of the client's certificate chain and of its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The value of `Authorization`.
    pub authorization: Option<String>,
    /// Namespace of commands that name none.
    pub namespace: String,
    /// Whether the namespace was given on the command line.
    pub namespace_given: bool,
}

/// The merge of two kubeconfig contents: what is there first stays.
fn merge(into: &mut Value, other: Value) {
    for list in ["clusters", "contexts", "users"] {
        let have = entries(into, list).iter().map(|e| e["name"].clone()).collect::<Vec<_>>();
        let more: Vec<Value> =
            entries(&other, list).iter().filter(|e| !have.contains(&e["name"])).cloned().collect();
        if let Some(array) = into[list].as_array_mut() {
            array.extend(more);
        } else {
            into[list] = Value::Array(more);
        }
    }
    if into["current-context"].as_str().is_none_or(str::is_empty) {
        into["current-context"] = other["current-context"].clone();
    }
}

fn entries<'a>(content: &'a Value, list: &str) -> &'a [Value] {
    content[list].as_array().map_or(&[], Vec::as_slice)
}

/// An empty kubeconfig.
pub fn empty() -> Value {
    json!({"apiVersion": "v1", "kind": "Config", "preferences": {}, "clusters": [], "contexts": [], "users": [], "current-context": ""})
}

/// The entry of a list by name: its inner object.
pub fn lookup<'a>(content: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    let inner = &list[..list.len() - 1];
    entries(content, list).iter().find(|e| e["name"] == name).map(|e| &e[inner])
}

/// Reads one file and makes its relative paths absolute.
pub fn read_file(path: &Path) -> Result<Value> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|e| {
        Fail::Plain(format!("error loading config file \"{shown}\": open {shown}: {}", go_io(&e)))
    })?;
    let mut content: Value = if text.is_empty() {
        empty()
    } else {
        serde_yaml::from_slice(&text)
            .map_err(|e| Fail::Plain(format!("error loading config file \"{shown}\": yaml: {e}")))?
    };
    if !content.is_object() {
        return plain(format!(
            "error loading config file \"{shown}\": couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
        ));
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    let keys = [
        ("clusters", "cluster", &["certificate-authority"][..]),
        ("users", "user", &["client-certificate", "client-key", "tokenFile"][..]),
    ];
    for (list, inner, keys) in keys {
        for entry in content[list].as_array_mut().into_iter().flatten() {
            for key in keys {
                if let Some(file) =
                    entry[inner][*key].as_str().filter(|f| !f.is_empty() && !f.starts_with('/'))
                {
                    entry[inner][*key] = json!(dir.join(file).to_string_lossy());
                }
            }
        }
    }
    Ok(content)
}

/// Go's words for an I/O error.
pub fn go_io(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{IsADirectory, NotFound, PermissionDenied};
    match error.kind() {
        NotFound => "no such file or directory".into(),
        PermissionDenied => "permission denied".into(),
        IsADirectory => "is a directory".into(),
        _ => error.to_string(),
    }
}

impl Kubeconfig {
    /// Finds and merges: `--kubeconfig`, else `KUBECONFIG`, else `~/.kube/config`.
    pub fn load(args: &Args) -> Result<Self> {
        let mut found = Kubeconfig { content: empty(), ..Self::default() };
        if let Some(file) = args.text("kubeconfig") {
            let path = PathBuf::from(file);
            if let Err(e) = std::fs::metadata(&path) {
                return plain(format!("stat {file}: {}", go_io(&e)));
            }
            merge(&mut found.content, read_file(&path)?);
            found.files.push(path);
            return Ok(found);
        }
        let from_env = std::env::var("KUBECONFIG").unwrap_or_default();
        let paths: Vec<PathBuf> = if from_env.is_empty() {
            std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config")).into_iter().collect()
        } else {
            from_env.split(':').filter(|p| !p.is_empty()).map(PathBuf::from).collect()
        };
        for path in &paths {
            if path.exists()
                || std::fs::metadata(path).is_err_and(|e| e.kind() != std::io::ErrorKind::NotFound)
            {
                merge(&mut found.content, read_file(path)?);
            } else if !from_env.is_empty() {
                found.missing.push(path.clone());
            }
        }
        found.files = paths;
        Ok(found)
    }

    /// The context in force: its name and content.
    pub fn context(&self, args: &Args) -> Result<(String, Value)> {
        let given = args.text("context");
        let name = given.or(self.content["current-context"].as_str()).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Ok((name, Value::Null));
        }
        match lookup(&self.content, "contexts", &name) {
            Some(context) => Ok((name, context.clone())),
            None if given.is_some() => plain(format!("context \"{name}\" does not exist")),
            None => Err(configuration(vec![format!("context was not found for specified context: {name}")])),
        }
    }

    /// The namespace that commands use.
    pub fn namespace(&self, args: &Args) -> Result<(String, bool)> {
        if let Some(given) = args.text("namespace") {
            return Ok((given.into(), true));
        }
        let (_, context) = self.context(args)?;
        let namespace = context["namespace"].as_str().filter(|n| !n.is_empty()).unwrap_or("default");
        Ok((namespace.into(), false))
    }

    /// Everything needed to talk to the server.
    pub fn target(&self, args: &Args) -> Result<Target> {
        let (namespace, namespace_given) = self.namespace(args)?;
        let (_, context) = self.context(args)?;
        let cluster = self.part(args, "clusters", "cluster", &context)?;
        let user_name = args.text("user").or(context["user"].as_str()).unwrap_or_default().to_owned();
        let user = self.part(args, "users", "user", &context)?;
        let text = |value: &Value, key: &str, flag: &str| -> Option<String> {
            let given = args.text(flag).map(str::to_owned);
            given.or_else(|| value[key].as_str().filter(|v| !v.is_empty()).map(str::to_owned))
        };
        let server = text(&cluster, "server", "server").unwrap_or_else(|| "http://localhost:8080".into());
        let server = if server.contains("://") { server } else { format!("http://{server}") };
        let mut problems = Vec::new();
        let cluster_name = args.text("cluster").or(context["cluster"].as_str()).unwrap_or_default();
        let ca = pem(
            &cluster,
            "certificate-authority",
            args,
            &format!("certificate-authority {{}} for {cluster_name}"),
            &mut problems,
        );
        let cert = pem(
            &user,
            "client-certificate",
            args,
            &format!("client-cert {{}} for {user_name}"),
            &mut problems,
        );
        let key = pem(&user, "client-key", args, &format!("client-key {{}} for {user_name}"), &mut problems);
        if !problems.is_empty() {
            return Err(configuration(problems));
        }
        let identity = cert.zip(key);
        Ok(Target {
            server: server.trim_end_matches('/').into(),
            ca,
            insecure: args.is("insecure-skip-tls-verify")
                || cluster["insecure-skip-tls-verify"] == json!(true),
            tls_server_name: text(&cluster, "tls-server-name", "tls-server-name"),
            identity,
            authorization: authorization(&user, args)?,
            namespace,
            namespace_given,
        })
    }

    fn part(&self, args: &Args, list: &str, what: &str, context: &Value) -> Result<Value> {
        let given = args.text(what);
        let Some(name) = given.or(context[what].as_str()).filter(|n| !n.is_empty()) else {
            return Ok(Value::Null);
        };
        match lookup(&self.content, list, name) {
            Some(found) => Ok(found.clone()),
            None if given.is_some() => plain(format!(
                "{} \"{name}\" does not exist",
                if what == "user" { "auth info" } else { what }
            )),
            None => Ok(Value::Null),
        }
    }

    /// Changes the file that holds an entry (or the first one) and writes it.
    pub fn change(&self, holds: impl Fn(&Value) -> bool, change: impl FnOnce(&mut Value)) -> Result<PathBuf> {
        let held = self.files.iter().find(|f| read_file(f).is_ok_and(|c| holds(&c)));
        let Some(path) = held.or_else(|| self.files.last()) else {
            return plain("there is no kubeconfig file: set KUBECONFIG or HOME");
        };
        let mut content = if path.exists() { read_file(path)? } else { empty() };
        change(&mut content);
        if let Some(dir) = path.parent() {
            let _ = std::fs::create_dir_all(dir);
        }
        write_private(path, crate::go_yaml::to_string(&content).as_bytes())
            .map_err(|e| Fail::Plain(format!("open {}: {}", path.display(), go_io(&e))))?;
        Ok(path.clone())
    }
}

/// Writes a file that only its owner may read, through a temporary file next to it.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temp = tempfile::NamedTempFile::new_in(dir)?;
    temp.write_all(bytes)?;
    temp.persist(path)?;
    Ok(())
}

/// kubectl's text for a kubeconfig that cannot be used.
fn configuration(problems: Vec<String>) -> Fail {
    match problems.as_slice() {
        [one] => Fail::Raw(format!("Error in configuration: {one}\n")),
        many => {
            let lines: String = many.iter().map(|p| format!("* {p}\n")).collect();
            Fail::Raw(format!("Error in configuration: \n{lines}"))
        }
    }
}

/// PEM given inline (`KEY-data`) or as a file (`KEY`, or the flag of that name).
fn pem(from: &Value, key: &str, args: &Args, what: &str, problems: &mut Vec<String>) -> Option<Vec<u8>> {
    if !args.given(key)
        && let Some(data) = from[format!("{key}-data")].as_str().filter(|d| !d.is_empty())
    {
        return base64::engine::general_purpose::STANDARD
            .decode(data.split_whitespace().collect::<String>())
            .ok();
    }
    let file = args.text(key).or(from[key].as_str()).filter(|f| !f.is_empty())?;
    match std::fs::read(file) {
        Ok(bytes) => Some(bytes),
        Err(e) => {
            problems.push(format!(
                "unable to read {} due to open {file}: {}",
                what.replace("{}", file),
                go_io(&e)
            ));
            None
        }
    }
}

/// The `Authorization` header of a user: token, token file, basic, or a credential plugin.
fn authorization(user: &Value, args: &Args) -> Result<Option<String>> {
    let text = |key: &str| user[key].as_str().filter(|v| !v.is_empty()).map(str::to_owned);
    if let Some(token) = args.text("token").map(str::to_owned).or_else(|| text("token")) {
        return Ok(Some(format!("Bearer {token}")));
    }
    if let Some(file) = text("tokenFile") {
        let token =
            std::fs::read_to_string(&file).map_err(|e| Fail::Plain(format!("open {file}: {}", go_io(&e))))?;
        return Ok(Some(format!("Bearer {}", token.trim())));
    }
    let user_name = args.text("username").map(str::to_owned).or_else(|| text("username"));
    if let Some(name) = user_name {
        let password =
            args.text("password").map(str::to_owned).or_else(|| text("password")).unwrap_or_default();
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        return Ok(Some(format!("Basic {basic}")));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn args(line: &str) -> Args {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Args::parse("get", "", &words).unwrap()
    }

    #[test]
    fn the_first_file_wins_and_paths_are_the_files_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, "clusters: [{name: c, cluster: {server: 'https://a:1', certificate-authority: ca.crt}}]\nusers: [{name: u, user: {token: t}}]\ncontexts: [{name: x, context: {cluster: c, user: u, namespace: n}}]\ncurrent-context: x\n").unwrap();
        let config = Kubeconfig::load(&args(&format!("--kubeconfig={}", path.display()))).unwrap();
        assert_eq!(
            lookup(&config.content, "clusters", "c").unwrap()["certificate-authority"],
            json!(dir.path().join("ca.crt").to_string_lossy())
        );
        let missing = config.target(&args("")).unwrap_err().render().0;
        assert!(
            missing.starts_with("Error in configuration: unable to read certificate-authority "),
            "{missing}"
        );
        std::fs::write(dir.path().join("ca.crt"), "pem").unwrap();
        let target = config.target(&args("")).unwrap();
        assert_eq!((target.server.as_str(), target.namespace.as_str()), ("https://a:1", "n"));
        assert_eq!(target.authorization.as_deref(), Some("Bearer t"));
        assert_eq!(
            config.target(&args("--context=y")).unwrap_err().render().0,
            "error: context \"y\" does not exist\n"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Kubeconfig::load(&args("--kubeconfig=/nope")).unwrap_err();
        assert_eq!(error.render().0, "error: stat /nope: no such file or directory\n");
    }
}
