//! Certificates of a server, and certificates that a client trusts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::error::LiveError;
use super::pinned::Pinned;
use crate::files::read_text;

/// Certificate and key of a server, in PEM files.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// File of the certificate chain.
    pub certificates: PathBuf,
    /// File of the private key.
    pub key: PathBuf,
}

/// Certificates that a client trusts.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Public certificate authorities.
    #[default]
    Public,
    /// Only the certificates of a PEM file, which may include the server's own.
    File(PathBuf),
}

impl ServerTls {
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, LiveError> {
        let chain = certificates(&self.certificates)?;
        let key = PrivateKeyDer::from_pem_slice(read(&self.key)?.as_bytes())
            .map_err(|error| wrong(&self.key, error.to_string(), "a private key in PEM"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| {
                wrong(&self.certificates, error.to_string(), "a certificate that belongs to the key")
            })?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl Trust {
    /// Creates the connector for TLS connections to trusted servers.
    ///
    /// # Errors
    /// The file cannot be read or has no certificate.
    pub fn connector(&self) -> Result<TlsConnector, LiveError> {
        let mut roots = RootCertStore::empty();
        let (mut path, mut named) = (Path::new(""), Vec::new());
        match self {
            Self::Public => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::File(file) => {
                path = file;
                named = certificates(file)?;
                for certificate in &named {
                    roots
                        .add(certificate.clone())
                        .map_err(|error| wrong(file, error.to_string(), CERTIFICATE))?;
                }
            }
        }
        let provider = Arc::new(default_provider());
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| wrong(path, error.to_string(), CERTIFICATE))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(path, error.to_string(), CERTIFICATE))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned { authorities, named }))
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

const CERTIFICATE: &str = "certificates in PEM (-----BEGIN CERTIFICATE-----)";

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LiveError> {
    let text = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    let found = match certificates {
        Ok(certificates) if !certificates.is_empty() => return Ok(certificates),
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(wrong(path, found, CERTIFICATE))
}

fn read(path: &Path) -> Result<String, LiveError> {
    read_text(path).map_err(|error| {
        let text = error.to_string();
        let found =
            text.strip_prefix("found ").and_then(|text| text.split(", expected").next()).unwrap_or(&text);
        wrong(path, found.to_owned(), "a text file with PEM blocks (-----BEGIN)")
    })
}

/// Describes a handshake error for the user.
pub(super) fn describe(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(wrong)) = inner else { return error.to_string() };
    let found = match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not valid yet",
        CertificateError::Revoked => "revoked",
        CertificateError::UnknownIssuer => "signed by an untrusted authority",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "valid for another host only"
        }
        CertificateError::BadEncoding | CertificateError::BadSignature => "damaged",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "valid for another purpose only"
        }
        _ => "not verifiable, such as an authority's certificate used for a server",
    };
    format!(
        "server certificate: found {found}; expected one valid for this host and signed by a public \
         authority, or by one of --ca FILE"
    )
}

fn wrong(path: &Path, found: String, expected: &'static str) -> LiveError {
    LiveError::Tls { path: path.display().to_string(), found, expected }
}
