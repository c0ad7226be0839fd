//! `cks-lab up`: a lab without the terminal program, until Ctrl-C, SIGTERM or SIGHUP.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Global, LabArguments, live, output};
use crate::error::{Context, ExitCode, Result};
use crate::lab::{Lab, LabEvent, Phase, control};
use crate::text::{pad, tr};

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lab: LabArguments,
    #[arg(long, help = tr!(help_up_json))]
    json: bool,
}

/// How long ending may take.
const CLOSE: Duration = Duration::from_secs(10);

/// Runs it.
pub async fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let mut options = arguments.lab.options(global)?;
    if !live::agree(&mut options).await? {
        return Ok(ExitCode::Failed);
    }
    let mut ended = Box::pin(ending()?);
    let opening = Lab::open(options.clone(), |phase| output::talk(phase_text(&phase)));
    let lab = tokio::select! {
        lab = opening => lab.map_err(|e| live::stays(&options, e))?,
        () = &mut ended => {
            // What was begun is undone, as at the end.
            live::finish(&options, false).await?;
            return Ok(ExitCode::Failed);
        }
    };
    let info = control::info(&lab);
    if arguments.json {
        output::out(&format!("{info}\n"));
    } else {
        output::talk(&format!("{} {}", pad(tr!(cli_server), 11), info["server"].as_str().unwrap_or("")));
        output::talk(&format!(
            "{} {}",
            pad(tr!(cli_kubeconfig), 11),
            info["kubeconfig"].as_str().unwrap_or("")
        ));
        output::talk(tr!(cli_shell_there));
    }
    let notices = tokio::spawn(notices(lab.clone()));
    ended.await;
    notices.abort();
    if tokio::time::timeout(CLOSE, lab.close()).await.is_err() {
        output::talk(tr!(cli_ends_late));
    }
    drop(lab);
    live::finish(&options, false).await?;
    Ok(ExitCode::Ok)
}

async fn notices(lab: Arc<Lab>) {
    let mut events = lab.events();
    while let Ok(event) = events.recv().await {
        if let LabEvent::Notice(sentence) = event {
            output::talk(&sentence);
        }
    }
}

/// Resolves when the program is asked to end.
pub fn ending() -> Result<impl Future<Output = ()>> {
    let hook = |kind| signal(kind).context_what(|| tr!(cli_signals_not_caught).into());
    let (mut int, mut term, mut hup) =
        (hook(SignalKind::interrupt())?, hook(SignalKind::terminate())?, hook(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
        }
    })
}

/// What a phase is called.
pub fn phase_text(phase: &Phase) -> &'static str {
    match phase {
        Phase::Nodes => tr!(cli_phase_nodes),
        Phase::ApiServer => tr!(cli_phase_server),
        Phase::Lesson => tr!(cli_phase_lesson),
        Phase::Ready => tr!(cli_phase_ready),
    }
}
