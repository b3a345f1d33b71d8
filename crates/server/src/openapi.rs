//! The OpenAPI document, made from two tables: [`routes`] and [`schemas`]. A test regenerates it and compares it with what is
//! committed; others hold real answers against it.

mod routes;
mod schemas;

use routes::{Route, Says};
use serde_json::{Map, Value, json};

/// The document as it is committed in `docs/openapi.json`: indented, with a line's end.
#[must_use]
pub fn document() -> String {
    let mut paths = Map::new();
    for route in routes::all() {
        let path = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.to_owned(), operation(&route));
        }
    }
    let schemas: Map<String, Value> =
        schemas::all().into_iter().map(|schema| (schema.name.to_owned(), schema.json())).collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Manyhands",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An exchange for computing power. Amounts are decimal strings of nano-credits, times \
                milliseconds since the Unix epoch, bytes 0x and hexadecimal digits, digests sha256: and 64 of them. \
                Routes at the root are iExec's market gateway's: numbers come in as strings and go out as numbers.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token from POST /v1/session, or on a private exchange its join token.",
                },
                "challenge": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "authorization",
                    "description": "<hash>_<signature>_<address>: the answer to GET /challenge, good once.",
                },
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&document).expect("the document is plain JSON");
    text.push('\n');
    text
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| parameter(name, "path", true))
        .collect();
    parameters.extend(route.query.iter().map(|name| parameter(name, "query", false)));
    let mut responses = Map::new();
    responses.insert(route.status.to_string(), answer(&route.says));
    responses.insert(
        "default".to_owned(),
        json!({ "description": "No, and why.", "content": content("application/json", reference("Error")) }),
    );
    let mut operation = json!({ "summary": route.summary, "tags": [route.tag], "responses": responses });
    let Some(fields) = operation.as_object_mut() else { return operation };
    if !parameters.is_empty() {
        fields.insert("parameters".to_owned(), Value::Array(parameters));
    }
    if let Some(body) = &route.body {
        fields.insert("requestBody".to_owned(), json!({ "required": true, "content": content_of(body) }));
    }
    if let Some(scheme) = route.security {
        fields.insert("security".to_owned(), json!([{ scheme: [] }]));
    }
    operation
}

fn parameter(name: &str, place: &str, required: bool) -> Value {
    json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } })
}

fn answer(says: &Says) -> Value {
    let mut answer = json!({ "description": says.words() });
    let content = content_of(says);
    if let (Some(fields), false) = (answer.as_object_mut(), content.is_null()) {
        fields.insert("content".to_owned(), content);
    }
    answer
}

fn content_of(says: &Says) -> Value {
    match says {
        Says::Json(name) => content("application/json", reference(name)),
        Says::Receipted(name) => {
            let receipt =
                json!({ "type": "object", "required": ["receipt"], "properties": { "receipt": reference("Receipt") } });
            content("application/json", json!({ "allOf": [reference(name), receipt] }))
        }
        Says::Bytes(kind) => content(kind, json!({ "type": "string", "format": "binary" })),
        Says::Text(kind) => content(kind, json!({ "type": "string" })),
        Says::Nothing(_) => Value::Null,
    }
}

fn content(kind: &str, schema: Value) -> Value {
    json!({ kind: { "schema": schema } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
