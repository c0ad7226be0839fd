//! `kubectl edit`: the object in an editor, and what was changed as a patch.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::process::Command;

use http::Method;
use serde_json::Value;

use super::{DryRun, change_query, labels, report};
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::printer::compact;
use crate::kubectl::select::{self, Info, Narrow};
use crate::kubectl::{Session, merge, out, with_query, yaml};

const HEAD: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";

/// Runs the command.
pub async fn run(session: &mut Session) -> Result<()> {
    let words = session.args.rest.clone();
    let (infos, fails) = if session.args.given("filename") {
        labels::fetched(session).await?
    } else if words.is_empty() {
        return plain(
            "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
        );
    } else {
        let narrow = Narrow { all: words.len() == 1 && !words[0].contains('/'), ..Narrow::default() };
        select::infos(session, &words, &narrow).await?
    };
    Fail::collect(fails)?;
    if infos.is_empty() {
        return plain("edit cancelled, no objects found");
    }
    for info in infos {
        edit(session, info).await?;
    }
    Ok(())
}

async fn edit(session: &Session, mut info: Info) -> Result<()> {
    let mut before = info.object.clone();
    if let (Some(metadata), false) =
        (before["metadata"].as_object_mut(), session.args.is("show-managed-fields"))
    {
        metadata.remove("managedFields");
    }
    let original = yaml::to_string(&before);
    let mut notes = String::new();
    let mut text = original.clone();
    loop {
        let edited = in_editor(&format!("{HEAD}{notes}{text}"))?;
        let kept: String = edited.split_inclusive('\n').filter(|l| !l.starts_with('#')).collect();
        if kept.trim().is_empty() {
            out::say_err("Edit cancelled, saved file was empty.\n");
            return Ok(());
        }
        if kept == original {
            out::say_err("Edit cancelled, no changes made.\n");
            return Ok(());
        }
        let again = kept == text;
        let failure = match serde_yaml::from_str::<Value>(&kept) {
            Err(e) => format!("The edited file failed validation: yaml: {e}"),
            Ok(after) => {
                let patch = merge::two_way(&before, &after);
                let query = change_query(session, "kubectl-edit", DryRun::No, true)?;
                let body = Some((media::MERGE_PATCH, compact(&patch).into_bytes()));
                let path = match session.args.text("subresource") {
                    Some(sub) => format!("{}/{sub}", info.path()),
                    None => info.path(),
                };
                match session
                    .client()?
                    .json(Method::PATCH, &with_query(&path, &query), media::JSON, body)
                    .await
                {
                    Ok(object) => {
                        info.object = object;
                        return report(session, &info, "edited", DryRun::No);
                    }
                    Err(fail) => fail.render().0.trim_end().to_owned(),
                }
            }
        };
        out::say_err(&format!("{failure}\n"));
        if again {
            return give_up(&kept);
        }
        notes = format!("# {}: {}\n#\n", info.resource.name, failure.replace('\n', "\n# "));
        text = kept;
    }
}

/// Keeps what was typed when it cannot be saved.
fn give_up(text: &str) -> Result<()> {
    let mut file = temp_file()?;
    let kept = file.write_all(text.as_bytes()).and_then(|()| file.keep().map_err(|e| e.error));
    if let Ok((_, path)) = kept {
        out::say_err(&format!("A copy of your changes has been stored to \"{}\"\n", path.display()));
    }
    plain("Edit cancelled, no valid changes were saved.")
}

fn temp_file() -> Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix("kubectl-edit-")
        .suffix(".yaml")
        .tempfile()
        .map_err(|e| Fail::Plain(format!("cannot make a temporary file: {e}")))
}

/// Lets the person edit a text in `KUBE_EDITOR`, `EDITOR` or `vi`.
fn in_editor(text: &str) -> Result<String> {
    let wrong = |e: std::io::Error| Fail::Plain(format!("cannot use the temporary file: {e}"));
    let mut file = temp_file()?;
    file.write_all(text.as_bytes()).map_err(wrong)?;
    file.flush().map_err(wrong)?;
    let editor = ["KUBE_EDITOR", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()))
        .unwrap_or_else(|| "vi".into());
    let path = file.path().to_owned();
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&path).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => return plain(format!("there was a problem with the editor \"{editor}\"")),
        Err(e) => return plain(format!("unable to launch the editor \"{editor}\": {e}")),
    }
    // Editors may write another file under the same name: read by name, not by descriptor.
    let _ = file.seek(SeekFrom::Start(0));
    std::fs::read_to_string(&path).map_err(wrong)
}
