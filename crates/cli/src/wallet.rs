//! The key that a person acts under: a file that only they can read, made on first use, or a keystore with a passphrase.

use crate::files::{write_new_private, write_private};
use crate::home::Home;
use crate::{ask, keystore};
use anyhow::{Context as _, bail};
use orders::SigningKey;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use units::Address;

/// The wallet's key; made on first use.
pub(crate) fn load(home: &Home) -> anyhow::Result<SigningKey> {
    if let Some(keystore) = read(&home.keystore_file())? {
        let passphrase = ask::passphrase(&format!("Passphrase of {}: ", home.keystore_file().display()))?;
        return Ok(keystore::decrypt(&keystore, &passphrase)?);
    }
    plain_key(&home.key_file())
}

/// Whose wallet it is, without a passphrase; none where there is no key yet.
pub(crate) fn address(home: &Home) -> anyhow::Result<Option<Address>> {
    if let Some(keystore) = read(&home.keystore_file())? {
        return Ok(keystore::address(&keystore));
    }
    let Some(text) = read(&home.key_file())? else { return Ok(None) };
    Ok(Some(parse(&text).context("the key file is damaged")?.address()))
}

/// Whether the key is encrypted.
pub(crate) fn is_encrypted(home: &Home) -> bool {
    home.keystore_file().exists()
}

/// The key in a plain file, 64 hexadecimal digits; made where it is missing.
pub(crate) fn plain_key(path: &Path) -> anyhow::Result<SigningKey> {
    if let Some(text) = read(path)? {
        return parse(&text).with_context(|| format!("{} holds no key", path.display()));
    }
    let key = new_key()?;
    let written = write_new_private(path, to_text(&key).as_bytes());
    match (written, read(path)?) {
        (Ok(()), _) => Ok(key),
        // Another command that needed it too was faster.
        (Err(_), Some(text)) => parse(&text).with_context(|| format!("{} holds no key", path.display())),
        (Err(error), None) => Err(error),
    }
}

/// A new random key.
pub(crate) fn new_key() -> anyhow::Result<SigningKey> {
    loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gives no random numbers: {error}"))?;
        // One in 2^128 is no key.
        if let Ok(key) = SigningKey::from_bytes(&bytes) {
            return Ok(key);
        }
    }
}

/// Puts a key where none is yet: plain, or encrypted under a passphrase.
pub(crate) fn store(home: &Home, key: &SigningKey, passphrase: Option<&str>) -> anyhow::Result<()> {
    for path in [home.key_file(), home.keystore_file()] {
        if path.exists() {
            bail!("there is a key in {} already; move it away first, or use another --home", path.display());
        }
    }
    match passphrase {
        Some(passphrase) => write_new_private(&home.keystore_file(), keystore::encrypt(key, passphrase)?.as_bytes()),
        None => write_new_private(&home.key_file(), to_text(key).as_bytes()),
    }
}

/// Replaces the plain key file by a keystore.
pub(crate) fn encrypt(home: &Home, passphrase: &str) -> anyhow::Result<()> {
    let key = plain_key(&home.key_file())?;
    let keystore = keystore::encrypt(&key, passphrase)?;
    keystore::decrypt(&keystore, passphrase).context("the new keystore does not open; nothing was changed")?;
    write_private(&home.keystore_file(), keystore.as_bytes())?;
    fs::remove_file(home.key_file()).with_context(|| format!("cannot remove {}", home.key_file().display()))
}

/// Reads a key as people keep it: a keystore, or 64 hexadecimal digits.
pub(crate) fn read_key(text: &str) -> anyhow::Result<SigningKey> {
    if text.trim_start().starts_with('{') {
        let passphrase = ask::passphrase("Passphrase of the keystore: ")?;
        return Ok(keystore::decrypt(text, &passphrase)?);
    }
    parse(text)
}

/// A key as a line of text.
pub(crate) fn to_text(key: &SigningKey) -> String {
    format!("0x{}\n", hex::encode(key.to_bytes()))
}

fn parse(text: &str) -> anyhow::Result<SigningKey> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let bytes: Option<[u8; 32]> = hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok());
    let Some(bytes) = bytes else { bail!("a key is 64 hexadecimal digits, or a web3 keystore") };
    Ok(SigningKey::from_bytes(&bytes)?)
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(Some(folder.path().join("home"))).unwrap();
        assert_eq!(address(&home).unwrap(), None);
        let key = load(&home).unwrap();
        assert_eq!(load(&home).unwrap().to_bytes(), key.to_bytes());
        assert_eq!(address(&home).unwrap(), Some(key.address()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(home.key_file()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn commands_that_need_a_first_key_at_the_same_time_get_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let addresses: std::collections::BTreeSet<Address> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| plain_key(&path).unwrap().address())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(addresses.len(), 1);
    }

    #[test]
    fn a_key_is_never_stored_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(Some(folder.path().to_owned())).unwrap();
        let key = load(&home).unwrap();
        assert!(store(&home, &new_key().unwrap(), None).is_err());
        assert_eq!(load(&home).unwrap().to_bytes(), key.to_bytes());
    }

    #[test]
    fn keys_are_read_with_and_without_their_prefix() {
        let key = new_key().unwrap();
        let text = to_text(&key);
        for text in [text.as_str(), &text[2..], text.trim()] {
            assert_eq!(read_key(text).unwrap().to_bytes(), key.to_bytes());
        }
        for bad in ["", "0x12", &"0".repeat(64)] {
            assert!(read_key(bad).is_err(), "{bad}");
        }
    }
}
