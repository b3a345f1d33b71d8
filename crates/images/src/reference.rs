//! Names of images, and the registries that a machine's owner lets it fetch from.

use crate::{Error, Fault};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use units::Digest;

/// The registries that are allowed unless the owner says otherwise: large public ones. An image's name is a stranger's
/// word, and fetching it makes this machine speak to the host it names.
pub const PUBLIC_REGISTRIES: &[&str] = &[
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "quay.io",
    "registry.gitlab.com",
    "registry.hub.docker.com",
];

/// An image's name: `[HOST/]NAME[:TAG][@sha256:DIGEST]`; without a host Docker Hub's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    name: oci_client::Reference,
    digest: Option<Digest>,
}

impl FromStr for Reference {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let fault = |why: String| Fault::Reference { text: text.chars().take(256).collect(), why };
        let name: oci_client::Reference =
            text.parse().map_err(|error: oci_client::ParseError| fault(error.to_string()))?;
        let digest = name.digest().map(str::parse).transpose();
        let digest = digest.map_err(|error: units::ParseDigestError| fault(error.to_string()))?;
        Ok(Self { name, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl Reference {
    /// The registry's host, with its port where it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.name.registry()
    }

    /// The digest that fixes which image it is; `None` for a tag, which may name another tomorrow.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same repository's image of this digest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        let name = self.name.clone_with_digest(digest.to_string());
        Self { name, digest: Some(digest) }
    }

    pub(crate) fn name(&self) -> &oci_client::Reference {
        &self.name
    }
}

/// The registries that a machine fetches from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registries {
    secure: BTreeSet<String>,
    plain: BTreeSet<String>,
}

impl Default for Registries {
    fn default() -> Self {
        Self { secure: PUBLIC_REGISTRIES.iter().map(|&host| host.to_owned()).collect(), plain: BTreeSet::new() }
    }
}

impl Registries {
    /// Allows another: `HOST[:PORT]`, or `http://HOST[:PORT]` for one that speaks without TLS.
    pub fn allow(&mut self, registry: &str) {
        match registry.strip_prefix("http://") {
            Some(host) => self.plain.insert(host.trim_end_matches('/').to_owned()),
            None => self.secure.insert(registry.trim_start_matches("https://").trim_end_matches('/').to_owned()),
        };
    }

    /// Those that speak without TLS.
    pub(crate) fn plain(&self) -> Vec<String> {
        self.plain.iter().cloned().collect()
    }

    /// Whether an image may be fetched.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub fn check(&self, reference: &Reference) -> Result<(), Error> {
        let registry = reference.registry();
        if self.secure.contains(registry) || self.plain.contains(registry) {
            return Ok(());
        }
        let allowed: Vec<&str> = self.secure.iter().chain(&self.plain).map(String::as_str).collect();
        Err(Error::NotAllowed { registry: registry.to_owned(), allowed: allowed.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";

    #[test]
    fn a_name_without_a_host_is_docker_hubs() {
        let reference: Reference = "alpine".parse().unwrap();
        assert_eq!(reference.registry(), "docker.io");
        assert_eq!(reference.digest(), None);
        assert!(Registries::default().check(&reference).is_ok());
    }

    #[test]
    fn a_digest_fixes_the_image() {
        let reference: Reference = format!("127.0.0.1:5000/lab/x@sha256:{HEX}").parse().unwrap();
        assert_eq!(reference.registry(), "127.0.0.1:5000");
        assert_eq!(reference.digest().unwrap().hex(), HEX);
        let by_tag: Reference = "127.0.0.1:5000/lab/x:1".parse().unwrap();
        assert_eq!(by_tag.pinned(reference.digest().unwrap()).digest(), reference.digest());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "x/UPPER", "a b", "x@sha256:12", "x@md5:00", "http://x/y"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_stranger_cannot_make_the_machine_speak_to_any_host() {
        let mut registries = Registries::default();
        for text in ["127.0.0.1:8080/a", "169.254.169.254/latest", "intranet.local/x", "localhost/x"] {
            let reference: Reference = text.parse().unwrap();
            assert!(matches!(registries.check(&reference), Err(Error::NotAllowed { .. })), "{text}");
        }
        registries.allow("http://127.0.0.1:8080/");
        assert!(registries.check(&"127.0.0.1:8080/a".parse().unwrap()).is_ok());
    }
}
