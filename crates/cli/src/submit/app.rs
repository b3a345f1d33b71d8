//! The app of a job: found on the book, or published from what was typed.

use super::work::Program;
use crate::exit::hinted;
use crate::python::{Interpreter, Script};
use api::order::Kind;
use api::params::Input;
use client::{AppPrice, BookFilter, Client};
use std::path::Path;
use units::{Address, Amount, Tag};

/// An app to be bought.
pub(super) struct AppFound {
    pub(super) address: Address,
    /// The most it may cost a task.
    pub(super) price: Amount,
    /// A name for people.
    pub(super) name: String,
    /// What it asks of machines.
    pub(super) tag: Tag,
    /// Whether an image's standard output belongs to the result.
    pub(super) stdout: bool,
    /// Arguments that begin every task's.
    pub(super) prefix: Vec<String>,
    /// Files that every task sees beside those that were named.
    pub(super) inputs: Vec<Input>,
}

impl AppFound {
    fn of(address: Address, name: String, tag: Tag) -> Self {
        let (prefix, inputs) = (Vec::new(), Vec::new());
        Self { address, price: Amount::ZERO, name, tag, stdout: false, prefix, inputs }
    }
}

/// The app that runs a script, which is sent with its packages.
async fn of_script(client: &Client, script: &Script) -> anyhow::Result<AppFound> {
    let name = script.file.file_stem().map_or_else(|| "script".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let prefix = script.prefix()?;
    let interpreter = script.interpreter(client).await?;
    let packages = script.packages(&interpreter).await?;
    let mut inputs = vec![client.upload(&script.file).await?];
    if let Some((_folder, archive)) = &packages {
        inputs.push(client.upload(archive).await?);
    }
    let Interpreter { address, price, tag, .. } = interpreter;
    Ok(AppFound { price, prefix, inputs, ..AppFound::of(address, name, tag) })
}

/// The app, published if it is not yet.
pub(super) async fn find_app(client: &Client, program: &Program) -> anyhow::Result<AppFound> {
    let app = match program {
        Program::App(app) => app,
        Program::Image { found, stdout } => {
            let address = found.publish(client, AppPrice::OwnUse).await?.address;
            let (name, tag) = (found.name.clone(), Tag::CONTAINERS);
            return Ok(AppFound { stdout: *stdout, ..AppFound::of(address, name, tag) });
        }
        Program::Script(script) => return of_script(client, script).await,
    };
    let path = Path::new(app);
    if path.exists() {
        let name = path.file_stem().map_or_else(|| "app".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let address = client.publish_app(path).await?.address;
        return Ok(AppFound::of(address, name, Tag::NONE));
    }
    let Ok(address) = app.parse::<Address>() else {
        return Err(hinted(
            format!("there is no file {app}"),
            "a WebAssembly module built for wasm32-wasip1, a published app's address, or `--image`",
        ));
    };
    let filter = BookFilter { kind: Some(Kind::App), ..BookFilter::default() };
    let rows = client.book(filter).await?.into_iter().filter(|row| row.subject == address);
    match rows.min_by_key(|row| row.price) {
        Some(row) => {
            let name = crate::describe::short(address);
            Ok(AppFound { price: row.price, ..AppFound::of(address, name, row.tag) })
        }
        None => Err(hinted(format!("nobody offers the app {app}"), "`hands book --kind app` shows the apps on offer")),
    }
}
