//! `hands app`: publishing programs, and apps with a manifest.

use crate::apps::{self, Catalog, Known, Origin};
use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::{Cli, Context};
use crate::exit::{Exit, hinted};
use crate::image::FoundImage;
use crate::listing::Format;
use crate::{parse, wallet};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use client::{App, AppPrice, Client};
use manifest::{ImageSource, Source};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use units::{Address, Amount};

/// Publish programs and apps, and see which there are
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands app list                                what `hands NAME` there is
  hands app publish resize/                     an app: a folder with a manyhands.toml; then `hands resize …`
  hands app publish tool.wasm                   a program for your own use; `hands run` does it by itself
  hands app publish tool.wasm --price 0.1       anybody may run it, for 0.1 credits a task
  hands app publish --image docker.io/lab/tool:2 --price 0.1
  hands app use resize                          an app that somebody offers at the exchange; then `hands resize …`
  hands app use blender-4.2.tar                 an image for apps that run one of this name")]
pub(crate) struct AppArgs {
    #[command(subcommand)]
    command: AppCommand,
}

#[derive(Debug, Subcommand)]
enum AppCommand {
    /// Publishes an app's folder, a WebAssembly program or a container image, and offers it
    #[command(after_help = "\
Examples:
  hands app publish resize/
  hands app publish tool.wasm --price 0.1
  hands app publish resize/ --price 0.01        others fetch it by `hands app use resize`

A folder's manifest is checked first: mistakes are named with their lines. Its programs are sent, an app order is signed for
each, and `hands NAME` works from then on.")]
    Publish {
        /// A folder with a manyhands.toml, or a WASI preview 1 command.
        #[arg(value_name = "DIR|APP.wasm", required_unless_present = "image", conflicts_with = "image")]
        app: Option<PathBuf>,
        /// A container image in its place: its name in a registry, or an archive's file.
        #[arg(long, value_name = "REF|FILE")]
        image: Option<String>,
        /// What anybody pays for a task of it, in credits. Default: nobody else may run it.
        #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
        price: Option<Amount>,
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Builds an image that runs Python scripts, from Debian's packages, or one of a folder: the same bytes from the same files
    #[command(after_help = "\
Examples:
  hands app image --out python3.11.tar
  hands app publish --image python3.11.tar --price 0    as the operator: then `hands run script.py` finds it
  hands app image --root tree --command /bin/tool --env LANG=C.UTF-8 --out tool.tar")]
    Image {
        /// The archive's file.
        #[arg(long, value_name = "FILE", default_value = "python3.11.tar")]
        out: PathBuf,
        /// The files of the image: all below this folder, links as they are, nobody's and without times.
        #[arg(long, value_name = "DIR", requires = "command")]
        root: Option<PathBuf>,
        /// What the image runs unless a task says otherwise; once for each word.
        #[arg(long, value_name = "WORD", requires = "root", allow_hyphen_values = true)]
        command: Vec<String>,
        /// A variable that its programs see; may be given many times.
        #[arg(long = "env", value_name = "NAME=VALUE", requires = "root", allow_hyphen_values = true)]
        environment: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Fetches an app that somebody offers at the exchange; or keeps in mind where an image is that apps run by its name
    #[command(after_help = "\
Examples:
  hands app use resize                              then `hands resize …`; `hands app show resize` says what it is
  hands app use blender-4.2.tar
  hands app use registry.lab:5000/blender-4.2:1

Of an app its manifest is fetched and what runs on your own machine, in the sandbox; what workers run stays with its owner and
them. An image is for your own use, at every exchange and with --local.")]
    Use {
        /// An app's name; or an image's in a registry, or its archive's file, which is called as the last part of that says.
        #[arg(value_name = "NAME|REF|FILE")]
        image: String,
        /// Another name for an image.
        #[arg(long)]
        name: Option<String>,
        /// Whose app, where several have one of the name.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "name")]
        owner: Option<Address>,
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Lists the apps that `hands NAME` knows
    #[command(after_help = "Example: hands app list --json")]
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Shows what an app says of itself
    #[command(after_help = "Example: hands app show render")]
    Show {
        /// Its name, or a folder with a manyhands.toml.
        #[arg(value_name = "NAME|DIR")]
        app: String,
        #[command(flatten)]
        format: Format,
    },
}

pub(crate) async fn run(context: &Context, args: AppArgs) -> anyhow::Result<Exit> {
    match args.command {
        AppCommand::Publish { app: Some(app), image: _, price, format, exchange } if app.is_dir() => {
            publish_folder(context, &app, price, format, &exchange).await
        }
        AppCommand::Publish { app, image, price, format, exchange } => {
            let image = match image {
                Some(reference) => Some(crate::image::find(&reference).await?),
                None => None,
            };
            publish_program(context, app, image, price, format, &exchange).await
        }
        AppCommand::Image { out, root: Some(root), command, environment, format } => {
            pack_image(&root, &command, &environment, &out, format)
        }
        AppCommand::Image { out, root: None, format, .. } => build_image(&out, format),
        AppCommand::Use { image, name: None, owner, format, exchange } if is_app(&image) => {
            use_app(context, &image, owner, format, &exchange).await
        }
        AppCommand::Use { image, name, format, .. } => use_image(context, &image, name, format).await,
        AppCommand::List { format } => list(context, format),
        AppCommand::Show { app, format } => show(context, &app, format),
    }
}

fn build_image(out: &Path, format: Format) -> anyhow::Result<Exit> {
    let (digest, packages) = crate::python::build(out)?;
    let value = json!({ "image": out, "digest": digest, "packages": packages });
    let lines = [("image", out.display().to_string()), ("digest", digest.to_string()), ("of", packages.join(", "))];
    format.one(&value, &lines)?;
    Ok(Exit::Done)
}

fn pack_image(
    root: &Path,
    command: &[String],
    environment: &[String],
    out: &Path,
    format: Format,
) -> anyhow::Result<Exit> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let digest = images::pack_image(root, &words, environment, out)
        .with_context(|| format!("{} cannot be packed into {}", root.display(), out.display()))?;
    let value = json!({ "image": out, "digest": digest });
    format.one(&value, &[("image", out.display().to_string()), ("digest", digest.to_string())])?;
    Ok(Exit::Done)
}

/// Whether a word is an app's name, and no file's and no image's.
fn is_app(word: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    word.chars().all(plain) && !Path::new(word).exists()
}

/// Fetches somebody's app by its name; from then on the name is a command here.
async fn use_app(
    context: &Context,
    name: &str,
    owner: Option<Address>,
    format: Format,
    exchange: &ExchangeArgs,
) -> anyhow::Result<Exit> {
    free_name(context, name)?;
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, exchange, Needs::Answers).await?;
    let fetched = apps::package::fetch(&attached.client, name, owner).await;
    let hub = attached.client.exchange().hub;
    attached.close().await;
    let apps::package::Fetched { app, addresses } = fetched?;
    app.write(&context.home.apps_folder().join(name))?;
    app.remember(&context.home, hub, addresses)?;
    let mut lines = vec![("app", name.to_owned()), ("version", app.manifest.version.clone())];
    if let Origin::Others(owner) = app.origin {
        lines.push(("owner", owner.to_string()));
    }
    lines.push(("about", app.manifest.about.clone()));
    format.one(&described(&app), &lines)?;
    crate::terminal::note(format_args!("`hands {name} --help` shows how it is used"));
    Ok(Exit::Done)
}

/// Refuses a name under which `hands` has something of its own, or this person an app of theirs.
fn free_name(context: &Context, name: &str) -> anyhow::Result<()> {
    let (catalog, _) = Catalog::open(Some(&context.home));
    match catalog.get(name).map(|app| app.origin) {
        Some(Origin::Bundled) => Err(hinted(format!("`hands {name}` is brought along by hands"), "`hands app show`")),
        Some(Origin::Published | Origin::Folder) => {
            let folder = context.home.apps_folder().join(name);
            Err(hinted(format!("an app called {name} was published from here"), format!("remove {}", folder.display())))
        }
        Some(Origin::Others(_)) | None if is_own_command(name) => {
            Err(hinted(format!("`hands {name}` is a command already"), "`hands app list` shows the apps there are"))
        }
        Some(Origin::Others(_)) | None => Ok(()),
    }
}

fn is_own_command(name: &str) -> bool {
    Cli::own().get_subcommands().any(|own| own.get_name() == name)
}

async fn use_image(context: &Context, image: &str, name: Option<String>, format: Format) -> anyhow::Result<Exit> {
    let mut found = crate::image::find(image).await?;
    if let Some(name) = name {
        found.name = name;
    }
    if !matches!(ImageSource::read(&found.name), Some(ImageSource::Named(_))) {
        return Err(hinted(format!("an app cannot call an image `{}`", found.name), "`--name tool-2.1`"));
    }
    found.keep(&context.home)?;
    let value = json!({ "name": found.name, "digest": found.digest() });
    format.one(&value, &[("image", found.name.clone()), ("digest", found.digest().to_string())])?;
    Ok(Exit::Done)
}

/// Publishes what is no folder: an image, or a module's file.
async fn publish(
    client: &Client,
    app: Option<PathBuf>,
    image: Option<FoundImage>,
    price: Option<Amount>,
) -> anyhow::Result<App> {
    if let Some(image) = image {
        return image.publish(client, price.map_or(AppPrice::OwnUse, AppPrice::Everybody)).await;
    }
    let app = app.context("an app is a WebAssembly file or an image")?;
    let Some(price) = price else { return Ok(client.publish_app(&app).await?) };
    let module = std::fs::read(&app).with_context(|| format!("cannot read {}", app.display()))?;
    let name = app.file_stem().and_then(|name| name.to_str()).unwrap_or("app");
    Ok(client.publish_module(name, module, AppPrice::Everybody(price)).await?)
}

async fn publish_program(
    context: &Context,
    app: Option<PathBuf>,
    image: Option<FoundImage>,
    price: Option<Amount>,
    format: Format,
    exchange: &ExchangeArgs,
) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, exchange, Needs::Answers).await?;
    let published = publish(&attached.client, app, image, price).await;
    attached.close().await;
    let published: App = published?;
    let value = json!({ "app": published.address, "digest": published.digest });
    format.one(&value, &[("app", published.address.to_string()), ("digest", published.digest.to_string())])?;
    Ok(Exit::Done)
}

