//! TLS: a certificate from files, read again when they change, so that a renewed one needs no restart.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

/// What a client may speak, the first one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// HTTP/2 as clients ask for it.
pub const HTTP2: &[u8] = b"h2";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help(
        "`certificate` of [tls] is a PEM file with the certificate and those between it and the root, `key` one with its key"
    ))]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: pem::Error,
    },
    /// The files cannot be looked at.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("festoon must have the right to read it"))]
    Access {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Certificate and key are not usable together.
    #[error("{certificate} and {key} do not make a certificate: {source}")]
    #[diagnostic(help("the key must be that of the first certificate"))]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
}

/// The certificate of the moment.
#[derive(Debug)]
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// When the files that were read last had been written.
    written: Mutex<[SystemTime; 2]>,
}

impl Certificate {
    /// Reads it.
    ///
    /// # Errors
    /// If the files are not there or not a certificate and its key.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let written = [written(certificate)?, written(key)?];
        let current = ArcSwap::from_pointee(read(certificate, key)?);
        Ok(Arc::new(Self { certificate: certificate.into(), key: key.into(), current, written: Mutex::new(written) }))
    }

    /// Reads it again if its files changed; says whether they did. What was there before stays if they cannot be used.
    ///
    /// # Errors
    /// As [`Certificate::open`].
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let now = [written(&self.certificate)?, written(&self.key)?];
        if now == *self.written.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(false);
        }
        self.current.store(Arc::new(read(&self.certificate, &self.key)?));
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(true)
    }

    /// What takes connections with it.
    ///
    /// # Errors
    /// If the cryptography lacks a version of TLS, which it does not.
    pub fn acceptor(self: &Arc<Self>) -> io::Result<TlsAcceptor> {
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let certificate: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config = config.map_err(io::Error::other)?.with_no_client_auth().with_cert_resolver(certificate);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Arc::new(config).into())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn written(path: &Path) -> Result<SystemTime, TlsError> {
    let failed = |source| TlsError::Access { path: path.into(), source };
    fs::metadata(path).and_then(|data| data.modified()).map_err(failed)
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let failed = |path: &Path, source| TlsError::File { path: path.into(), source };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| failed(certificate, error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error))?;
    let pair = CertifiedKey::from_der(chain, secret, &provider());
    pair.map_err(|source| TlsError::Pair { certificate: certificate.into(), key: key.into(), source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        let write = |minutes: u64| {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            for (path, text) in [(&certificate, made.cert.pem()), (&key, made.signing_key.serialize_pem())] {
                fs::write(path, text).unwrap();
                let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(minutes * 60);
                fs::File::options().write(true).open(path).unwrap().set_modified(moment).unwrap();
            }
        };
        let shown = |pair: &Certificate| pair.current.load().cert[0].to_vec();
        write(1);
        let pair = Certificate::open(&certificate, &key).unwrap();
        let first = shown(&pair);
        assert!(!pair.refresh().unwrap());
        write(2);
        assert!(pair.refresh().unwrap());
        let second = shown(&pair);
        assert_ne!(second, first);
        fs::write(&certificate, "nonsense").unwrap();
        let error = pair.refresh().unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        assert_eq!(shown(&pair), second);
        write(3);
        fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(matches!(pair.refresh(), Err(TlsError::Pair { .. })));
    }
}
