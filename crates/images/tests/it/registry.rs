//! Fetching from registries: Debian's own, fetched and started here, and one that lies.

use crate::layout::{Layout, digest, file, gzip, layer};
use fixtures::Registry;
use images::{Caps, Credentials, Error, Image, Puller, Reference, Registries, Store};
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// `open sesame` for `ali`, as the registry wants it (bcrypt).
const PASSWORDS: &str = "ali:$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW";

/// Where what is fetched is kept.
const SHELF: &str = env!("CARGO_TARGET_TMPDIR");

fn reference(registry: &Registry, tag: &str) -> Reference {
    format!("{}/lab/app{tag}", registry.address()).parse().unwrap()
}

async fn push(registry: &Registry, layout: &mut Layout, auth: &RegistryAuth) -> String {
    let name = layout.write();
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let protocol = ClientProtocol::HttpsExcept(vec![registry.address().to_owned()]);
    let client = Client::new(ClientConfig { protocol, ..ClientConfig::default() });
    let to: oci_client::Reference = format!("{}/lab/app:1", registry.address()).parse().unwrap();
    client.auth(&to, auth, oci_client::RegistryOperation::Push).await.unwrap();
    let read = |digest: &str| fs::read(layout.path().join("blobs").join(digest.replace(':', "/"))).unwrap();
    let layers = layout.manifest["layers"].as_array().unwrap().iter();
    for blob in layers.chain([&layout.manifest["config"]]) {
        let digest = blob["digest"].as_str().unwrap();
        client.push_blob(&to, read(digest), digest).await.unwrap();
    }
    let kind = layout.manifest["mediaType"].as_str().unwrap().parse().unwrap();
    client.push_manifest_raw(&to, read(&name), kind).await.unwrap();
    name
}

fn puller(address: &str) -> Puller {
    let mut registries = Registries::default();
    registries.allow(&format!("http://{address}"));
    Puller::new(registries)
}

fn store() -> (TempDir, Store) {
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path(), Caps::default()).unwrap();
    (home, store)
}

fn anonymous() -> Credentials {
    Credentials::Anonymous
}

#[tokio::test]
async fn an_image_is_fetched_once_verified_and_unpacked() {
    let registry = Registry::open(SHELF);
    let content = "x".repeat(300_000);
    let mut layout = Layout::new(&[layer([file("bin/app", "1")]), layer([file("data", &content)])]);
    let name = push(&registry, &mut layout, &RegistryAuth::Anonymous).await;
    let (_home, store) = store();
    let puller = puller(registry.address());
    let mut steps = Vec::new();
    let told = |come, total| steps.push((come, total));
    let image = puller.pull(&reference(&registry, ":1"), &anonymous(), &store, told).await.unwrap();
    assert_eq!(image.digest.to_string(), name);
    assert!(steps.is_sorted() && steps.last().is_some_and(|(come, total)| come == total), "{steps:?}");
    let tree = store.unpack(&image, None).unwrap().tree;
    assert_eq!(fs::read_to_string(tree.join("data")).unwrap(), content);
    // Kept and named by its digest: the registry is not asked again, and need not be there.
    let pinned = reference(&registry, "").pinned(image.digest);
    drop(registry);
    let again = puller.pull(&pinned, &anonymous(), &store, |_, _| {}).await.unwrap();
    assert_eq!(again, image);
}

#[tokio::test]
async fn a_registry_with_passwords_is_asked_with_one() {
    let registry = Registry::guarded(SHELF, PASSWORDS);
    let ali = RegistryAuth::Basic("ali".to_owned(), "open sesame".to_owned());
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    push(&registry, &mut layout, &ali).await;
    let (_home, store) = store();
    let puller_of = || puller(registry.address());
    let reference = reference(&registry, ":1");
    let refused = puller_of().pull(&reference, &anonymous(), &store, |_, _| {}).await.unwrap_err();
    assert!(refused.to_string().contains("sign-in"), "{refused}");
    let user = |password: &str| Credentials::User { name: "ali".to_owned(), password: password.to_owned() };
    let refused = puller_of().pull(&reference, &user("open barley"), &store, |_, _| {}).await.unwrap_err();
    assert!(refused.to_string().contains("sign-in"), "{refused}");
    assert!(!format!("{:?}", user("open barley")).contains("barley"));
    puller_of().pull(&reference, &user("open sesame"), &store, |_, _| {}).await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_said_so_and_nothing_is_kept() {
    let registry = Registry::open(SHELF);
    let (home, store) = store();
    let puller_of = || puller(registry.address());
    let refused = puller_of().pull(&reference(&registry, ":none"), &anonymous(), &store, |_, _| {}).await.unwrap_err();
    assert!(refused.to_string().contains("no such image"), "{refused}");
    let elsewhere: Reference = "127.0.0.2:1/lab/app:1".parse().unwrap();
    let refused = puller_of().pull(&elsewhere, &anonymous(), &store, |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, Error::NotAllowed { .. }), "{refused}");
    assert_eq!(fs::read_dir(home.path().join("blobs")).unwrap().count(), 0);
}

