//! Sign-ins that `docker login` and its like wrote down.

use crate::Credentials;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// How Docker Hub is called in that file.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

#[derive(Deserialize)]
struct Logins {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    auth: String,
}

impl Credentials {
    /// The sign-ins of a file as `docker login` writes it (`~/.docker/config.json`), by registries' hosts. Those that are kept
    /// elsewhere (`credsStore`) are not in it.
    ///
    /// # Errors
    /// The file cannot be read, or is no such file.
    pub fn read_logins(file: &Path) -> io::Result<BTreeMap<String, Self>> {
        let wrong = |error: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let logins: Logins = serde_json::from_slice(&std::fs::read(file)?).map_err(wrong)?;
        let known = logins.auths.into_iter().filter_map(|(host, login)| {
            let text = String::from_utf8(decode(&login.auth)?).ok()?;
            let (name, password) = text.split_once(':')?;
            let host = if host == DOCKER_HUB { "docker.io" } else { host.trim_start_matches("https://") };
            let host = host.split('/').next().unwrap_or(host).to_owned();
            Some((host, Self::User { name: name.to_owned(), password: password.to_owned() }))
        });
        Ok(known.collect())
    }
}

/// Reads base64, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_login_wrote_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let text = r#"{"auths":{"127.0.0.1:5000":{"auth":"YWxpOm9wZW4gc2VzYW1l"},
            "https://index.docker.io/v1/":{"auth":"YTpi"},"kept.elsewhere":{}},"credsStore":"x"}"#;
        std::fs::write(&file, text).unwrap();
        let logins = Credentials::read_logins(&file).unwrap();
        let user = |name: &str, password: &str| Credentials::User { name: name.into(), password: password.into() };
        assert_eq!(logins.get("127.0.0.1:5000"), Some(&user("ali", "open sesame")));
        assert_eq!(logins.get("docker.io"), Some(&user("a", "b")));
        assert_eq!(logins.len(), 2);
        assert_eq!(decode("not base64!"), None);
    }
}
