//! Packages of apps: found by name, read by everybody while they are offered, and no way to anybody else's files.

use crate::house::House;
use crate::wire::{Wire, code};
use client::abi::{Call, call::NewApp};
use client::{AppPrice, Client};
use orders::AppOrder;
use reqwest::Method;
use results::sha256;
use units::{Address, Amount, Bytes, Tag, U256};

/// Registers whatever file as a package of this name, and offers it for these requesters.
async fn claim(client: &Client, name: &str, file: units::Digest, requesterrestrict: Address) -> Address {
    let new = NewApp {
        owner: client.address(),
        name: name.to_owned(),
        kind: api::package::TYPE.to_owned(),
        multiaddr: Bytes::from(format!("blob:{file}").into_bytes()),
        checksum: file.0,
        mrenclave: Bytes::new(),
    };
    let done = client.transact(&Call::CreateApp(Box::new(new))).await.unwrap();
    // The registry's Transfer names what was created.
    let app = done.logs.iter().find_map(|(_, topics, _)| topics.get(3).map(|word| Address::from_word(*word))).unwrap();
    let order = AppOrder {
        app,
        appprice: Amount::ZERO,
        volume: U256::from(1),
        tag: Tag::NONE,
        datasetrestrict: Address::ZERO,
        workerpoolrestrict: Address::ZERO,
        requesterrestrict,
        salt: client.salt().unwrap(),
    };
    client.place(&api::order::AnyOrder::App(client.sign(order))).await.unwrap();
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_found_by_its_name_and_read_by_everybody_while_it_is_offered() {
    let house = House::open().await;
    let (owner, user) = (house.client(1).await, house.client(2).await);
    owner.publish_package("words", "the first").await.unwrap();
    let program = owner.publish_module("words/count", b"\0asm program".to_vec(), AppPrice::Everybody(Amount::ZERO));
    let program = program.await.unwrap();
    // A newer one takes the place of an older one of the same owner.
    let newer = owner.publish_package("words", "the second").await.unwrap();
    let found = user.packages("words").await.unwrap();
    assert_eq!(found.iter().map(|row| row.app).collect::<Vec<_>>(), [newer.address]);
    assert_eq!((found[0].owner, found[0].digest), (owner.address(), sha256(b"the second")));
    assert_eq!(user.package(&found[0]).await.unwrap(), "the second");
    assert!(!user.has_blob(program.digest).await.unwrap(), "the program itself is for workers");
    assert!(user.packages("word").await.unwrap().is_empty());
    // Another owner's of the same name stands beside it.
    user.publish_package("words", "another's").await.unwrap();
    assert_eq!(owner.packages("words").await.unwrap().len(), 2);
    owner.remove_order(found[0].order).await.unwrap();
    assert_eq!(user.package(&found[0]).await.unwrap_err().code(), Some("unknown_package"));
    assert_eq!(owner.packages("words").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn naming_anothers_file_as_a_package_opens_it_to_nobody() {
    let house = House::open().await;
    let (owner, thief) = (house.client(1).await, house.client(2).await);
    let secret = owner.upload_bytes("secret", "nobody's business").await.unwrap().digest;
    let stolen = claim(&thief, "loot", secret, Address::ZERO).await;
    let wire = Wire::signed_in(&house, 2).await;
    assert_eq!(code(&wire.get(&format!("/v1/packages/{stolen}")).await), (404, "unknown_package"));
    // One that is for some alone is no package for everybody.
    let own = thief.upload_bytes("own", "for a friend").await.unwrap().digest;
    let private = claim(&thief, "private", own, thief.address()).await;
    assert_eq!(code(&wire.get(&format!("/v1/packages/{private}")).await), (404, "unknown_package"));
    assert!(owner.packages("private").await.unwrap().is_empty());
    // Nor is an ordinary app one, though its order is open to all.
    let app = thief.publish_module("tool", b"\0asm tool".to_vec(), AppPrice::Everybody(Amount::ZERO)).await.unwrap();
    assert_eq!(code(&wire.get(&format!("/v1/packages/{}", app.address)).await), (404, "unknown_package"));
    let nobody = Wire::new(&house).request(Method::GET, &format!("/v1/packages/{stolen}")).send().await.unwrap();
    assert_eq!(nobody.status().as_u16(), 401);
}
