//! An app's command line, made from its manifest, and what a person said on it.

use super::{Catalog, Known};
use crate::attach::ExchangeArgs;
use crate::parse;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches as _};
use manifest::{Argument, Kind, Manifest, Value};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::path::PathBuf;
use std::time::Duration;
use units::Amount;

/// What every app's command line has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// The most to pay for everything, in credits, the trial with it.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    pub(crate) budget: Option<Amount>,
    /// How sure to be: a result's chance of being wrong, were workers independent, is below 1/TRUST. Default: 1 on a private
    /// exchange and where results prove themselves, else 3.
    #[arg(long)]
    pub(crate) trust: Option<u64>,
    /// The most a task may take on a reference machine (90s, 5m, 1h30m). Default: the tasks that are tried first say.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time_limit: Option<Duration>,
    /// Only this pool: its name on the exchange, or its address.
    #[arg(long, value_name = "NAME|ADDRESS")]
    pub(crate) pool: Option<String>,
    /// Where results go. Default: a new folder here, named after the app and the job.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Does it on this machine alone, without any exchange or account: the same bytes.
    #[arg(long, conflicts_with_all = ["budget", "trust", "pool", "detach", "until_final", "exchange", "join"])]
    pub(crate) local: bool,
    /// Waits until no result can come to nothing any more.
    #[arg(long = "final")]
    pub(crate) until_final: bool,
    /// Prints the receipt as JSON.
    #[arg(long, conflicts_with = "detach")]
    pub(crate) json: bool,
    /// Agrees to everything that would be asked.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Leaves once all is submitted; `hands job watch ID` comes back to it. Needs an exchange that goes on running.
    #[arg(long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) exchange: ExchangeArgs,
}

/// What a person said to an app.
#[derive(Clone, Debug)]
pub(crate) struct Ordered {
    pub(crate) app: Known,
    pub(crate) said: Said,
    pub(crate) options: Options,
}

/// An app's own arguments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Said {
    /// As the planner is told of them; a file is called by its own name.
    pub(crate) arguments: Map<String, serde_json::Value>,
    /// The files that were named.
    pub(crate) files: Vec<PathBuf>,
}

impl Catalog {
    /// Adds the apps to the commands.
    pub(crate) fn augment(&self, command: Command) -> Command {
        let taken: Vec<String> = command.get_subcommands().map(|own| own.get_name().to_owned()).collect();
        let free = self.all().filter(|app| !taken.contains(&app.manifest.name));
        free.fold(command, |command, app| command.subcommand(line(&app.manifest)))
    }

    /// What was said to an app, if the command is one's.
    pub(crate) fn ordered(&self, matches: &ArgMatches) -> Option<Result<Ordered, clap::Error>> {
        let (name, own) = matches.subcommand()?;
        let app = self.get(name)?.clone();
        let said = said(&app.manifest, own);
        Some(Options::from_arg_matches(own).map(|options| Ordered { app, said, options }))
    }
}

/// Texts of a command line live as long as the process.
fn kept(text: String) -> &'static str {
    text.leak()
}

fn line(app: &Manifest) -> Command {
    let command = app.arguments.iter().fold(Command::new(kept(app.name.clone())), |command, own| command.arg(arg(own)));
    // What every app has brings words of its own along; the app's come after them.
    let command = Options::augment_args(command.next_help_heading("Terms")).about(app.about.clone());
    let gap = if app.details.is_empty() { "" } else { "\n\n" };
    let command = command.long_about(format!("{}{gap}{}", app.about, app.details));
    if app.examples.is_empty() {
        return command;
    }
    let title = if app.examples.len() == 1 { "Example" } else { "Examples" };
    command.after_help(format!("{title}:\n  {}", app.examples.join("\n  ")))
}

fn arg(argument: &Argument) -> Arg {
    let name = kept(argument.name.clone());
    let mut arg = Arg::new(name).help(argument.help.clone()).required(argument.required);
    if !argument.word {
        arg = arg.long(name);
    }
    if argument.kind == Kind::Flag {
        return arg.action(ArgAction::SetTrue);
    }
    let kind = argument.kind.clone();
    arg = match &argument.kind {
        Kind::File => arg.value_name(kept(argument.name.to_uppercase())).value_parser(clap::value_parser!(PathBuf)),
        Kind::Range { .. } => arg.value_name("A-B").value_parser(move |word: &str| kind.value(word)),
        Kind::Integer { .. } => arg.value_name("N").value_parser(move |word: &str| kind.value(word)),
        Kind::Choice(choices) => {
            arg.value_name(kept(choices.join("|"))).value_parser(move |word: &str| kind.value(word))
        }
        Kind::Text | Kind::Flag => {
            arg.value_name(kept(argument.name.to_uppercase())).value_parser(move |word: &str| kind.value(word))
        }
    };
    match &argument.default {
        Some(default) => arg.default_value(kept(default.clone())),
        None => arg,
    }
}

fn said(app: &Manifest, matches: &ArgMatches) -> Said {
    let mut said = Said::default();
    for argument in &app.arguments {
        let name = argument.name.as_str();
        let value = match argument.kind {
            Kind::Flag => matches.get_flag(name).then_some(Value::Flag),
            Kind::File => matches.get_one::<PathBuf>(name).map(|path| {
                let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                said.files.push(path.clone());
                Value::Text(own)
            }),
            Kind::Text | Kind::Integer { .. } | Kind::Range { .. } | Kind::Choice(_) => {
                matches.get_one::<Value>(name).cloned()
            }
        };
        if let Some(value) = value {
            said.arguments.insert(name.to_owned(), value.to_json());
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_a_manifest_may_not_take_are_those_that_every_app_has() {
        let command = Options::augment_args(Command::new("x"));
        let mut own: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
        own.extend(["help", "home", "version"]);
        own.sort_unstable();
        assert_eq!(own, manifest::RESERVED);
    }

    #[test]
    fn a_bundled_apps_command_line_is_well_formed_and_read_as_typed() {
        let (catalog, complaints) = Catalog::open(None);
        assert!(complaints.is_empty());
        let command = catalog.augment(Command::new("hands"));
        command.clone().debug_assert();
        let typed = ["hands", "render", "a/b.obj", "--frames", "3-9", "--ignore-missing", "--budget", "2", "--yes"];
        let matches = command.try_get_matches_from(typed).unwrap();
        let ordered = catalog.ordered(&matches).unwrap().unwrap();
        assert_eq!(ordered.said.files, [PathBuf::from("a/b.obj")]);
        let arguments = serde_json::Value::Object(ordered.said.arguments);
        assert_eq!(arguments["scene"], "b.obj");
        assert_eq!(arguments["frames"], serde_json::json!({ "from": 3, "to": 9 }));
        assert_eq!((&arguments["ignore-missing"], &arguments["engine"]), (&true.into(), &"scene".into()));
        assert!(arguments.get("width").is_none());
        assert_eq!((ordered.options.budget, ordered.options.yes), (Some(Amount::credits(2)), true));
    }
}
