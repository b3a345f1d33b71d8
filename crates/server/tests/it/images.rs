//! Apps that are container images: what their orders must say.

use crate::house::{House, config, finish, job_of, key, publish};
use api::image::ImageAddress;
use api::order::AnyOrder;
use client::{AppPrice, Client, Error, Options};
use orders::AppOrder;
use server::{Config, Server};
use units::{Address, Amount, B256, Digest, Tag, U256};

fn image(text: &str) -> ImageAddress {
    ImageAddress::read(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_images_order_asks_for_machines_that_run_images_and_names_a_listed_registry() {
    let folder = tempfile::tempdir().unwrap();
    let registries = Some(["docker.io".to_owned()].into());
    let server = Server::start(Config { registries, ..config(folder.path(), false) }).await.unwrap();
    let client = Client::connect(&server.url(), key(1), Options::default()).await.unwrap();
    let digest = Digest(B256::repeat_byte(7));
    let sell = async |address: &str| client.publish_image("tool", &image(address), digest, AppPrice::OwnUse).await;
    let app = sell("lab/tool:1").await.unwrap();
    let order = AppOrder {
        app: app.address,
        appprice: Amount::ZERO,
        volume: U256::from(5),
        tag: Tag::NONE,
        datasetrestrict: Address::ZERO,
        workerpoolrestrict: Address::ZERO,
        requesterrestrict: Address::ZERO,
        salt: B256::repeat_byte(1),
    };
    let refused = client.place(&AnyOrder::App(client.sign(order))).await.unwrap_err();
    assert_eq!(refused.code(), Some("tag_lacks_containers"));
    let code = |refused: Error| refused.code().map(str::to_owned);
    let refused = sell("elsewhere.example/tool:1").await.unwrap_err();
    assert_eq!(code(refused).as_deref(), Some("registry_not_listed"));
    // What is sent to the exchange itself is of no registry.
    sell(&format!("oci-archive:{digest}")).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_sold_to_no_machine_that_runs_none() {
    let house = House::private().await;
    let client = house.client(1).await;
    let agents =
        [house.agent(11, "commons", agent::Honesty::Honest), house.agent(12, "commons", agent::Honesty::Honest)];
    let digest = Digest(B256::repeat_byte(7));
    let app = client.publish_image("tool", &image("lab/tool:1"), digest, AppPrice::OwnUse).await.unwrap();
    let job = client.submit(&job_of(&app, 1, 1)).await.unwrap().job;
    // The workers are there, and are sold to who asks for less.
    let module = publish(&client).await;
    let other = client.submit(&job_of(&module, 2, 1)).await.unwrap().job;
    assert_eq!(finish(&client, other.id).await.0.finished, 2);
    let explained = client.explain(job.id).await.unwrap();
    assert_eq!((explained.matched, explained.waiting), (0, 1), "{explained:?}");
    for agent in agents {
        agent.stop().await.unwrap();
    }
}
