//! Where the image of an app is: what the app's address on the exchange (`multiaddr`) says.

use units::Digest;

/// What goes before the digest of an archive.
const ARCHIVE: &str = "oci-archive:";
/// The registry of names that have none.
const DOCKER_HUB: &str = "docker.io";

/// Where an image is. Which one it is, the app's checksum says: the digest of its manifest, or of its list of platforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageAddress {
    /// In a registry: `[HOST/]NAME[:TAG][@DIGEST]`, as iExec's apps have it.
    Registry(String),
    /// In a blob of this exchange, an OCI layout as one tar file: `oci-archive:sha256:…`.
    Archive(Digest),
}

impl ImageAddress {
    /// Reads an address; whether a name in a registry is one, whoever fetches it finds out.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self::archive(text).map_or_else(|| Self::Registry(text.to_owned()), Self::Archive)
    }

    /// The archive that an address names, if it does.
    #[must_use]
    pub fn archive(text: &str) -> Option<Digest> {
        text.strip_prefix(ARCHIVE)?.parse().ok()
    }

    /// The registry's host, with its port where it has one; none of an archive.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        let Self::Registry(name) = self else { return None };
        let host = name.split_once('/').map(|(host, _)| host);
        let host = host.filter(|host| host.contains(['.', ':']) || *host == "localhost");
        Some(host.unwrap_or(DOCKER_HUB))
    }
}

impl std::fmt::Display for ImageAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Registry(name) => f.write_str(name),
            Self::Archive(digest) => write!(f, "{ARCHIVE}{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_registry_or_an_archive() {
        let of = |text: &str| ImageAddress::read(text).registry().map(str::to_owned);
        for (text, host) in [
            ("alpine:3", "docker.io"),
            ("iexechub/python-hello-world:8.0.0", "docker.io"),
            ("ghcr.io/a/b@sha256:00", "ghcr.io"),
            ("localhost/a", "localhost"),
            ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000"),
        ] {
            assert_eq!(of(text).as_deref(), Some(host), "{text}");
        }
        let archive = ImageAddress::Archive(Digest(units::B256::repeat_byte(7)));
        assert_eq!(ImageAddress::read(&archive.to_string()), archive);
        assert_eq!(archive.registry(), None);
    }
}
