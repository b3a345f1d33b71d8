use crate::hands::Home;

/// Every command and subcommand.
const COMMANDS: &[&str] = &[
    "",
    "demo",
    "up",
    "serve",
    "work",
    "run",
    "map",
    "job",
    "job list",
    "job show",
    "job watch",
    "job results",
    "job cancel",
    "job explain",
    "explain",
    "book",
    "order",
    "order sell-app",
    "order sell-dataset",
    "order sell",
    "order buy",
    "order close",
    "order show",
    "order list",
    "app",
    "app publish",
    "app list",
    "app show",
    "app image",
    "app use",
    "files",
    "files list",
    "files forget",
    "pool",
    "pool list",
    "pool open",
    "pool invite",
    "pool leave",
    "pool close",
    "pool publish",
    "provider",
    "rate",
    "workers",
    "wallet",
    "wallet show",
    "wallet new",
    "wallet import",
    "wallet export",
    "wallet encrypt",
    "wallet balance",
    "wallet transfer",
    "wallet deposit",
    "wallet withdraw",
    "wallet collect",
    "operator",
    "operator credit",
    "operator redeem",
    "operator outstanding",
    "audit",
    "render",
    "search",
    "transcode",
    "doctor",
];

#[test]
fn the_help_of_every_command_is_as_written_down_and_teaches_by_example() {
    let home = Home::new();
    let mut all = String::new();
    for command in COMMANDS {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.push("--help");
        let help = home.command(words).env("COLUMNS", "100").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains("Example"), "`hands {command} --help` gives no example");
        assert!(
            help.lines().all(|line| line.chars().count() <= 100 || line.starts_with("Usage")),
            "`hands {command} --help` is too wide"
        );
        all.push_str(&format!("$ hands {command}{}--help\n{help}\n", if command.is_empty() { "" } else { " " }));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn no_command_is_left_out_of_the_list() {
    let home = Home::new();
    for command in COMMANDS {
        let help = home.hands(&format!("{command} --help")).ok().stdout;
        let Some((_, list)) = help.split_once("Commands:\n") else { continue };
        for line in list.lines().take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().unwrap();
            // Long descriptions go on in lines that are set in further.
            if !line.starts_with("  ") || line.starts_with("   ") || name == "help" {
                continue;
            }
            let full = format!("{command} {name}");
            assert!(COMMANDS.contains(&full.trim()), "`hands {full}` has no help in the snapshot");
        }
    }
}

#[test]
fn a_word_that_is_no_command_is_refused_with_the_nearest_one() {
    Home::new().hands("runn tool.wasm").fails(2, &["runn", "run"]);
}
