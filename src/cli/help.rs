//! The command line's declaration with clap's own words in the language of the program, and what is said of mistakes.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;
use crate::text::{self, Language, tr};

/// The whole command line.
pub fn command() -> Command {
    let command = Cli::command();
    match text::language() {
        Language::En => command,
        language => {
            let mut built = command;
            // Only now are the arguments there that clap adds by itself.
            built.build();
            translated(built, language)
        }
    }
}

/// A line of usage with clap's own words in a language, and without its heading.
fn usage(text: &str, language: Language) -> String {
    let text = text.trim_start().trim_start_matches("Usage:").trim();
    let word = |text: &str, english: &str, own: &str| {
        text.replace(&format!("[{english}]"), &format!("[{own}]"))
            .replace(&format!("<{english}>"), &format!("<{own}>"))
    };
    let text = word(text, "OPTIONS", tr!(language, help_usage_options));
    word(&text, "COMMAND", tr!(language, help_usage_command))
}

fn translated(mut command: Command, language: Language) -> Command {
    let shown = usage(&command.render_usage().to_string(), language);
    let template = format!(
        "{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}",
        tr!(language, help_usage)
    );
    let own_about = (command.get_name() == "help").then(|| tr!(language, help_help_command));
    let command = match own_about {
        Some(about) => command.about(about),
        None => command,
    };
    command
        .override_usage(shown)
        .help_template(template)
        .subcommand_help_heading(tr!(language, help_commands))
        .mut_args(|argument| translated_argument(argument, language))
        .mut_subcommands(|inner| translated(inner, language))
}

fn translated_argument(argument: Arg, language: Language) -> Arg {
    let help = match argument.get_action() {
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong => tr!(language, help_help).to_owned(),
        ArgAction::Version => tr!(language, help_version).to_owned(),
        _ => with_values(&argument, language),
    };
    let heading = match argument.is_positional() {
        true => tr!(language, help_arguments),
        false => tr!(language, help_options),
    };
    let argument = match argument.get_help_heading() {
        Some(_) => argument,
        None => argument.help_heading(heading),
    };
    argument.help(help).long_help(None::<&str>).hide_default_value(true).hide_possible_values(true)
}

/// What an argument is for, with its default and the values that it may have.
fn with_values(argument: &Arg, language: Language) -> String {
    let mut help = argument.get_help().map(StyledStr::to_string).unwrap_or_default();
    let defaults: Vec<_> = argument.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
    let takes_value = argument.get_action().takes_values();
    if takes_value && !defaults.is_empty() && !argument.is_hide_default_value_set() {
        help += &format!(" [{}]", tr!(language, help_default { value: defaults.join(" ") }));
    }
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
    if takes_value && !values.is_empty() && !argument.is_hide_possible_values_set() {
        help += &format!(" [{}]", tr!(language, help_values { values: values.join(", ") }));
    }
    help
}

/// What is said of a mistake: clap's own words in English.
pub fn told(error: &clap::Error, language: Language) -> String {
    if language == Language::En || !error.use_stderr() {
        return error.to_string();
    }
    let get = |kind| error.get(kind).map(shown).unwrap_or_default();
    let (argument, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
    let what = match error.kind() {
        ErrorKind::UnknownArgument => tr!(language, usage_unknown_argument { argument }),
        ErrorKind::InvalidSubcommand => {
            tr!(language, usage_unknown_command { command: get(ContextKind::InvalidSubcommand) })
        }
        ErrorKind::MissingRequiredArgument => tr!(language, usage_missing { arguments: argument }),
        ErrorKind::MissingSubcommand => tr!(language, usage_missing_command).to_owned(),
        ErrorKind::InvalidValue if value.is_empty() => tr!(language, usage_no_value { argument }),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            tr!(language, usage_value { argument, value })
        }
        ErrorKind::ArgumentConflict => {
            tr!(language, usage_conflict { argument, other: get(ContextKind::PriorArg) })
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return error.to_string(),
        _ => tr!(language, usage_other).to_owned(),
    };
    let mut text = format!("{} {what}", tr!(language, usage_error));
    if let Some(why) = std::error::Error::source(error) {
        text += &format!(": {why}");
    }
    text.push('\n');
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue] {
        if error.get(kind).is_some() {
            text += &format!("  {}\n", tr!(language, usage_similar { names: get(kind) }));
        }
    }
    if error.get(ContextKind::ValidValue).is_some() {
        text += &format!("  {}\n", tr!(language, usage_possible { values: get(ContextKind::ValidValue) }));
    }
    if error.get(ContextKind::Usage).is_some() {
        let usage = usage(&get(ContextKind::Usage), language);
        text += &format!("\n{} {usage}\n", tr!(language, help_usage));
    }
    text + "\n" + tr!(language, usage_more) + "\n"
}

fn shown(value: &ContextValue) -> String {
    value.to_string()
}
