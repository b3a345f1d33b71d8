//! Requests as a stranger makes them: plain HTTP, no client of ours.

use crate::house::{House, key};
use orders::SigningKey;
use orders::challenge::Challenge;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Plain HTTP.
pub(crate) struct Wire {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Wire {
    /// A stranger.
    pub(crate) fn new(house: &House) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { http, base: house.url(), token: None }
    }

    /// Somebody who has signed in.
    pub(crate) async fn signed_in(house: &House, number: u8) -> Self {
        let mut wire = Self::new(house);
        let authorization = wire.authorization(&key(number)).await;
        let join_token = house.server.join_token();
        let body = json!({ "authorization": authorization, "join_token": join_token });
        let (status, session) = wire.send(Method::POST, "/v1/session", Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{session}");
        wire.token = Some(session["token"].as_str().unwrap().to_owned());
        wire
    }

    pub(crate) fn bearing(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The answer to a fresh challenge, as iExec's `authorization` header has it.
    pub(crate) async fn authorization(&self, key: &SigningKey) -> String {
        let (_, exchange) = self.send(Method::GET, "/v1/exchange", None).await;
        let chain_id = exchange["chain_id"].as_u64().unwrap();
        let path = format!("/challenge?chainId={chain_id}&address={}", key.address());
        let (status, answer) = self.send(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let text = answer["data"]["message"]["challenge"].as_str().unwrap().to_owned();
        Challenge { service: "iExec Gateway", chain_id, text }.answer(key).to_string()
    }

    /// The session's token.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = self.request(method, path);
        Self::answer(if let Some(body) = body { request.json(&body) } else { request }).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }
}

/// An error's status and stable code.
pub(crate) fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    assert_eq!(answer.1["ok"], json!(false), "{answer:?}");
    assert!(!answer.1["error"].as_str().unwrap().is_empty());
    (answer.0.as_u16(), answer.1["code"].as_str().unwrap())
}
