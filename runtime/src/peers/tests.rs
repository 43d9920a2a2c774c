//! Two servers over real connections on loopback.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tempfile::TempDir;
use tetrarch_core::data::{GroupData, ManagementData};
use tokio::io::AsyncWriteExt;

use super::greeting::Settings;
use super::tls::{TlsError, TlsFiles};
use super::*;
use crate::authority::Authority;
use crate::driver::{Told, handle_for_tests};

const PATIENCE: Duration = Duration::from_secs(20);

fn group() -> GroupData {
    let member = |n: u8| {
        let text = format!(
            "10.0.0.20{n}\nserver{n}\n10.0.0.{n}\n52:54:00:00:00:0{n}\nnginx\nserver{n}b\n/vm/server{n}b.xml\n"
        );
        ManagementData::parse(&text).unwrap()
    };
    GroupData::new(vec![member(1), member(2)]).unwrap()
}

fn server(place: usize) -> ServerId {
    ServerId::new(place).unwrap()
}

/// Writes the files of `host`, whose authorities are `trusted`.
fn files(folder: &Path, host: &str, signer: &Authority, trusted: &[&Authority]) -> TlsFiles {
    let made = signer.server(host).unwrap();
    let files = TlsFiles {
        authorities: folder.join(format!("{host}-ca.pem")),
        certificate: folder.join(format!("{host}.pem")),
        key: folder.join(format!("{host}.key")),
    };
    let authorities: String = trusted
        .iter()
        .map(|authority| authority.pem().certificate.as_str())
        .collect();
    fs::write(&files.authorities, authorities).unwrap();
    fs::write(&files.certificate, made.certificate).unwrap();
    let _ = fs::remove_file(&files.key);
    let mut key = fs::OpenOptions::new();
    let mut key = key
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&files.key)
        .unwrap();
    io::Write::write_all(&mut key, made.key.as_bytes()).unwrap();
    files
}

/// One server's end.
struct End {
    network: Network,
    told: mpsc::Receiver<Told>,
    asked: mpsc::Receiver<Asked>,
    task: tokio::task::JoinHandle<()>,
}

fn greeting() -> Greeting {
    let timing = tetrarch_sim::parameters::Parameters::paper().timing();
    let ring = ["server1", "server2"];
    Greeting::new(Settings::new(ring, tetrarch_core::Safety::Guarded, &timing))
}

fn end(me: usize, servers: &[SocketAddr], files: &TlsFiles) -> End {
    end_with(me, servers, files, greeting())
}

fn end_with(me: usize, servers: &[SocketAddr], files: &TlsFiles, greeting: Greeting) -> End {
    let network = Network::new(Credentials::load(files, &group()).unwrap(), greeting);
    let (handle, told) = handle_for_tests();
    let (ask, asked) = mpsc::channel(4);
    let addresses = Addresses {
        me: server(me),
        servers: servers.to_vec(),
    };
    let (_, handle) = watch::channel(Some(handle));
    let arrivals = Arrivals { handle, asked: ask };
    let running = network.clone();
    let task = tokio::spawn(async move { running.run(addresses, arrivals).await });
    End {
        network,
        told,
        asked,
        task,
    }
}

/// Addresses on loopback that nobody listens at.
fn free_addresses() -> Vec<SocketAddr> {
    let bound: Vec<_> = (0..2)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    bound.iter().map(|one| one.local_addr().unwrap()).collect()
}

/// Sends until something arrives: what is sent before there is a connection is dropped.
async fn message_arrives(from: &Network, to: usize, told: &mut mpsc::Receiver<Told>) -> ServerId {
    let sending = async {
        loop {
            from.send(server(to), Message::Resumed);
            sleep(Duration::from_millis(20)).await;
        }
    };
    let arrived = async {
        tokio::select! {
            () = sending => unreachable!(),
            told = told.recv() => told,
        }
    };
    match timeout(PATIENCE, arrived).await.unwrap() {
        Some(Told::Message {
            from,
            message: Message::Resumed,
        }) => from,
        other => panic!("{other:?}"),
    }
}

struct Site {
    folder: TempDir,
    authority: Authority,
    servers: Vec<SocketAddr>,
}

impl Site {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            authority: Authority::new("test").unwrap(),
            servers: free_addresses(),
        }
    }

    fn files(&self, host: &str) -> TlsFiles {
        files(
            self.folder.path(),
            host,
            &self.authority,
            &[&self.authority],
        )
    }
}

