//! The commands, one file each, and the table that finds them.

use super::args::{Args, command_at};
use super::fail::{Fail, Result};
use super::printer::Format;
use super::select::Info;
use super::{Session, out};

mod apply;
mod auth;
mod completion;
mod config;
mod create;
mod delete;
mod diff;
mod edit;
mod explain;
mod generate;
mod get;
mod info;
mod labels;
mod logs;
mod nodes;
mod patch;
mod wait;

/// Flags of commands that select objects by type.
const SELECT: &str = "selector/l= field-selector= all-namespaces/A all filename/f= recursive/R";
/// Flags of commands that change objects.
const CHANGE: &str =
    "output/o= template= dry-run?unchanged field-manager= show-managed-fields allow-missing-template-keys";

/// A command's words, its flags beyond the global ones, and what it is for.
pub(crate) struct Command {
    name: &'static str,
    aliases: &'static [&'static str],
    flags: &'static [&'static str],
    usage: &'static str,
    about: &'static str,
}

const fn command(
    name: &'static str,
    flags: &'static [&'static str],
    usage: &'static str,
    about: &'static str,
) -> Command {
    Command { name, aliases: &[], flags, usage, about }
}

/// Every command.
pub(crate) const COMMANDS: &[Command] = &[
    command(
        "create",
        &[
            CHANGE,
            "filename/f= recursive/R edit raw= save-config validate?strict from-literal= from-file= from-env-file= type= append-hash verb= resource= resource-name= non-resource-url= role= clusterrole= serviceaccount= user= group= aggregation-rule= duration= audience= bound-object-kind= bound-object-name= bound-object-uid= image= port= replicas= schedule= restart=",
        ],
        "create -f FILENAME",
        "Create a resource from a file or from stdin",
    ),
    command(
        "run",
        &[
            CHANGE,
            "image= restart= labels/l= env= command port= expose stdin/i tty/t rm quiet/q image-pull-policy= privileged overrides= annotations= attach leave-stdin-open override-type= pod-running-timeout= save-config grace-period= force timeout= wait",
        ],
        "run NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] [--command] -- [COMMAND] [args...]",
        "Run a particular image on the cluster",
    ),
    command(
        "explain",
        &["recursive api-version= output="],
        "explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group]",
        "Get documentation for a resource",
    ),
    command(
        "get",
        &[
            SELECT,
            "output/o= template= show-labels no-headers watch/w watch-only sort-by= label-columns/L= show-kind show-managed-fields raw= ignore-not-found chunk-size= server-print subresource= output-watch-events allow-missing-template-keys",
        ],
        "get [(-o|--output=)json|yaml|name|wide|custom-columns=...|jsonpath=...] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE/NAME ...) [flags]",
        "Display one or many resources",
    ),
    command(
        "edit",
        &[
            "filename/f= recursive/R output/o= save-config validate?strict subresource= output-patch windows-line-endings field-manager= show-managed-fields template=",
        ],
        "edit (RESOURCE/NAME | -f FILENAME)",
        "Edit a resource on the server",
    ),
    command(
        "delete",
        &[
            SELECT,
            "output/o= force grace-period= ignore-not-found now wait timeout= cascade?background dry-run?unchanged raw= interactive/i",
        ],
        "delete ([-f FILENAME] | TYPE [(NAME | -l label | --all)])",
        "Delete resources by file names, stdin, resources and names, or by resources and label selector",
    ),
    command(
        "describe",
        &[SELECT, "show-events chunk-size="],
        "describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)",
        "Show details of a specific resource or group of resources",
    ),
    command(
        "logs",
        &[
            "follow/f tail= container/c= previous/p since= since-time= timestamps limit-bytes= all-containers prefix selector/l= insecure-skip-tls-verify-backend ignore-errors max-log-requests= pod-running-timeout=",
        ],
        "logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]",
        "Print the logs for a container in a pod",
    ),
    command(
        "label",
        &[SELECT, CHANGE, "overwrite list local resource-version="],
        "label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
        "Update the labels on a resource",
    ),
    command(
        "annotate",
        &[SELECT, CHANGE, "overwrite list local resource-version="],
        "annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
        "Update the annotations on a resource",
    ),
    command(
        "patch",
        &[CHANGE, "type= patch/p= patch-file= subresource= local filename/f= recursive/R"],
        "patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
        "Update fields of a resource",
    ),
    command(
        "replace",
        &[
            CHANGE,
            "filename/f= recursive/R raw= force cascade?background grace-period= timeout= wait save-config validate?strict subresource=",
        ],
        "replace -f FILENAME",
        "Replace a resource by file name or stdin",
    ),
    command(
        "apply",
        &[
            CHANGE,
            "filename/f= recursive/R server-side force-conflicts overwrite prune all selector/l= validate?strict wait timeout= force cascade?background grace-period= openapi-patch subresource= kustomize/k=",
        ],
        "apply (-f FILENAME | -k DIRECTORY)",
        "Apply a configuration to a resource by file name or stdin",
    ),
    command(
        "diff",
        &[
            "filename/f= recursive/R server-side force-conflicts field-manager= selector/l= show-managed-fields prune concurrency=",
        ],
        "diff -f FILENAME",
        "Diff the live version against a would-be applied version",
    ),
    command(
        "wait",
        &[SELECT, "for= timeout= output/o= local"],
        "wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
        "Wait for a specific condition on one or many resources",
    ),
    command(
        "taint",
        &[SELECT, CHANGE, "overwrite validate?strict"],
        "taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
        "Update the taints on one or more nodes",
    ),
    command("cordon", &["selector/l= dry-run?unchanged"], "cordon NODE", "Mark node as unschedulable"),
    command("uncordon", &["selector/l= dry-run?unchanged"], "uncordon NODE", "Mark node as schedulable"),
    Command {
        name: "auth can-i",
        aliases: &[],
        flags: &["all-namespaces/A list no-headers quiet/q subresource="],
        usage: "auth can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL]",
        about: "Check whether an action is allowed",
    },
    command(
        "auth whoami",
        &["output/o= template= show-managed-fields"],
        "auth whoami",
        "Experimental: Check self subject attributes",
    ),
    command(
        "config view",
        &["output/o= raw minify flatten merge template= show-managed-fields"],
        "config view [flags]",
        "Display merged kubeconfig settings or a specified kubeconfig file",
    ),
    command(
        "config get-contexts",
        &["output/o= no-headers"],
        "config get-contexts [(-o|--output=)name)]",
        "Describe one or many contexts",
    ),
    command("config get-clusters", &[], "config get-clusters", "Display clusters defined in the kubeconfig"),
    command("config get-users", &[], "config get-users", "Display users defined in the kubeconfig"),
    command("config current-context", &[], "config current-context", "Display the current-context"),
    Command {
        name: "config use-context",
        aliases: &["config use"],
        flags: &[],
        usage: "config use-context CONTEXT_NAME",
        about: "Set the current-context in a kubeconfig file",
    },
    command(
        "config set-context",
        &["current"],
        "config set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
        "Set a context entry in kubeconfig",
    ),
    command(
        "config set-cluster",
        &["embed-certs proxy-url="],
        "config set-cluster NAME [--server=server] [--certificate-authority=path/to/certificate/authority] [--insecure-skip-tls-verify=true] [--tls-server-name=example.com]",
        "Set a cluster entry in kubeconfig",
    ),
    command(
        "config set-credentials",
        &["embed-certs"],
        "config set-credentials NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token]",
        "Set a user entry in kubeconfig",
    ),
    command(
        "config delete-context",
        &[],
        "config delete-context NAME",
        "Delete the specified context from the kubeconfig",
    ),
    command(
        "version",
        &["client output/o="],
        "version [flags]",
        "Print the client and server version information",
    ),
    command(
        "api-resources",
        &["api-group= namespaced verbs= categories= output/o= no-headers cached sort-by="],
        "api-resources [flags]",
        "Print the supported API resources on the server",
    ),
    command(
        "api-versions",
        &[],
        "api-versions",
        "Print the supported API versions on the server, in the form of \"group/version\"",
    ),
    command("cluster-info", &["output/o="], "cluster-info [flags]", "Display cluster information"),
    command(
        "completion",
        &[],
        "completion SHELL",
        "Output shell completion code for the specified shell (bash)",
    ),
    command("options", &[], "options", "Print the list of flags inherited by all commands"),
];

