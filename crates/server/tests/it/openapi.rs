//! The committed document is the generated one, and real answers are as it says.

use crate::house::{House, finish, job_of, key, publish};
use crate::wire::Wire;
use agent::Honesty;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let generated = server::openapi();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "docs/openapi.json is out of date; run this test with UPDATE_OPENAPI=1");
}

/// What is wrong with a value, by a schema of the document.
fn misfits(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#')).unwrap();
        return misfits(document, schema, value, at, found);
    }
    if let Some(all) = schema["allOf"].as_array() {
        // Each part knows its own fields alone: only what must be there is looked at.
        for part in all {
            let part =
                part["$ref"].as_str().map_or(part, |name| document.pointer(name.trim_start_matches('#')).unwrap());
            for name in part["required"].as_array().unwrap() {
                if value.get(name.as_str().unwrap()).is_none() {
                    found.push(format!("{at}.{name} is missing"));
                }
            }
        }
        return;
    }
    let fits = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !fits {
        found.push(format!("{at} is {value}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        misfits(document, &schema["items"], item, &format!("{at}[{index}]"), found);
    }
    let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) else { return };
    for (name, field) in fields {
        match properties.get(name) {
            Some(schema) => misfits(document, schema, field, &format!("{at}.{name}"), found),
            None => found.push(format!("{at}.{name} is not in the document")),
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}.{name} is missing"));
        }
    }
}

fn check(document: &Value, path: &str, method: &str, status: u16, answer: &Value) {
    let responses = &document["paths"][path][method]["responses"];
    let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} says nothing of {status}");
    let mut found = Vec::new();
    misfits(document, schema, answer, path, &mut found);
    assert!(found.is_empty(), "{found:#?}\n{answer:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn real_answers_are_as_the_document_says() {
    let document: Value = serde_json::from_str(&server::openapi()).unwrap();
    let house = House::open().await;
    let _worker = house.agent(10, "commons", Honesty::Honest);
    let client = house.client(1).await;
    let app = publish(&client).await;
    let submitted = client.submit(&job_of(&app, 2, 2)).await.unwrap();
    let (job, results) = finish(&client, submitted.job.id).await;
    let (id, deal, task) = (job.id.to_string(), job.deals[0].to_string(), results[0].task.to_string());
    let (me, wire) = (key(1).address().to_string(), Wire::signed_in(&house, 1).await);
    let worker = key(10).address().to_string();
    let order = client.book(client::BookFilter::default()).await.unwrap()[0].order.to_string();
    for (template, name) in [
        ("/healthz", ""),
        ("/v1/exchange", ""),
        ("/v1/book", ""),
        ("/v1/jobs", ""),
        ("/v1/jobs/{id}", &*id),
        ("/v1/jobs/{id}/results", &id),
        ("/v1/jobs/{id}/explain", &id),
        ("/v1/deals/{id}", &deal),
        ("/v1/tasks/{id}", &task),
        ("/v1/tasks/{id}/explain", &task),
        ("/v1/workers/{address}/explain", &worker),
        ("/v1/accounts/{address}", &me),
        ("/v1/workers", ""),
        ("/v1/outstanding", ""),
        ("/version", ""),
        ("/categories", ""),
        ("/categories/{id}", "0"),
        ("/deals", ""),
        ("/deals/{id}", &deal),
        ("/apporders/{hash}", &order),
        ("/requestorders", ""),
        ("/requestorders/{hash}", &id),
    ] {
        let path = template.replace("{id}", name).replace("{address}", name).replace("{hash}", name);
        let (status, answer) = wire.get(&path).await;
        check(&document, template, "get", status.as_u16(), &answer);
    }
    let again = json!({ "order": submitted.order, "title": "" });
    let (status, answer) = wire.send(Method::POST, "/v1/jobs", Some(again)).await;
    check(&document, "/v1/jobs", "post", status.as_u16(), &answer);
    let (status, answer) = wire.get("/v1/jobs/none").await;
    assert_eq!(status.as_u16(), 400);
    check(&document, "/v1/jobs/{id}", "get", 400, &answer);
}

#[test]
fn every_route_of_the_document_is_there() {
    // The router cannot be asked for its routes; but a wrong method on a route is told from no route at all.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let document: Value = serde_json::from_str(&server::openapi()).unwrap();
        let house = House::open().await;
        let wire = Wire::new(&house);
        for path in document["paths"].as_object().unwrap().keys() {
            let path = path.replace(['{', '}'], "");
            let (_, answer) = wire.send(Method::PATCH, &path, None).await;
            let expected = if path == "/v1/worker" { Value::Null } else { json!("method_not_allowed") };
            assert_eq!(answer["code"], expected, "{path}");
        }
    });
}