#[tokio::test]
async fn messages_and_requests_pass_and_name_their_sender() {
    let site = Site::new();
    let mut one = end(0, &site.servers, &site.files("server1"));
    let mut two = end(1, &site.servers, &site.files("server2"));
    assert_eq!(
        message_arrives(&one.network, 1, &mut two.told).await,
        server(0)
    );
    assert_eq!(
        message_arrives(&two.network, 0, &mut one.told).await,
        server(1)
    );

    let failing = tetrarch_core::ServiceSet::from_bits(3);
    let request = Request::RestartServices { failing };
    for done in [true, false] {
        let answer = async {
            let asked = two.asked.recv().await.unwrap();
            assert_eq!((asked.from, asked.request), (server(0), request));
            asked.answer(done);
        };
        let asking = one.network.request(server(1), request);
        let (granted, ()) = timeout(PATIENCE, async { tokio::join!(asking, answer) })
            .await
            .unwrap();
        assert_eq!(granted.is_ok(), done);
    }
}

#[tokio::test]
async fn a_request_ends_when_the_other_server_does() {
    let site = Site::new();
    let one = end(0, &site.servers, &site.files("server1"));
    let mut two = end(1, &site.servers, &site.files("server2"));
    message_arrives(&one.network, 1, &mut two.told).await;
    let end = async {
        let _asked = two.asked.recv().await.unwrap();
        two.task.abort();
        let _ = two.task.await;
    };
    let asking = one.network.request(server(1), Request::RestartServer);
    let (granted, ()) = timeout(PATIENCE, async { tokio::join!(asking, end) })
        .await
        .unwrap();
    assert!(granted.is_err());
    one.task.abort();
}

#[tokio::test]
async fn a_server_that_comes_back_is_heard_and_answered() {
    let site = Site::new();
    let mut one = end(0, &site.servers, &site.files("server1"));
    let mut two = end(1, &site.servers, &site.files("server2"));
    message_arrives(&one.network, 1, &mut two.told).await;
    two.task.abort();
    let _ = two.task.await;
    let mut two = end(1, &site.servers, &site.files("server2"));
    assert_eq!(
        message_arrives(&two.network, 0, &mut one.told).await,
        server(1)
    );
    assert_eq!(
        message_arrives(&one.network, 1, &mut two.told).await,
        server(0)
    );
}