/// A registry that answers with what it was told to, right or wrong; it counts what it was asked.
struct Liar {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Liar {
    fn start(answers: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && connection.read(&mut byte).is_ok_and(|count| count == 1) {
                    request.push(byte[0]);
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                counter.fetch_add(1, Ordering::SeqCst);
                let empty = Vec::new();
                let (status, body) = if path == "/v2/" {
                    ("200 OK", &empty)
                } else {
                    answers.get(&path).map_or(("404 Not Found", &empty), |body| ("200 OK", body))
                };
                let length = body.len();
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                let _sent = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body));
            }
        });
        Self { address, asked }
    }
}

/// Asks a liar for `layout` by its true digest; `bend` changes what is answered.
async fn ask(
    layout: &mut Layout,
    bend: impl FnOnce(&mut BTreeMap<String, Vec<u8>>, &Value),
) -> (Result<Image, Error>, usize) {
    let name = layout.write();
    let mut answers = BTreeMap::new();
    for blob in fs::read_dir(layout.path().join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let hex = path.file_name().unwrap().to_str().unwrap();
        answers.insert(format!("/v2/lab/app/blobs/sha256:{hex}"), fs::read(&path).unwrap());
    }
    let manifest = answers[&format!("/v2/lab/app/blobs/{name}")].clone();
    answers.insert(format!("/v2/lab/app/manifests/{name}"), manifest);
    bend(&mut answers, &layout.manifest);
    let liar = Liar::start(answers);
    let reference: Reference = format!("{}/lab/app@{name}", liar.address).parse().unwrap();
    let (home, store) = store();
    let pulled = puller(&liar.address).pull(&reference, &anonymous(), &store, |_, _| {}).await;
    assert_eq!(fs::read_dir(home.path().join("work")).unwrap().count(), 0, "nothing half made stays");
    for blob in fs::read_dir(home.path().join("blobs")).unwrap() {
        let path = blob.unwrap().path();
        let kept = fs::read(&path).unwrap();
        assert!(
            digest(&kept).ends_with(path.file_name().unwrap().to_str().unwrap()),
            "what is kept is what its name says"
        );
    }
    (pulled, liar.asked.load(Ordering::SeqCst))
}

fn layer_path(manifest: &Value) -> String {
    format!("/v2/lab/app/blobs/{}", manifest["layers"][0]["digest"].as_str().unwrap())
}

#[tokio::test]
async fn a_registry_that_tells_the_truth_is_believed() {
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    let (pulled, _) = ask(&mut layout, |_, _| {}).await;
    assert!(pulled.is_ok(), "{pulled:?}");
}

#[tokio::test]
async fn a_manifest_that_is_not_the_one_asked_for_is_refused() {
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    let (pulled, _) = ask(&mut layout, |answers, manifest| {
        let mut other = manifest.clone();
        other["annotations"] = serde_json::json!({ "x": "y" });
        let path = answers.keys().find(|path| path.contains("manifests")).unwrap().clone();
        answers.insert(path, serde_json::to_vec(&other).unwrap());
    })
    .await;
    assert!(pulled.is_err(), "{pulled:?}");
}

#[tokio::test]
async fn a_layer_with_other_bytes_or_more_or_fewer_is_refused() {
    let packed = gzip(&layer([file("a", "1")]));
    let longer = [packed.as_slice(), &[0; 1_000_000]].concat();
    let mut other = packed.clone();
    *other.last_mut().unwrap() ^= 1;
    for lie in [other, longer, packed[..packed.len() - 1].to_vec()] {
        let mut layout = Layout::new(&[layer([file("a", "1")])]);
        let (pulled, _) = ask(&mut layout, |answers, manifest| {
            answers.insert(layer_path(manifest), lie);
        })
        .await;
        assert!(pulled.is_err(), "{pulled:?}");
    }
}

#[tokio::test]
async fn other_places_that_a_manifest_names_are_never_asked() {
    let elsewhere = Liar::start(BTreeMap::new());
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    let url = format!("http://{}/secret", elsewhere.address);
    layout.manifest["layers"][0]["urls"] = serde_json::json!([url]);
    let (pulled, asked) = ask(&mut layout, |answers, manifest| {
        answers.remove(&layer_path(manifest));
    })
    .await;
    assert!(matches!(pulled, Err(Error::Unreachable { .. })), "{pulled:?}");
    assert!(asked > 0);
    assert_eq!(elsewhere.asked.load(Ordering::SeqCst), 0);
}
