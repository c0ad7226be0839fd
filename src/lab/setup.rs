//! What is done before the first step of a fresh lesson.

use std::time::Duration;

use super::snapshot::{SERVER_LIMIT, await_ready, await_restart, node};
use crate::check::manifest::Manifest;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::lesson::load::Loaded;
use crate::lesson::schema::Script;
use crate::node::{Command, Node};
use crate::text::tr;

/// How long a lesson's script may take.
const SCRIPT_LIMIT: Duration = Duration::from_secs(150);
const FLAG: &str = "--enable-admission-plugins";

/// Brings the cluster into the state that the lesson starts from.
pub async fn prepare(loaded: &Loaded, cluster: &dyn Cluster) -> Result<()> {
    let setup = &loaded.spec.setup;
    if !setup.without_plugins.is_empty() {
        take_off(&setup.without_plugins, cluster).await?;
    }
    for script in &setup.scripts {
        run_script(loaded, script, cluster).await?;
    }
    Ok(())
}

async fn take_off(plugins: &[String], cluster: &dyn Cluster) -> Result<()> {
    let facts = cluster.facts();
    let Some((control_plane, _)) = facts.nodes.first() else { return Ok(()) };
    let node = node(cluster, control_plane)?;
    let path = format!("{}/kube-apiserver.yaml", facts.manifests);
    let content = node.read_file(&path).await?.ok_or_else(|| {
        Error::new(tr!(lab_has_no_manifest { control_plane, path })).hint(tr!(lab_needs_static_pod))
    })?;
    let on = Manifest::parse(&content).list(FLAG.trim_start_matches('-'));
    if !plugins.iter().any(|p| on.contains(p)) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&content);
    node.write_file(&path, without_plugins(&text, plugins).as_bytes()).await?;
    await_restart(cluster).await;
    await_ready(cluster, SERVER_LIMIT).await
}

/// The manifest without these plugins; a flag that is left without any goes too. Nothing else changes.
fn without_plugins(text: &str, plugins: &[String]) -> String {
    let keep = |line: &str| -> Option<String> {
        let Some((before, values)) = line.split_once(&format!("{FLAG}=")) else {
            return Some(line.to_owned());
        };
        let values: Vec<&str> =
            values.split(',').map(str::trim).filter(|v| !plugins.iter().any(|p| p == v)).collect();
        (!values.is_empty()).then(|| format!("{before}{FLAG}={}", values.join(",")))
    };
    let lines: Vec<String> = text.lines().filter_map(keep).collect();
    let end = if text.ends_with('\n') { "\n" } else { "" };
    lines.join("\n") + end
}

/// Starts `$script` by itself and waits for it for five seconds; bash reads a script while it runs, so that it stays.
const UNATTENDED: &str = r#"set -f
setsid $run "$script" >"$script.log" 2>&1 </dev/null &
for ((i = 0; i < 50; i++)); do
  kill -0 $! 2>/dev/null || break
  sleep 0.1
done
exit 0
"#;

/// What a script's first line says it is for; bash without one.
fn interpreter(text: &str) -> &str {
    let first = text.lines().next().unwrap_or("").strip_prefix("#!").unwrap_or("").trim();
    if first.is_empty() { "bash" } else { first }
}

/// Starts a script that runs by itself.
async fn run_unattended(text: &str, script: &Script, node: &dyn Node) -> Result<String> {
    let name = script.file.replace('/', "-");
    let path = format!("/tmp/.cks-lab-{name}");
    node.write_file(&path, text.as_bytes()).await?;
    let mut run = Command::script(UNATTENDED);
    run.env.push(("script".into(), node.shown_path(&path)));
    run.env.push(("run".into(), interpreter(text).into()));
    node.run(run, b"", SCRIPT_LIMIT).await?;
    Ok(format!("# {}\n", script.node))
}

/// Runs a script of the lesson on its node and returns what was typed and printed.
pub async fn run_script(loaded: &Loaded, script: &Script, cluster: &dyn Cluster) -> Result<String> {
    let node = node(cluster, &script.node)?;
    let text = loaded.script(&script.file)?;
    if script.unattended {
        return run_unattended(&text, script, node.as_ref()).await;
    }
    // Each line is shown before it runs, as in a terminal; a file, since commands may read standard input.
    let path = "/tmp/.cks-lab-script";
    node.write_file(path, text.as_bytes()).await?;
    let run = Command::script(format!("exec 2>&1; exec bash -v {}", node.shown_path(path)));
    let output = node.run(run, b"", SCRIPT_LIMIT).await;
    node.remove_file(path).await?;
    let output = output?;
    let transcript = format!("# {}\n{}", script.node, output.text());
    if output.status == 0 {
        return Ok(transcript);
    }
    Err(Error::new(tr!(lab_script_ended { file: script.file, node: script.node, status: output.status }))
        .why(transcript.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_plugins_go() {
        let plugins = ["NodeRestriction".to_owned()];
        for (text, expected) in [
            ("a\n    - --enable-admission-plugins=NodeRestriction\nb\n", "a\nb\n"),
            ("    - --enable-admission-plugins=A,NodeRestriction\n", "    - --enable-admission-plugins=A\n"),
            (
                "    - --enable-admission-plugins=NodeRestrictionX\nb",
                "    - --enable-admission-plugins=NodeRestrictionX\nb",
            ),
        ] {
            assert_eq!(without_plugins(text, &plugins), expected);
        }
    }
}