/// Runs a command line without the program's name.
pub(crate) async fn run(words: &[String]) -> Result<()> {
    if words.first().is_some_and(|w| w == "__complete" || w == "__completeNoDesc") {
        return completion::complete(&words[1..]).await;
    }
    let Some(at) = command_at(words) else {
        Args::parse("", "", words).map_err(without_command)?;
        out::say(&help_all());
        return Ok(());
    };
    let mut name = words[at].clone();
    let mut rest: Vec<String> = words[..at].iter().chain(&words[at + 1..]).cloned().collect();
    if name == "help" {
        let wanted: Vec<String> = rest.iter().filter(|w| !w.starts_with('-')).cloned().collect();
        return help(&wanted.join(" "));
    }
    if is_family(&name) {
        // `auth can-i`, `config view`: the second word is part of the command.
        let Some(sub) = command_at(&words[at + 1..]).map(|i| i + at + 1) else {
            out::say(&help_family(&name));
            return Ok(());
        };
        rest =
            words.iter().enumerate().filter(|(i, _)| *i != at && *i != sub).map(|(_, w)| w.clone()).collect();
        let full = format!("{name} {}", words[sub]);
        if find(&full).is_none() {
            out::say(&help_family(&name));
            return Ok(());
        }
        name = full;
    }
    let Some(command) = find(&name) else { return Err(unknown(&name)) };
    let args = Args::parse(command.name, &command.flags.join(" "), &rest)?;
    if args.is("help") {
        return help(command.name);
    }
    let mut session = Session::new(args);
    let session = &mut session;
    match command.name {
        "get" => get::run(session).await,
        "label" => labels::run(session, &labels::LABELS).await,
        "annotate" => labels::run(session, &labels::ANNOTATIONS).await,
        "taint" => nodes::taint(session).await,
        "cordon" => nodes::cordon(session, true).await,
        "uncordon" => nodes::cordon(session, false).await,
        "describe" => super::describe::run(session).await,
        "patch" => patch::run(session).await,
        "apply" => apply::run(session).await,
        "diff" => diff::run(session).await,
        "create" => create::run(session).await,
        "run" => create::pod(session).await,
        "replace" => create::replace(session).await,
        "delete" => delete::run(session).await,
        "logs" => logs::run(session).await,
        "edit" => edit::run(session).await,
        "wait" => wait::run(session).await,
        "explain" => explain::run(session).await,
        "auth can-i" => auth::can_i(session).await,
        "auth whoami" => auth::whoami(session).await,
        "version" => info::version(session).await,
        "api-resources" => info::api_resources(session).await,
        "api-versions" => info::api_versions(session).await,
        "cluster-info" => info::cluster_info(session).await,
        "completion" => completion::script(session),
        "options" => {
            out::say(&format!(
                "The following options can be passed to any command:\n\n{}",
                flag_lines(&[super::args::GLOBAL])
            ));
            Ok(())
        }
        name => config::run(session, name.strip_prefix("config ").unwrap_or(name)),
    }
}

fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.name == name || c.aliases.contains(&name))
}

fn is_family(name: &str) -> bool {
    ["auth", "config"].contains(&name)
}

fn without_command(fail: Fail) -> Fail {
    match fail {
        Fail::Plain(text) => Fail::Plain(text.replace("kubectl  --help", "kubectl --help")),
        other => other,
    }
}

fn unknown(name: &str) -> Fail {
    const ELSEWHERE: &[&str] = &[
        "exec",
        "attach",
        "cp",
        "port-forward",
        "proxy",
        "debug",
        "drain",
        "top",
        "rollout",
        "scale",
        "expose",
        "autoscale",
        "set",
        "certificate",
        "kustomize",
        "plugin",
        "alpha",
        "events",
    ];
    if ELSEWHERE.contains(&name) {
        return Fail::Plain(format!(
            "the built-in kubectl has no command \"{name}\"; install kubectl on this machine to use it"
        ));
    }
    let mut text = format!("unknown command \"{name}\" for \"kubectl\"");
    let mut near: Vec<&str> = COMMANDS
        .iter()
        .filter_map(|c| c.name.split(' ').next())
        .chain(ELSEWHERE.iter().copied())
        .filter(|c| distance(name, c) <= 2 || c.starts_with(&name.to_lowercase()))
        .collect();
    near.sort_unstable();
    near.dedup();
    if !near.is_empty() {
        text += "\n\nDid you mean this?\n";
        for name in near {
            text += &format!("\t{name}\n");
        }
    }
    Fail::Plain(text)
}

/// The Levenshtein distance of two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

fn help_all() -> String {
    let mut text = String::from(
        "kubectl controls the Kubernetes cluster manager.\n\nThis is the kubectl built into cks-lab; it behaves like v1.31. Find more information at:\nhttps://kubernetes.io/docs/reference/kubectl/\n\nCommands:\n",
    );
    for command in COMMANDS {
        text += &format!("  {:<23} {}\n", command.name, command.about);
    }
    text + "\nUsage:\n  kubectl [flags] [options]\n\nUse \"kubectl <command> --help\" for more information about a given command.\nUse \"kubectl options\" for a list of global command-line options (applies to all commands).\n"
}