/// Checks an app, sends its programs, offers them, and keeps it: from then on its name is a command.
async fn publish_folder(
    context: &Context,
    folder: &Path,
    price: Option<Amount>,
    format: Format,
    exchange: &ExchangeArgs,
) -> anyhow::Result<Exit> {
    let app = Known::read(folder, Origin::Folder)?;
    let name = app.manifest.name.clone();
    if is_own_command(&name) {
        return Err(hinted(format!("`hands {name}` is a command already"), "another `name` in the manifest"));
    }
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, exchange, Needs::Answers).await?;
    let published = offer(&attached.client, &app, price).await;
    let published = match published {
        Ok(addresses) if price.is_some() => announce(&attached.client, &app, &addresses).await.map(|()| addresses),
        published => published,
    };
    let hub = attached.client.exchange().hub;
    attached.close().await;
    let addresses = published?;
    let folder = context.home.apps_folder().join(&name);
    app.write(&folder)?;
    app.copy_archives(&folder)?;
    app.remember(&context.home, hub, addresses.clone())?;
    let mut lines = vec![("app", name.clone()), ("version", app.manifest.version.clone())];
    lines.extend(addresses.iter().map(|(program, address)| ("program", format!("{program} {address}"))));
    let mut value = described(&app);
    value["addresses"] = json!(addresses);
    format.one(&value, &lines)?;
    crate::terminal::note(format_args!("`hands {name} --help` shows how it is used"));
    Ok(Exit::Done)
}

