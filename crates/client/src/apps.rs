//! Publishing what can be run or read: apps, datasets, pools of one's own.

use crate::client::Client;
use crate::error::Error;
use crate::market::BookFilter;
use abi::Call;
use abi::call::{NewApp, NewWorkerpool};
use abi::contracts::{Asset, Registry};
use alloy_sol_types::{SolCall, SolValue};
use api::image::ImageAddress;
use api::limits::SAFE_INTEGER;
use api::order::{AnyOrder, BookRow, Kind};
use api::package::{PackageRow, Packages, TYPE};
use orders::AppOrder;
use reqwest::Method;
use std::path::Path;
use units::{Address, Amount, B256, Bytes, Digest, Tag, U256};

/// What runs WebAssembly commands.
const WASM: &str = "WASM";
/// What runs container images, in iExec's word.
const IMAGE: &str = "DOCKER";
/// How many bytes a WebAssembly module begins with, and which.
const MAGIC: &[u8] = b"\0asm";

/// A published app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct App {
    /// Its address, which orders name.
    pub address: Address,
    /// Its module.
    pub digest: Digest,
}

/// For whom an app is, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppPrice {
    /// For its owner alone, for nothing.
    OwnUse,
    /// For everybody, at this price a task.
    Everybody(Amount),
}

impl Client {
    /// Publishes a WebAssembly command for this client's own use, for nothing. Publishing it again costs nothing and gives the
    /// same app.
    ///
    /// # Errors
    /// [`Error::File`], also for what is no WebAssembly; [`Error::Refused`], [`Error::Reverted`], [`Error::Unreachable`].
    pub async fn publish_app(&self, wasm: &Path) -> Result<App, Error> {
        let module = tokio::fs::read(wasm).await.map_err(Error::file(wasm))?;
        if !module.starts_with(MAGIC) {
            let why = "it is not a WebAssembly module; build the program for wasm32-wasip1";
            return Err(Error::file(wasm)(std::io::Error::new(std::io::ErrorKind::InvalidData, why)));
        }
        let name = wasm.file_stem().and_then(|name| name.to_str()).unwrap_or("app");
        self.publish_module(name, module, AppPrice::OwnUse).await
    }

    /// Publishes a module under a name and sees to it that an app order with this price rests on the book.
    ///
    /// # Errors
    /// As of [`Client::publish_app`].
    pub async fn publish_module(
        &self,
        name: &str,
        module: impl Into<bytes::Bytes>,
        price: AppPrice,
    ) -> Result<App, Error> {
        let digest = self.upload_bytes(name, module).await?.digest;
        self.publish(name, WASM, format!("blob:{digest}"), digest, price).await
    }

    /// Publishes a container image under a name and sees to it that an app order with this price rests on the book. `digest`
    /// is that of its manifest, or of its list of platforms.
    ///
    /// # Errors
    /// As of [`Client::publish_app`].
    pub async fn publish_image(
        &self,
        name: &str,
        image: &ImageAddress,
        digest: Digest,
        price: AppPrice,
    ) -> Result<App, Error> {
        self.publish(name, IMAGE, image.to_string(), digest, price).await
    }

    /// Publishes the package of an app with a manifest, for everybody, in the place of what this client published before under
    /// the name.
    ///
    /// # Errors
    /// As of [`Client::publish_app`].
    pub async fn publish_package(&self, name: &str, package: impl Into<bytes::Bytes>) -> Result<App, Error> {
        let digest = self.upload_bytes(name, package).await?.digest;
        let app = self.publish(name, TYPE, format!("blob:{digest}"), digest, AppPrice::Everybody(Amount::ZERO)).await?;
        for old in self.packages(name).await? {
            if old.owner == self.address() && old.app != app.address {
                self.remove_order(old.order).await?;
            }
        }
        Ok(app)
    }