/// Whether a client with `files` gets through a handshake with `server1`.
async fn is_let_in(site: &Site, files: &TlsFiles) -> bool {
    let mut one = end(0, &site.servers, &site.files("server1"));
    let credentials = Credentials::load(files, &group()).unwrap();
    let stream = loop {
        match TcpStream::connect(site.servers[0]).await {
            Ok(stream) => break stream,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    };
    let name = credentials.name(server(0)).unwrap();
    let Ok(mut stream) = credentials.connector().connect(name, stream).await else {
        return false;
    };
    // In TLS 1.3 a client hears only afterwards that its certificate was refused: then the connection
    // ends, and otherwise what it says arrives.
    let message = Message::Resumed;
    for frame in [
        Frame::Greeting(greeting()),
        Frame::Message {
            sequence: 1,
            message,
        },
    ] {
        let _ = AsyncWriteExt::write_all(&mut stream, &frame.encode()).await;
    }
    let outcome = async {
        let refused = async { while Frame::read(&mut stream).await.is_ok() {} };
        tokio::select! {
            () = refused => false,
            told = one.told.recv() => told.is_some(),
        }
    };
    let is_let_in = timeout(PATIENCE, outcome).await.unwrap();
    one.task.abort();
    is_let_in
}

#[tokio::test]
async fn strangers_are_not_let_in() {
    let site = Site::new();
    assert!(is_let_in(&site, &site.files("server2")).await);
    // Signed for a host that is not in the group.
    let stranger = site.files("server9");
    assert!(!is_let_in(&site, &stranger).await);
    // A good name, signed by somebody else who takes the site's servers for good.
    let other = Authority::new("other").unwrap();
    let forged = files(site.folder.path(), "server2", &other, &[&site.authority]);
    assert!(!is_let_in(&site, &forged).await);
}

#[tokio::test]
async fn both_authorities_count_while_keys_are_rotated() {
    let site = Site::new();
    let next = Authority::new("next").unwrap();
    let (path, old) = (site.folder.path(), &site.authority);
    let both = [old, &next];
    let mut one = end(0, &site.servers, &files(path, "server1", old, &both));
    let mut two = end(1, &site.servers, &files(path, "server2", &next, &both));
    message_arrives(&one.network, 1, &mut two.told).await;
    // The first server follows, and the old authority goes.
    let renewed = files(path, "server1", &next, &[&next]);
    one.network
        .renew(Credentials::load(&renewed, &group()).unwrap());
    while two.told.try_recv().is_ok() {}
    assert_eq!(
        message_arrives(&one.network, 1, &mut two.told).await,
        server(0)
    );
    message_arrives(&two.network, 0, &mut one.told).await;
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let files = site.files("server1");
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Credentials::load(&files, &group()).unwrap_err();
    assert!(
        matches!(refused, TlsError::Open { found: 0o640, .. }),
        "{refused}"
    );
}

#[test]
fn files_that_are_no_certificates_are_refused() {
    let site = Site::new();
    let files = site.files("server1");
    fs::write(&files.authorities, "").unwrap();
    assert!(matches!(
        Credentials::load(&files, &group()),
        Err(TlsError::Pem { .. })
    ));
    let other = site.files("server2");
    let mixed = TlsFiles {
        key: other.key,
        authorities: other.authorities,
        ..files
    };
    assert!(matches!(
        Credentials::load(&mixed, &group()),
        Err(TlsError::Unfit { .. })
    ));
}

#[test]
fn messages_come_in_order_or_not_at_all() {
    let site = Site::new();
    let credentials = Credentials::load(&site.files("server1"), &group()).unwrap();
    let inner = Network::new(credentials, greeting()).inner;
    let two = server(1);
    let connect = |life| inner.add(two, mpsc::channel(1).0, Version::NEWEST, life);
    let mut kept = vec![connect(100).unwrap()];
    assert!(inner.is_in_order(two, 100, 1));
    assert!(inner.is_in_order(two, 100, 3), "one was lost");
    // The second connection carries what the first one is late with.
    kept.push(connect(100).unwrap());
    assert!(!inner.is_in_order(two, 100, 2));
    assert!(!inner.is_in_order(two, 100, 3));
    assert!(inner.is_in_order(two, 100, 4));
    // Its agent is restarted, and counts anew.
    kept.push(connect(200).unwrap());
    assert!(inner.is_in_order(two, 200, 1));
    assert!(
        !inner.is_in_order(two, 100, 5),
        "from a life that has ended"
    );
    assert!(connect(100).is_none(), "that life is over");
    // Unless its clock went back, and nobody else is there.
    inner.remove(two, kept.last().unwrap().0);
    assert!(connect(150).is_some());
    assert!(inner.is_in_order(two, 150, 1));
}

#[tokio::test]
async fn members_with_other_settings_are_refused() {
    let site = Site::new();
    let mut one = end(0, &site.servers, &site.files("server1"));
    let mut other = greeting();
    other.settings.timing ^= 1;
    let two = end_with(1, &site.servers, &site.files("server2"), other);
    let refused = async {
        while one.network.inner.peer(server(1)).different.is_none() {
            two.network.send(server(0), Message::Resumed);
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(
        one.network.inner.peer(server(1)).different,
        Some(Difference::Timing)
    );
    assert!(one.told.try_recv().is_err());
    two.task.abort();
    // As soon as they are alike again it is let in.
    let two = end(1, &site.servers, &site.files("server2"));
    assert_eq!(
        message_arrives(&two.network, 0, &mut one.told).await,
        server(1)
    );
}

#[tokio::test]
async fn neighbours_in_version_speak_the_older_one() {
    use super::greeting::Versions;
    use tetrarch_core::{Claims, Life, Orders, Sequence, Time};

    let site = Site::new();
    let one = end(0, &site.servers, &site.files("server1"));
    let mut older = greeting();
    older.settings.versions.newest = 1;
    let mut two = end_with(1, &site.servers, &site.files("server2"), older);
    let asked = |life| Sequence {
        life,
        stamp: Time::from_nanos(7).into(),
    };
    let renew = |life| Message::Renew {
        claims: Claims::NONE,
        asked: asked(life),
    };
    // What the older one has no word for is not said, and the rest in its words.
    let orders = Orders::NONE;
    let sending = async {
        loop {
            one.network.send(server(1), Message::Orders { orders });
            one.network.send(server(1), renew(Some(Life::FIRST)));
            sleep(Duration::from_millis(20)).await;
        }
    };
    let heard = async {
        for _ in 0..4 {
            match two.told.recv().await {
                Some(Told::Message { message, .. }) => assert_eq!(message, renew(None)),
                other => panic!("{other:?}"),
            }
        }
    };
    let heard = async {
        tokio::select! {
            () = sending => unreachable!(),
            () = heard => {}
        }
    };
    timeout(PATIENCE, heard).await.unwrap();
    let known = |end: &End, other| end.network.spoken().borrow().with(server(other));
    assert_eq!(known(&one, 1), Some(Version::V1));
    assert_eq!(known(&two, 0), Some(Version::V1));
    two.task.abort();

    // Upgraded, it is spoken to in the newest.
    let mut two = end(1, &site.servers, &site.files("server2"));
    message_arrives(&one.network, 1, &mut two.told).await;
    assert_eq!(known(&one, 1), Some(Version::V2));
    two.task.abort();

    // One that is too new for it is refused, and the log has the reason.
    let mut later = greeting();
    later.settings.versions = Versions {
        oldest: 3,
        newest: 4,
    };
    let _two = end_with(1, &site.servers, &site.files("server2"), later);
    let refused = async {
        while one.network.inner.peer(server(1)).different.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
    let different = one.network.inner.peer(server(1)).different;
    assert!(matches!(different, Some(Difference::Version { .. })));
}