/// Lets others find the app by its name.
async fn announce(client: &Client, app: &Known, addresses: &BTreeMap<String, Address>) -> anyhow::Result<()> {
    client.publish_package(&app.manifest.name, apps::package::pack(app, addresses)?).await?;
    Ok(())
}

async fn offer(client: &Client, app: &Known, price: Option<Amount>) -> anyhow::Result<BTreeMap<String, Address>> {
    let mut addresses = BTreeMap::new();
    let price = price.map_or(AppPrice::OwnUse, AppPrice::Everybody);
    for program in &app.manifest.programs {
        let name = format!("{}/{}", app.manifest.name, program.name);
        let mut found = match &program.source {
            Source::Wasm(file) => {
                let published = client.publish_module(&name, app.file(file).to_vec(), price).await?;
                addresses.insert(program.name.clone(), published.address);
                continue;
            }
            // It is looked for when it is run: here, then at the exchange.
            Source::Image(ImageSource::Named(_)) => continue,
            Source::Image(ImageSource::Pinned(reference)) => crate::image::find(reference).await?,
            Source::Image(ImageSource::Archive(file)) => crate::image::in_archive(app.archive(file)?).await?,
        };
        found.name = name;
        let published = found.publish(client, price).await?;
        addresses.insert(program.name.clone(), published.address);
    }
    Ok(addresses)
}

