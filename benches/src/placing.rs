//! Signed orders through the whole server: HTTP, JSON, the signer recovered, the rules, the book, a durable record, the answer.
//!
//! Each connection has an address of the loopback network to itself, as it would in life: the server keeps a bucket for each.

use crate::hosted::{Audits, Hosted};
use crate::report::Report;
use crate::usage::Usage;
use anyhow::{Context as _, ensure};
use api::limits;
use orders::{RequestOrder, SigningKey};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use units::{Amount, B256, U256};

/// Connections at once, and orders over each.
const MAKERS: u8 = 64;
const ORDERS: u64 = 300;
/// Orders by one key: a maker may have no more open.
const EACH: u64 = limits::OPEN_ORDERS as u64;
/// Orders that are sent before the first's answer has come.
const AHEAD: usize = 8;

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    let all = u64::from(MAKERS) * ORDERS;
    report.heading(&format!("{all} signed requests through HTTP over {MAKERS} connections, journaled durably"));
    let hosted = Hosted::start(folder, Audits::Hidden)?;
    let address = hosted.address();
    let sent = (1..=MAKERS).map(|maker| orders_of(&hosted, maker, address)).collect::<anyhow::Result<Vec<_>>>()?;
    let (began, before) = (Instant::now(), Usage::now()?);
    hosted.on_clients_threads(async {
        let makers = sent.into_iter().zip(1..).map(|(orders, maker)| tokio::spawn(place(address, maker, orders)));
        for maker in futures::future::join_all(makers).await {
            maker??;
        }
        anyhow::Ok(())
    })?;
    let wall = began.elapsed().as_secs_f64();
    let spent = before.spent()?;
    report.figure("http_orders_accepted_per_s", all as f64 / wall);
    report.figure("http_orders_other_programs_percent_of_a_core", spent.others_percent());
    let mut ours = 0.0;
    for (thread, seconds) in &spent.threads {
        let each_us = 1e6 * seconds / all as f64;
        if each_us >= 0.1 {
            report.figure(&format!("http_order_thread_{}_us", thread.replace([' ', '-'], "_")), each_us);
        }
        if thread != "client" {
            ours += each_us;
        }
    }
    report.figure("http_order_processor_us_of_the_server", ours);
    report.figure("http_orders_accepted_per_two_processor_s", 2e6 / ours);
    hosted.stop().map(drop)
}

/// A maker's orders as they go over the wire; nobody sells so cheaply.
fn orders_of(hosted: &Hosted, maker: u8, server: SocketAddr) -> anyhow::Result<Vec<Vec<u8>>> {
    let order = |number: u64| {
        let mut key = [maker; 32];
        key[31] = u8::try_from(number / EACH)?;
        let key = SigningKey::from_bytes(&key).context("bytes above zero are a key")?;
        let order = RequestOrder {
            app: hosted.app(),
            requester: key.address(),
            workerpoolmaxprice: Amount::nanos(1),
            volume: U256::ONE,
            trust: U256::ONE,
            salt: B256::from(U256::from(number)),
            ..RequestOrder::default()
        };
        let order = api::order::AnyOrder::Request(hosted.sign(order, &key));
        let body = serde_json::to_vec(&order)?;
        let head = format!(
            "POST /v1/orders HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        anyhow::Ok([head.into_bytes(), body].concat())
    };
    (0..ORDERS).map(order).collect()
}

async fn place(server: SocketAddr, maker: u8, orders: Vec<Vec<u8>>) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, maker), 0)))?;
    let mut stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    let mut answers = Answers::default();
    for (number, order) in orders.iter().enumerate() {
        stream.write_all(order).await?;
        if number >= AHEAD {
            answers.next(&mut stream).await?;
        }
    }
    for _ in 0..AHEAD.min(orders.len()) {
        answers.next(&mut stream).await?;
    }
    Ok(())
}

/// Answers as they come, each of the length that its head says.
#[derive(Default)]
struct Answers {
    got: Vec<u8>,
}

impl Answers {
    async fn next(&mut self, stream: &mut TcpStream) -> anyhow::Result<()> {
        loop {
            if let Some(head) = self.got.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = std::str::from_utf8(&self.got[..head])?.to_ascii_lowercase();
                ensure!(
                    text.starts_with("http/1.1 200"),
                    "an order was refused: {}",
                    String::from_utf8_lossy(&self.got)
                );
                let length = text.split("content-length: ").nth(1).context("an answer says how long it is")?;
                let length: usize = length.split("\r\n").next().unwrap_or_default().parse()?;
                if self.got.len() >= head + 4 + length {
                    self.got.drain(..head + 4 + length);
                    return Ok(());
                }
            }
            let read = stream.read_buf(&mut self.got).await?;
            ensure!(read > 0, "the server answers every order");
        }
    }
}
