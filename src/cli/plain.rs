//! The plain mode: the lesson line by line, for screen readers, logs and slow links.

use std::sync::Arc;

use super::{live, output, up};
use crate::error::{ExitCode, Result};
use crate::lab::{Lab, Options};
use crate::node::{Command, Io};

const COMMANDS: &str = "check, hint, solve, next, back, text, shell NODE, reset, quit";

/// Runs the lesson until the end of input or `quit`.
pub async fn run(mut options: Options) -> Result<ExitCode> {
    if !live::agree(&mut options).await? {
        return Ok(ExitCode::Failed);
    }
    let mut ended = Box::pin(up::ending()?);
    let lab = tokio::select! {
        lab = Lab::open(options.clone(), |phase| output::talk(up::phase_text(&phase))) => lab?,
        () = &mut ended => return Ok(ExitCode::Failed),
    };
    let standing = lab.standing();
    if standing.current == 0 {
        output::out(&output::markdown(&lab.lesson().intro));
    } else {
        let passed = standing.results.iter().flatten().filter(|r| r.passed).count();
        output::out(&format!("Resumed: {passed} of {} steps passed.\n", lab.lesson().steps.len()));
    }
    show(&lab);
    loop {
        output::out(&format!("\n[{COMMANDS}] > "));
        let line = tokio::select! {
            line = tokio::task::spawn_blocking(read_line) => line.ok().flatten(),
            () = &mut ended => None,
        };
        let Some(line) = line else { break };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["quit" | "exit" | "q"] => break,
            words => {
                if let Err(e) = obey(&lab, words).await {
                    output::error(&e);
                }
            }
        }
    }
    lab.close().await;
    drop(lab);
    live::finish(&options, true).await?;
    Ok(ExitCode::Ok)
}

/// Reads one line and not a byte more: what follows may be meant for a shell. `None` at the end.
fn read_line() -> Option<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match rustix::io::read(std::io::stdin(), &mut byte) {
            Ok(0) if line.is_empty() => return None,
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => line.push(byte[0]),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}

fn show(lab: &Arc<Lab>) {
    let lesson = lab.lesson();
    let current = lab.standing().current;
    match lesson.steps.get(current) {
        Some(step) => {
            output::out(&format!("\nStep {} of {}\n\n", current + 1, lesson.steps.len()));
            output::out(&output::markdown(&step.text));
        }
        None => output::out(&output::markdown(&lesson.finish)),
    }
}

async fn obey(lab: &Arc<Lab>, words: &[&str]) -> Result<()> {
    let current = lab.standing().current;
    let steps = &lab.lesson().steps;
    let step = steps.get(current).or(steps.last()).map(|s| s.id.clone()).unwrap_or_default();
    match words {
        ["check"] => {
            let result = lab.check(Some(&step)).await?;
            output::out(&output::result(&result, false));
            if lab.standing().current != current {
                show(lab);
            }
        }
        ["hint"] => match lab.hint(&step)? {
            Some((number, count, text)) => {
                output::out(&format!("Hint {number} of {count}: {}", output::markdown(&text)));
            }
            None => output::out("All hints were shown; solve applies the solution.\n"),
        },
        ["solve"] => output::out(&lab.solve(&step).await?),
        ["next"] => {
            lab.go_to(current + 1)?;
            show(lab);
        }
        ["back"] => {
            lab.go_to(current.saturating_sub(1))?;
            show(lab);
        }
        ["text"] => show(lab),
        ["reset"] => {
            lab.reset(Some(&step)).await?;
            output::out("The step starts over.\n");
        }
        ["shell", node] => shell(lab, node).await?,
        _ => output::out(&format!("Say one of: {COMMANDS}\n")),
    }
    Ok(())
}

/// A shell on this program's own descriptors.
async fn shell(lab: &Arc<Lab>, node: &str) -> Result<()> {
    use crate::error::Context;
    use std::os::fd::AsFd;
    let node = crate::lab::snapshot::node(lab.cluster().as_ref(), node)?;
    let own = |fd: std::io::Result<std::os::fd::OwnedFd>| fd.context_what(|| "no descriptor".into());
    let io = Io::Fds {
        stdin: own(std::io::stdin().as_fd().try_clone_to_owned())?,
        stdout: own(std::io::stdout().as_fd().try_clone_to_owned())?,
        stderr: own(std::io::stderr().as_fd().try_clone_to_owned())?,
    };
    let process = node.spawn(Command::new(["bash", "-i"]), io).await?;
    let _ = process.exit.await;
    Ok(())
}
