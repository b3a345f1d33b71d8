//! Signed orders through the whole server: HTTP, JSON, the signer recovered, the rules, the book, a durable record, the answer.
//!
//! Each connection has an address of the loopback network to itself, as it would in life: the server keeps a bucket for each.

use crate::hosted::{Audits, Hosted};
use crate::report::Report;
use crate::usage::Usage;
use anyhow::{Context as _, ensure};
use api::limits;
use api::order::{AnyOrder, Orders};
use orders::{RequestOrder, SigningKey};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use units::{Amount, B256, U256};

/// Connections at once.
const MAKERS: u8 = 64;
/// Orders over each connection: each sent by itself, and many at once.
const ALONE: u64 = 300;
const TOGETHER: u64 = 1_000;
/// Orders in a request that has many.
const AT_ONCE: usize = 100;
/// Orders by one key: a maker may have no more open.
const EACH: u64 = limits::OPEN_ORDERS as u64;
/// Requests that are sent before the first's answer has come.
const AHEAD: usize = 8;

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    let hosted = Hosted::start(folder, Audits::Hidden)?;
    let all = u64::from(MAKERS) * ALONE;
    report.heading(&format!("{all} signed requests through HTTP over {MAKERS} connections, journaled durably"));
    round(report, &hosted, "http_order", (0, ALONE), 1)?;
    let all = u64::from(MAKERS) * TOGETHER;
    report.heading(&format!("{all} more, {AT_ONCE} in each request"));
    round(report, &hosted, "http_order_of_100", (ALONE, TOGETHER), AT_ONCE)?;
    hosted.stop().map(drop)
}

/// So many orders of each maker, some at once, from its `first` on.
fn round(
    report: &mut Report,
    hosted: &Hosted,
    name: &str,
    (first, each): (u64, u64),
    at_once: usize,
) -> anyhow::Result<()> {
    let address = hosted.address();
    let requests = |maker| {
        let orders = orders_of(hosted, maker, first..first + each)?;
        orders.chunks(at_once).map(|orders| request_of(orders, address)).collect::<anyhow::Result<Vec<_>>>()
    };
    let sent = (1..=MAKERS).map(requests).collect::<anyhow::Result<Vec<_>>>()?;
    let all = u64::from(MAKERS) * each;
    let (began, before) = (Instant::now(), Usage::now()?);
    hosted.on_clients_threads(async {
        let makers = sent.into_iter().zip(1..).map(|(requests, maker)| tokio::spawn(place(address, maker, requests)));
        for maker in futures::future::join_all(makers).await {
            maker??;
        }
        anyhow::Ok(())
    })?;
    let wall = began.elapsed().as_secs_f64();
    let spent = before.spent()?;
    report.figure(&format!("{name}s_accepted_per_s"), all as f64 / wall);
    report.figure(&format!("{name}s_other_programs_percent_of_a_core"), spent.others_percent());
    let mut ours = 0.0;
    for (thread, seconds) in &spent.threads {
        let each_us = 1e6 * seconds / all as f64;
        if each_us >= 0.1 {
            report.figure(&format!("{name}_thread_{}_us", thread.replace([' ', '-'], "_")), each_us);
        }
        if thread != "client" {
            ours += each_us;
        }
    }
    report.figure(&format!("{name}_processor_us_of_the_server"), ours);
    report.figure(&format!("{name}s_accepted_per_two_processor_s"), 2e6 / ours);
    Ok(())
}

/// A maker's orders; nobody sells so cheaply.
fn orders_of(hosted: &Hosted, maker: u8, numbers: Range<u64>) -> anyhow::Result<Vec<AnyOrder>> {
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
        anyhow::Ok(AnyOrder::Request(hosted.sign(order, &key)))
    };
    numbers.map(order).collect()
}

/// Orders as they go over the wire: one by itself, or many at once.
fn request_of(orders: &[AnyOrder], server: SocketAddr) -> anyhow::Result<Vec<u8>> {
    let (path, body) = match orders {
        [order] => ("/v1/orders", serde_json::to_vec(order)?),
        many => ("/v1/orders/batch", serde_json::to_vec(&Orders { orders: many.to_vec() })?),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Ok([head.into_bytes(), body].concat())
}

async fn place(server: SocketAddr, maker: u8, requests: Vec<Vec<u8>>) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, maker), 0)))?;
    let mut stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    let mut answers = Answers::default();
    for (number, request) in requests.iter().enumerate() {
        stream.write_all(request).await?;
        if number >= AHEAD {
            answers.next(&mut stream).await?;
        }
    }
    for _ in 0..AHEAD.min(requests.len()) {
        answers.next(&mut stream).await?;
    }
    Ok(())
}

/// What the answer says of one of many orders that was not taken.
const REFUSED: &[u8] = br#""refused":"#;

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
                    let body = &self.got[head + 4..head + 4 + length];
                    let refused = body.windows(REFUSED.len()).any(|window| window == REFUSED);
                    ensure!(!refused, "an order was refused: {}", String::from_utf8_lossy(body));
                    self.got.drain(..head + 4 + length);
                    return Ok(());
                }
            }
            let read = stream.read_buf(&mut self.got).await?;
            ensure!(read > 0, "the server answers every order");
        }
    }
}
