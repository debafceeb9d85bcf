//! The API over TLS of its own: who is let in, what is refused, and the limits, which are those of plain HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use tempfile::TempDir;
use threadkeep::http::{HttpSettings, Tls};
use threadkeep::verbs::keys::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

use crate::api_socket::{Server, first_line, get, say};
use crate::api_world::World;
use crate::cli_harness::Room;

/// A certificate that signs itself, and its key, in files.
pub struct Files {
    folder: TempDir,
    pem: String,
}

impl Files {
    pub fn make() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let files = Self { folder: tempfile::tempdir()?, pem: made.cert.pem() };
        files.write("cert.pem", &made.cert.pem(), 0o644)?;
        files.write("key.pem", &made.signing_key.serialize_pem(), 0o600)?;
        Ok(files)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> Result<()> {
        std::fs::write(self.path(name), text)?;
        #[cfg(unix)]
        std::fs::set_permissions(self.path(name), std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        Ok(())
    }

    fn settings(&self) -> Result<HttpSettings> {
        let tls = Tls::load(&self.path("cert.pem"), &self.path("key.pem"))?;
        Ok(HttpSettings { tls: Some(tls), ..HttpSettings::default() })
    }

    /// A client that trusts this certificate and speaks these versions.
    async fn connect(
        &self,
        server: &Server,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes())?)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(server.address).await?;
        Ok(TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?)
    }
}

#[tokio::test]
async fn the_api_is_served_over_tls_1_2_and_1_3_with_http_1_1() -> Result<()> {
    let (world, files) = (World::with_accounts().await?, Files::make()?);
    let key = world.key(&[Scope::Read], &[]).await?;
    let server = Server::start(&world, files.settings()?).await?;
    for (version, named) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let stream = files.connect(&server, &[version]).await?;
        let spoken = stream.get_ref().1;
        assert_eq!((spoken.protocol_version(), spoken.alpn_protocol()), (Some(named), Some(&b"http/1.1"[..])));
        let answer = say(stream, &get("/linkedin/accounts", &format!("authorization: Bearer {key}\r\n"))).await?;
        assert_eq!(first_line(&answer), "HTTP/1.1 200 OK");
        assert!(answer.contains("\"Ines\""), "{answer}");
    }
    server.end().await
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_half_renewed_one_is_not() -> Result<()> {
    const LOOK_MS: i64 = 60_000;
    let (world, old, new) = (World::empty().await?, Files::make()?, Files::make()?);
    let server = Server::start(&world, old.settings()?).await?;
    let trusts = async |files: &Files| files.connect(&server, &[&TLS13]).await.is_ok();
    assert!(trusts(&old).await && !trusts(&new).await);
    // Longer files: the time of a change may be the same within one tick of the file system.
    let renew = |name: &str, mode| old.write(name, &(std::fs::read_to_string(new.path(name))? + "\n"), mode);
    renew("cert.pem", 0o644)?;
    world.clock.pass(LOOK_MS);
    assert!(trusts(&old).await, "the key does not belong to the new certificate yet");
    renew("key.pem", 0o600)?;
    assert!(trusts(&old).await, "nobody looks at files for each connection");
    world.clock.pass(LOOK_MS);
    assert!(trusts(&new).await && !trusts(&old).await);
    server.end().await
}

#[tokio::test]
async fn what_is_no_tls_or_too_old_gets_nothing() -> Result<()> {
    let (world, files) = (World::empty().await?, Files::make()?);
    let server = Server::start(&world, files.settings()?).await?;
    let plain = server.answer(&get("/health", "")).await?;
    assert!(!plain.contains("HTTP/"), "{plain}");

    let mut stream = TcpStream::connect(server.address).await?;
    stream.write_all(&hello_of_tls_1_1()).await?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    // An alert (21), fatal (2), that says protocol_version (70).
    assert_eq!((answer.first(), answer.get(5..7)), (Some(&21), Some(&[2_u8, 70][..])), "{answer:?}");
    server.end().await
}

/// The first message of a client that knows nothing newer than TLS 1.1.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    // No session, one cipher suite, no compression; a group and a kind of signature, so that only the version is wrong.
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    body.extend([0, 16, 0, 10, 0, 4, 0, 2, 0, 0x1d, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}

#[tokio::test]
async fn row_14_a_handshake_that_does_not_come_is_cut_off() -> Result<()> {
    let (world, files) = (World::empty().await?, Files::make()?);
    let server = Server::start(&world, HttpSettings { header_timeout_ms: 1_000, ..files.settings()? }).await?;
    let mut silent = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(server.address).await?;
        stream.write_all(&[22, 3, 1]).await?;
        silent.push(stream);
    }
    for mut stream in silent {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "the server closes and says nothing: {answer:?}");
    }
    // After a handshake a head has to come, too.
    let mut stream = files.connect(&server, &[&TLS13]).await?;
    stream.write_all(b"GET /health HT").await?;
    let answer = say(stream, b"").await?;
    assert!(!answer.contains(" 200 "), "{answer}");
    server.end().await
}