fn list(context: &Context, format: Format) -> anyhow::Result<Exit> {
    let (catalog, complaints) = Catalog::open(Some(&context.home));
    complaints.iter().for_each(crate::terminal::note);
    let apps: Vec<Value> = catalog.all().map(described).collect();
    let text = |app: &Value, key: &str| app[key].as_str().unwrap_or_default().to_owned();
    format.list(&apps, &["name", "version", "from", "about"], "no apps", |app: &Value| {
        ["name", "version", "from", "about"].map(|key| text(app, key)).to_vec()
    })?;
    Ok(Exit::Done)
}

fn show(context: &Context, name: &str, format: Format) -> anyhow::Result<Exit> {
    let app = if Path::new(name).join(manifest::FILE).is_file() {
        Known::read(Path::new(name), Origin::Folder)?
    } else {
        let (catalog, _) = Catalog::open(Some(&context.home));
        let unknown = || hinted(format!("there is no app {name}"), "`hands app list` shows those there are");
        catalog.get(name).cloned().ok_or_else(unknown)?
    };
    let value = described(&app);
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let files: Vec<String> = app.files.iter().map(|(name, bytes)| format!("{name} ({} bytes)", bytes.len())).collect();
    let arguments: Vec<&str> = app.manifest.arguments.iter().map(|argument| argument.name.as_str()).collect();
    format.one(
        &value,
        &[
            ("name", text("name")),
            ("version", text("version")),
            ("about", text("about")),
            ("from", text("from")),
            ("arguments", arguments.join(", ")),
            ("check", text("check")),
            ("files", files.join(", ")),
        ],
    )?;
    Ok(Exit::Done)
}

/// An app as `--json` shows it.
fn described(app: &Known) -> Value {
    let from = match app.origin {
        Origin::Bundled => "bundled",
        Origin::Published => "published here",
        Origin::Others(_) => "another's",
        Origin::Folder => "a folder",
    };
    let arguments: Vec<Value> = app
        .manifest
        .arguments
        .iter()
        .map(|argument| json!({ "name": argument.name, "kind": argument.kind.name(), "help": argument.help }))
        .collect();
    json!({
        "name": app.manifest.name,
        "version": app.manifest.version,
        "about": app.manifest.about,
        "from": from,
        "arguments": arguments,
        "check": app.manifest.check.how(),
        "probes": app.manifest.probes,
        "joins": app.manifest.join.is_some(),
    })
}