    /// The packages of this name that are offered to everybody, the newest first.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn packages(&self, name: &str) -> Result<Vec<PackageRow>, Error> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !plain {
            return Ok(Vec::new());
        }
        Ok(self.read::<Packages>(&format!("/v1/packages?name={name}")).await?.packages)
    }

    /// A package's file, which is what its row says.
    ///
    /// # Errors
    /// [`Error::Blob`] where it is not; [`Error::Unreachable`], [`Error::Refused`] where it is offered no longer.
    pub async fn package(&self, row: &PackageRow) -> Result<bytes::Bytes, Error> {
        let response = self.request(Method::GET, &format!("/v1/packages/{}", row.app), |request| request).await?;
        let package = self.http().body(response).await?;
        if results::sha256(&package) == row.digest { Ok(package) } else { Err(Error::Blob { digest: row.digest }) }
    }

    /// What an app is called.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`] where there is none of this address.
    pub async fn app_name(&self, app: Address) -> Result<String, Error> {
        let answer = self.view(app, Asset::m_appNameCall {}.abi_encode()).await?;
        String::abi_decode(&answer).map_err(|error| Error::answer("m_appName", error))
    }

    /// Where the image of an app is, and which one it is.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`] where there is no app of this address, [`Error::Answer`] where its address is no text.
    pub async fn app_image(&self, app: Address) -> Result<(ImageAddress, Digest), Error> {
        let answer = self.view(app, Asset::m_appMultiaddrCall {}.abi_encode()).await?;
        let address = Bytes::abi_decode(&answer).map_err(|error| Error::answer("m_appMultiaddr", error))?;
        let address = std::str::from_utf8(&address).map_err(|error| Error::answer("m_appMultiaddr", error))?;
        let answer = self.view(app, Asset::m_appChecksumCall {}.abi_encode()).await?;
        let digest = B256::abi_decode(&answer).map_err(|error| Error::answer("m_appChecksum", error))?;
        Ok((ImageAddress::read(address), Digest(digest)))
    }

    async fn publish(
        &self,
        name: &str,
        kind: &str,
        address: String,
        digest: Digest,
        price: AppPrice,
    ) -> Result<App, Error> {
        let new = NewApp {
            owner: self.address(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            multiaddr: Bytes::from(address.into_bytes()),
            checksum: digest.0,
            mrenclave: Bytes::new(),
        };
        let tag = if kind == IMAGE { Tag::CONTAINERS } else { Tag::NONE };
        let address = self.predict_app(&new).await?;
        if !self.is_registered(self.exchange().app_registry, address).await? {
            match self.transact(&Call::CreateApp(Box::new(new))).await {
                Ok(_) => {}
                // Somebody, such as another command under the same key, was faster.
                Err(Error::Reverted { .. }) if self.is_registered(self.exchange().app_registry, address).await? => {}
                Err(error) => return Err(error),
            }
        }
        self.offer_app(address, price, tag).await?;
        Ok(App { address, digest })
    }

    /// Creates a workerpool of one's own.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn create_pool(&self, description: &str) -> Result<Address, Error> {
        let address = self.pool_address(description).await?;
        let new = NewWorkerpool { owner: self.address(), description: description.to_owned() };
        self.transact(&Call::CreateWorkerpool(new)).await?;
        Ok(address)
    }

    /// The address that a pool of one's own with this description has.
    pub(crate) async fn pool_address(&self, description: &str) -> Result<Address, Error> {
        let registry = self.exchange().workerpool_registry;
        let predict = Registry::predictWorkerpoolCall {
            _workerpoolOwner: self.address(),
            _workerpoolDescription: description.to_owned(),
        };
        decode_address(&self.view(registry, predict.abi_encode()).await?, "predictWorkerpool")
    }

    /// Sees to it that an app order with this price and for these requesters rests on the book.
    async fn offer_app(&self, app: Address, price: AppPrice, tag: Tag) -> Result<(), Error> {
        let (appprice, requesterrestrict) = match price {
            AppPrice::OwnUse => (Amount::ZERO, self.address()),
            AppPrice::Everybody(price) => (price, Address::ZERO),
        };
        let filter = BookFilter { kind: Some(Kind::App), maker: Some(self.address()), ..BookFilter::default() };
        let resting = self.book(filter).await?;
        // Half an order's volume is more than anybody buys in one job.
        let only_for = Some(requesterrestrict).filter(|only| *only != Address::ZERO);
        let is_there = |row: &BookRow| {
            (row.subject, row.price, row.only_for) == (app, appprice, only_for) && row.remaining > SAFE_INTEGER / 2
        };
        if resting.iter().any(is_there) {
            return Ok(());
        }
        let order = AppOrder {
            app,
            appprice,
            volume: U256::from(SAFE_INTEGER),
            tag,
            datasetrestrict: Address::ZERO,
            workerpoolrestrict: Address::ZERO,
            requesterrestrict,
            salt: self.salt()?,
        };
        let order = AnyOrder::App(self.sign(order));
        match self.place(&order).await {
            Err(error) if error.code() == Some("too_many_orders") && self.retire_app_order(&resting).await? => {
                self.place(&order).await.map(drop)
            }
            placed => placed.map(drop),
        }
    }

    /// Takes the oldest of one's own orders for an app that costs nothing, and that no request of one's own waits for, off
    /// the book; false where there is none. Whoever builds a program anew each day would come to the limit else.
    async fn retire_app_order(&self, resting: &[BookRow]) -> Result<bool, Error> {
        let filter = BookFilter { kind: Some(Kind::Request), maker: Some(self.address()), ..BookFilter::default() };
        let wanted: Vec<Address> = self.book(filter).await?.into_iter().map(|row| row.subject).collect();
        let unused = resting.iter().filter(|row| row.price.is_zero() && !wanted.contains(&row.subject));
        let Some(oldest) = unused.min_by_key(|row| row.since) else { return Ok(false) };
        self.remove_order(oldest.order).await?;
        Ok(true)
    }

    async fn predict_app(&self, new: &NewApp) -> Result<Address, Error> {
        let predict = Registry::predictAppCall {
            _appOwner: new.owner,
            _appName: new.name.clone(),
            _appType: new.kind.clone(),
            _appMultiaddr: new.multiaddr.clone(),
            _appChecksum: new.checksum,
            _appMREnclave: new.mrenclave.clone(),
        };
        decode_address(&self.view(self.exchange().app_registry, predict.abi_encode()).await?, "predictApp")
    }

    async fn is_registered(&self, registry: Address, entry: Address) -> Result<bool, Error> {
        let answer = self.view(registry, Registry::isRegisteredCall { _entry: entry }.abi_encode()).await?;
        bool::abi_decode(&answer).map_err(|error| Error::answer("isRegistered", error))
    }
}

fn decode_address(answer: &Bytes, call: &str) -> Result<Address, Error> {
    Address::abi_decode(answer).map_err(|error| Error::answer(call, error))
}