fn help_family(family: &str) -> String {
    let mut text = String::from("Available Commands:\n");
    for command in COMMANDS.iter().filter(|c| c.name.split(' ').next() == Some(family)) {
        let sub = command.name.split(' ').nth(1).unwrap_or_default();
        text += &format!("  {sub:<17} {}\n", command.about);
    }
    text + &format!(
        "\nUsage:\n  kubectl {family} SUBCOMMAND [options]\n\nUse \"kubectl {family} <command> --help\" for more information about a given command.\n"
    )
}

fn help(name: &str) -> Result<()> {
    if name.is_empty() {
        out::say(&help_all());
        return Ok(());
    }
    if is_family(name) {
        out::say(&help_family(name));
        return Ok(());
    }
    let Some(command) = find(name) else { return Err(unknown(name)) };
    let mut text = format!("{}.\n\nUsage:\n  kubectl {}\n", command.about, command.usage);
    if !command.flags.is_empty() {
        text += &format!("\nOptions:\n{}", flag_lines(command.flags));
    }
    out::say(
        &(text
            + "\nUse \"kubectl options\" for a list of global command-line options (applies to all commands).\n"),
    );
    Ok(())
}

fn flag_lines(specs: &[&str]) -> String {
    let mut lines: Vec<String> = specs
        .iter()
        .flat_map(|s| s.split_whitespace())
        .map(|word| {
            let name = word.trim_end_matches('=').split('?').next().unwrap_or(word);
            let (long, short) = name.split_once('/').map_or((name, None), |(l, s)| (l, Some(s)));
            let value = if word.ends_with('=') { "=VALUE" } else { "" };
            let short = short.map_or("    ".into(), |s| format!("-{s}, "));
            format!("    {short}--{long}{value}\n")
        })
        .collect();
    lines.sort_by_key(|l| l.trim_start().trim_start_matches(['-', ',']).to_owned());
    lines.dedup();
    lines.concat()
}

/// How much of a change really happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// All of it.
    No,
    /// Nothing leaves this program.
    Client,
    /// The server does everything but keep it.
    Server,
}

impl DryRun {
    /// Reads `--dry-run`.
    pub fn read(args: &Args) -> Result<Self> {
        match args.one("dry-run") {
            None | Some("none" | "false") => Ok(DryRun::No),
            Some("client" | "true") => Ok(DryRun::Client),
            Some("server") => Ok(DryRun::Server),
            Some("unchanged") => {
                out::say_err(
                    "W helpers.go:719] --dry-run is deprecated and can be replaced with --dry-run=client.\n",
                );
                Ok(DryRun::Client)
            }
            Some(other) => super::fail::plain(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            )),
        }
    }

    /// What a line that says what was done ends with.
    pub fn suffix(self) -> &'static str {
        match self {
            DryRun::No => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }

    /// Adds to a request's query.
    pub fn query(self, query: &mut Vec<(&'static str, String)>) {
        if self == DryRun::Server {
            query.push(("dryRun", "All".into()));
        }
    }
}

/// Says what was done with an object, in the words of the command or as `-o` asks.
pub(crate) fn report(session: &Session, info: &Info, done: &str, dry_run: DryRun) -> Result<()> {
    let format = Format::read(&session.args)?;
    if format.is_human() {
        out::say(&format!("{} {done}{}\n", info.shown(), dry_run.suffix()));
    } else {
        out::say(&format.object(
            Some(&info.resource),
            &info.object,
            session.args.is("show-managed-fields"),
        )?);
    }
    Ok(())
}

/// The query of a request that changes something: field manager, dry run, strict field validation.
pub(crate) fn change_query(
    session: &Session,
    manager: &str,
    dry_run: DryRun,
    validate: bool,
) -> Result<Vec<(&'static str, String)>> {
    let mut query = Vec::new();
    dry_run.query(&mut query);
    let manager = session.args.text("field-manager").unwrap_or(manager);
    query.push(("fieldManager", manager.to_owned()));
    if validate {
        let value = match session.args.one("validate").unwrap_or("strict") {
            "strict" | "true" => "Strict",
            "warn" => "Warn",
            "ignore" | "false" => "Ignore",
            other => {
                return super::fail::plain(format!(
                    "invalid - validate option \"{other}\"; must be one of: strict (or true), warn, ignore (or false)"
                ));
            }
        };
        query.push(("fieldValidation", value.into()));
    }
    Ok(query)
}

/// The objects of `-f` as the server has them now.
pub(crate) async fn fetched(session: &mut Session) -> Result<(Vec<Info>, Vec<Fail>)> {
    labels::fetched(session).await
}
