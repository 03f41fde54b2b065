//! One request over TLS to the API server of this node.
//!
//! It is asked anonymously, and nothing is sent that is worth anything. It must show the very
//! certificate that its flags name: nobody else has the key to that, so another program on its port
//! is not taken for it. Where no flag names one, it makes one itself that nobody can know.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme, StreamOwned,
};

use super::http::{self, Answer};
use crate::certificates;

/// Asks for a path. `certificate` is the file with the certificate that must be shown, in PEM.
pub(super) fn get(
    address: SocketAddr,
    path: &str,
    certificate: Option<&[u8]>,
) -> Result<Answer, String> {
    let failed = |why: &dyn std::fmt::Display| format!("{address}{path}: {why}");
    let provider = Arc::new(ring::default_provider());
    let shown = certificate.and_then(first);
    if certificate.is_some() && shown.is_none() {
        return Err(failed(
            &"the file that --tls-cert-file names holds no certificate",
        ));
    }
    let verifier = Arc::new(ThisOne {
        certificate: shown,
        provider: Arc::clone(&provider),
        another: AtomicBool::new(false),
    });
    let asked = Arc::clone(&verifier);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::IpAddress(address.ip().into());
    let connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| failed(&error))?;
    let stream = http::connect(address)?;
    http::exchange(StreamOwned::new(connection, stream), address, path).map_err(|why| {
        match asked.another.load(Ordering::Relaxed) {
            true => failed(&"it shows another certificate than the one of --tls-cert-file"),
            false => failed(&why),
        }
    })
}

/// The first certificate of a PEM file: the server's own, with those that vouch for it behind.
fn first(pem: &[u8]) -> Option<CertificateDer<'static>> {
    certificates::first(pem).map(CertificateDer::from)
}

/// Accepts one certificate, and the signature that proves who has its key.
#[derive(Debug)]
struct ThisOne {
    certificate: Option<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    /// Another one was shown.
    another: AtomicBool,
}

impl ServerCertVerifier for ThisOne {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.certificate {
            Some(expected) if expected != end_entity => {
                self.another.store(true, Ordering::Relaxed);
                let why = CertificateError::ApplicationVerificationFailure;
                Err(Error::InvalidCertificate(why))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
