//! festoon as a service of a system: the socket that it is given, what it tells, its files, its certificate.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsRawFd, RawFd},
        unix::{net::UnixDatagram, process::CommandExt},
    },
    path::Path,
    process::Command,
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use crate::{faults::*, installation::*};

/// `festoon`, started by a shell that runs this first.
fn after(shell: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell} exec \"$0\" \"$@\""), FESTOON]);
    command
}

/// A server on a socket that somebody else holds, as systemd passes it: the first descriptor after the standard ones.
fn on_socket(listener: RawFd, settings: &Path) -> Server {
    let mut command = after("LISTEN_PID=$$ LISTEN_FDS=1");
    // SAFETY: only makes system calls; the descriptor stays open in the test.
    unsafe {
        command.pre_exec(move || match libc::dup2(listener, 3) {
            3 if libc::fcntl(3, libc::F_SETFD, 0) == 0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    Server::start_with(command, &["serve"], settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_systemd_holds_loses_no_connection_while_the_service_is_restarted() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = on_socket(listener.as_raw_fd(), &settings);
    assert_eq!(server.url, format!("http://{address}"));
    assert_eq!(server.get("/healthz").await.status, 200);
    server.signal(libc::SIGTERM);
    assert!(server.child.wait().unwrap().success());
    // Nobody answers now, and nobody is refused.
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let _again = on_socket(listener.as_raw_fd(), &settings);
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_when_the_service_is_ready_and_when_it_stops() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |_| {});
    let path = root.path().join("notify");
    let told = UnixDatagram::bind(&path).unwrap();
    let next = || {
        let mut text = [0; 100];
        let count = told.recv(&mut text).unwrap();
        String::from_utf8(text[..count].to_vec()).unwrap()
    };
    let mut command = Command::new(FESTOON);
    command.env("NOTIFY_SOCKET", &path);
    let mut server = Server::start_with(command, &["serve"], &settings);
    assert_eq!(next().trim(), "READY=1");
    assert_eq!(server.get("/readyz").await.status, 200);
    server.signal(libc::SIGTERM);
    assert_eq!(next().trim(), "STOPPING=1");
    assert!(server.child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_files_may_be_open_as_the_system_allows() {
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |_| {});
    let server = Server::start_with(after("ulimit -Sn 256; ulimit -Hn 5000;"), &["serve"], &settings);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let columns: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(columns[3..5], ["5000", "5000"], "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (first, second) = (make(), make());
    let write = |folder: &Path, pair: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
        fs::write(folder.join("certificate.pem"), pair.cert.pem()).unwrap();
    };
    let installation = Installation::with(|config| {
        config.tls.listen = Some("127.0.0.1:0".parse().unwrap());
        (config.tls.certificate, config.tls.key) = ("certificate.pem".into(), "key.pem".into());
        write(&config.path(Path::new("")), &first);
    })
    .await;
    let mut roots = RootCertStore::empty();
    for pair in [&first, &second] {
        roots.add(CertificateDer::from_pem_slice(pair.cert.pem().as_bytes()).unwrap()).unwrap();
    }
    let client = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let shown = async || {
        let stream = tokio::net::TcpStream::connect(installation.running.tls_address().unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::clone(&client)).connect(name, stream).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    assert_eq!(shown().await, first.cert.der().to_vec());
    write(installation.folder.path(), &second);
    while shown().await != second.cert.der().to_vec() {}
}