#[tokio::test]
async fn the_limits_are_those_of_plain_http() -> Result<()> {
    let (world, files) = (World::with_accounts().await?, Files::make()?);
    let key = world.key(&[Scope::Sync], &[]).await?;
    let server = Server::start(&world, files.settings()?).await?;
    let vast = get("/health", &format!("x: {}\r\n", "a".repeat(100 * 16 * 1024)));
    let answer = say(files.connect(&server, &[&TLS13]).await?, &vast).await?;
    assert_eq!(first_line(&answer), "HTTP/1.1 431 Request Header Fields Too Large");
    let head = format!(
        "POST /conversations/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-length: 262145\r\n\r\n"
    );
    let answer = say(files.connect(&server, &[&TLS13]).await?, head.as_bytes()).await?;
    assert_eq!(first_line(&answer), "HTTP/1.1 413 Payload Too Large");
    let other =
        get("/health", "").iter().map(|byte| char::from(*byte)).collect::<String>().replace("localhost", "evil.test");
    let answer = say(files.connect(&server, &[&TLS13]).await?, other.as_bytes()).await?;
    assert_eq!(first_line(&answer), "HTTP/1.1 421 Misdirected Request");
    server.end().await
}

#[cfg(unix)]
#[test]
fn files_that_could_not_protect_anybody_are_refused_and_not_repeated() -> Result<()> {
    let (files, other) = (Files::make()?, Files::make()?);
    let key = std::fs::read_to_string(files.path("key.pem"))?;
    files.write("open.pem", &key, 0o644)?;
    files.write("changeable.pem", &key, 0o620)?;
    files.write("of-a-group.pem", &key, 0o640)?;
    files.write("nonsense.pem", "SECRET nonsense", 0o600)?;
    files.write("damaged.pem", &key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"), 0o600)?;
    files.write("bad-cert.pem", "-----BEGIN CERTIFICATE-----\nU0VDUkVU\n-----END CERTIFICATE-----\n", 0o644)?;
    files.write("vast.pem", &"#\n".repeat(1024 * 1024), 0o600)?;
    files.write("other.pem", &std::fs::read_to_string(other.path("key.pem"))?, 0o600)?;
    let folder = files.folder.path().display().to_string();
    let told = |cert: &str, key: &str| match Tls::load(&files.path(cert), &files.path(key)) {
        Ok(_) => "fine".to_owned(),
        Err(refused) => format!("{refused} | {}", refused.remedy()).replace(&folder, "ROOM"),
    };
    let pairs = [
        ("cert.pem", "key.pem"),
        ("cert.pem", "of-a-group.pem"),
        ("none.pem", "key.pem"),
        ("cert.pem", "none.pem"),
        ("nonsense.pem", "key.pem"),
        ("bad-cert.pem", "key.pem"),
        ("vast.pem", "key.pem"),
        ("cert.pem", "nonsense.pem"),
        ("cert.pem", "damaged.pem"),
        ("cert.pem", "cert.pem"),
        ("cert.pem", "open.pem"),
        ("cert.pem", "changeable.pem"),
        ("cert.pem", "other.pem"),
    ];
    let lines = pairs.map(|(cert, key)| format!("{cert} {key}: {}", told(cert, key))).join("\n");
    assert!(!lines.contains("SECRET") && !lines.contains("U0VD"), "{lines}");
    insta::assert_snapshot!(lines, @r#"
    cert.pem key.pem: fine
    cert.pem of-a-group.pem: fine
    none.pem key.pem: ROOM/none.pem cannot be read: No such file or directory (os error 2) | is the path right, and may this user read it?
    cert.pem none.pem: ROOM/none.pem cannot be read: No such file or directory (os error 2) | is the path right, and may this user read it?
    nonsense.pem key.pem: ROOM/nonsense.pem holds no usable certificate | give a PEM file that begins with -----BEGIN CERTIFICATE-----, the server's own certificate first
    bad-cert.pem key.pem: the certificate in ROOM/bad-cert.pem cannot be used: invalid peer certificate: BadEncoding | give the key that the certificate was made for, and the server's own certificate first in its file
    vast.pem key.pem: ROOM/vast.pem cannot be read: it is larger than 1048576 bytes | is the path right, and may this user read it?
    cert.pem nonsense.pem: ROOM/nonsense.pem holds no usable private key | give a PEM file with one unencrypted private key, -----BEGIN PRIVATE KEY-----
    cert.pem damaged.pem: ROOM/damaged.pem holds no usable private key | give a PEM file with one unencrypted private key, -----BEGIN PRIVATE KEY-----
    cert.pem cert.pem: the key file ROOM/cert.pem is open to others on this machine | make it the owner's alone (chmod 600); its group may read it (chmod 640)
    cert.pem open.pem: the key file ROOM/open.pem is open to others on this machine | make it the owner's alone (chmod 600); its group may read it (chmod 640)
    cert.pem changeable.pem: the key file ROOM/changeable.pem is open to others on this machine | make it the owner's alone (chmod 600); its group may read it (chmod 640)
    cert.pem other.pem: the key in ROOM/other.pem does not belong to the first certificate in ROOM/cert.pem | give the key that the certificate was made for, and the server's own certificate first in its file
    "#);
    Ok(())
}

#[test]
fn the_doctor_looks_at_the_certificate_that_is_served() -> Result<()> {
    let files = Files::make()?;
    let path = |name: &str| files.path(name).display().to_string();
    let room = Room::new()?.with("THREADKEEP_TLS_CERT_FILE", &path("cert.pem"));
    let room = room.with("THREADKEEP_TLS_KEY_FILE", &path("key.pem")).with("THREADKEEP_LISTEN", "0.0.0.0:7878");
    let ran = room.run(&["doctor"])?;
    // A certificate of the maker of these has no end that a person lives to see.
    assert!(ran.out.contains("ok    certificate    ends at 4096-01-01"), "{}", ran.told());
    assert!(ran.out.contains("ok    api            0.0.0.0:7878, over TLS"), "{}", ran.told());
    let ran = room.with("THREADKEEP_TLS_KEY_FILE", &path("none.pem")).run(&["doctor"])?;
    assert!(ran.code == Some(1) && ran.out.contains("fail  certificate"), "{}", ran.told());
    Ok(())
}

#[test]
fn an_address_that_others_reach_needs_tls_or_a_proxy() -> Result<()> {
    let (room, files) = (Room::new()?, Files::make()?);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let ran = room.run(&["serve", "--listen", address])?;
        assert_eq!(ran.code, Some(2), "{}", ran.told());
        assert!(ran.err.contains("--tls-cert") && ran.err.contains("--behind-proxy"), "{}", ran.err);
    }
    let cert = files.path("cert.pem").display().to_string();
    let key = files.path("key.pem").display().to_string();
    let ran = room.run(&["serve", "--tls-cert", &cert])?;
    assert_eq!(ran.code, Some(2), "{}", ran.told());
    assert!(ran.err.contains("tls_key_file"), "{}", ran.err);
    let ran = room.run(&["serve", "--tls-key", &key])?;
    assert!(ran.code == Some(2) && ran.err.contains("tls_cert_file"), "{}", ran.told());
    let ran = room.run(&["serve", "--listen", "0.0.0.0:0", "--tls-cert", &key, "--tls-key", &cert])?;
    assert_eq!(ran.code, Some(2), "{}", ran.told());
    assert!(ran.err.contains("holds no usable certificate") && ran.err.contains("hint: "), "{}", ran.err);
    // An address that is not of this machine: the refusal comes from the system, so the rules were passed.
    for words in [
        &["serve", "--listen", "192.0.2.1:0", "--tls-cert", &cert, "--tls-key", &key][..],
        &["serve", "--listen", "192.0.2.1:0", "--behind-proxy"],
    ] {
        let ran = room.run(words)?;
        assert!(ran.code == Some(2) && ran.err.contains("cannot listen on"), "{}", ran.told());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_serves_tls_with_its_settings() -> Result<()> {
    let files = Files::make()?;
    let room = Room::new()?
        .with("THREADKEEP_TLS_CERT_FILE", &files.path("cert.pem").display().to_string())
        .with("THREADKEEP_TLS_KEY_FILE", &files.path("key.pem").display().to_string())
        .with("THREADKEEP_LISTEN", "127.0.0.1:0");
    let serving = room.serve(&[])?;
    let address = serving.url.strip_prefix("https://").context("https")?.to_owned();
    let plain = say(TcpStream::connect(&address).await?, &get("/health", "")).await?;
    assert!(!plain.contains("HTTP/"), "{plain}");
    Ok(())
}
