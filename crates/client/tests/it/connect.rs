use client::{Client, Error, Options};
use orders::SigningKey;
use std::time::Duration;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32]).unwrap()
}

#[tokio::test]
async fn a_text_that_is_no_url_is_refused_before_anything_is_sent() {
    for url in ["", "nonsense", "ftp://host", "localhost:7370"] {
        let refused = Client::connect(url, key(), Options::default()).await;
        assert!(matches!(refused, Err(Error::Url { .. })), "{url}");
    }
}

#[tokio::test]
async fn an_exchange_that_does_not_run_is_unreachable_and_named() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let options = Options { patience: Duration::ZERO, ..Options::default() };
    let error = Client::connect(&url, key(), options).await.unwrap_err();
    assert!(error.is_connection(), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn a_server_that_is_no_exchange_is_told_from_one() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = socket.read(&mut request).await.unwrap();
        socket.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nwhat?").await.unwrap();
    });
    let error = Client::connect(&url, key(), Options::default()).await.unwrap_err();
    assert_eq!(error.code(), Some("no_exchange"));
    server.await.unwrap();
}
