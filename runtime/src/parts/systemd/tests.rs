//! Against a stand-in for systemd and logind that speaks D-Bus without a bus. What a real systemd does
//! beyond it is seen in the lab.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use tetrarch_core::ServiceSet;
use zbus::object_server::SignalEmitter;
use zbus::wire::{OwnedFd, OwnedObjectPath};
use zbus::{connection, fdo, interface};

use super::*;

const LONG: Duration = Duration::from_secs(60);
const UNIT_PATH: &str = "/org/freedesktop/systemd1/unit/web_2eservice";

/// What the stand-in was asked, in order.
type Asked = Arc<Mutex<Vec<String>>>;

struct Systemd {
    asked: Asked,
    /// How jobs end; without one they do not.
    ends: Option<&'static str>,
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    fn subscribe(&self) {}

    fn load_unit(&self, _name: &str) -> OwnedObjectPath {
        OwnedObjectPath::try_from(UNIT_PATH).unwrap()
    }

    fn reset_failed_unit(&self, name: &str) -> fdo::Result<()> {
        self.asked.lock().unwrap().push(format!("reset {name}"));
        Err(fdo::Error::Failed("not loaded".to_owned()))
    }

    async fn restart_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<OwnedObjectPath> {
        self.job("restart", name, mode, &emitter).await
    }

    async fn stop_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<OwnedObjectPath> {
        self.job("stop", name, mode, &emitter).await
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

impl Systemd {
    async fn job(
        &self,
        job: &str,
        name: &str,
        mode: &str,
        emitter: &SignalEmitter<'_>,
    ) -> fdo::Result<OwnedObjectPath> {
        self.asked
            .lock()
            .unwrap()
            .push(format!("{job} {name} {mode}"));
        if name == "nosuch.service" {
            return Err(fdo::Error::Failed(
                "Unit nosuch.service not found.".to_owned(),
            ));
        }
        let path = |n: u32| {
            OwnedObjectPath::try_from(format!("/org/freedesktop/systemd1/job/{n}")).unwrap()
        };
        // Somebody else's job ends first, and this one even before its number is told.
        Self::job_removed(emitter, 1, path(1), name, "canceled").await?;
        if let Some(result) = self.ends {
            Self::job_removed(emitter, 2, path(2), name, result).await?;
        }
        Ok(path(2))
    }
}

struct Unit(&'static str);

#[interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn active_state(&self) -> String {
        self.0.to_owned()
    }
}

struct Logind {
    asked: Asked,
    preparing: bool,
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn reboot(&self, interactive: bool) {
        self.asked
            .lock()
            .unwrap()
            .push(format!("reboot {interactive}"));
    }

    fn power_off(&self, _interactive: bool) -> fdo::Result<()> {
        Err(fdo::Error::AccessDenied("not you".to_owned()))
    }

    fn inhibit(&self, what: &str, who: &str, _why: &str, mode: &str) -> OwnedFd {
        self.asked
            .lock()
            .unwrap()
            .push(format!("{who}: {mode} {what}"));
        std::os::fd::OwnedFd::from(tempfile::tempfile().unwrap()).into()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn preparing_for_shutdown(&self) -> bool {
        self.preparing
    }

    #[zbus(signal)]
    async fn prepare_for_shutdown(emitter: &SignalEmitter<'_>, start: bool) -> zbus::Result<()>;
}

/// Both ends of a connection, the stand-in's first.
async fn pair(
    ends: Option<&'static str>,
    preparing: bool,
) -> (zbus::Connection, zbus::Connection, Asked) {
    let asked = Asked::default();
    let (here, there) = UnixStream::pair().unwrap();
    let systemd = Systemd {
        asked: asked.clone(),
        ends,
    };
    let logind = Logind {
        asked: asked.clone(),
        preparing,
    };
    let server = connection::Builder::unix_stream(there)
        .server(zbus::Guid::generate())
        .p2p()
        .serve_at("/org/freedesktop/systemd1", systemd)
        .serve_at(UNIT_PATH, Unit("active"))
        .serve_at("/org/freedesktop/login1", logind)
        .build();
    let client = connection::Builder::unix_stream(here).p2p().build();
    let (server, client) = tokio::join!(server, client);
    (server.unwrap(), client.unwrap(), asked)
}

fn unit(name: &str) -> UnitName {
    name.parse().unwrap()
}

#[tokio::test]
async fn a_restart_clears_failures_and_awaits_its_own_job() {
    let (_server, client, asked) = pair(Some("done"), false).await;
    let units = Units::open(&client).await.unwrap();
    units.restart(&unit("web"), LONG).await.unwrap();
    units.stop(&unit("web"), LONG).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        [
            "reset web.service",
            "restart web.service replace",
            "stop web.service replace"
        ]
    );
}

#[tokio::test]
async fn a_job_that_fails_or_hangs_or_is_refused_is_an_error() {
    let (_server, client, _) = pair(Some("failed"), false).await;
    let units = Units::open(&client).await.unwrap();
    let error = units.restart(&unit("web"), LONG).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "restart of web.service ended with \"failed\""
    );
    let error = units.restart(&unit("nosuch"), LONG).await.unwrap_err();
    assert!(error.to_string().contains("not found"), "{error}");

    let (_server, client, _) = pair(None, false).await;
    let units = Units::open(&client).await.unwrap();
    let error = units
        .restart(&unit("web"), Duration::from_millis(100))
        .await
        .unwrap_err();
    assert!(matches!(error, SystemdError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn a_failing_unit_is_heard_of() {
    let (server, client, _) = pair(None, false).await;
    let units = Units::open(&client).await.unwrap();
    let web = unit("web");
    assert_eq!(units.state(&web).await.unwrap(), ActiveState::Active);
    let mut changes = units.follow(std::slice::from_ref(&web)).await.unwrap();
    let first = changes.next().await.unwrap();
    assert!(first.state.works(), "{first:?}");

    let object = server
        .object_server()
        .interface::<_, Unit>(UNIT_PATH)
        .await
        .unwrap();
    object.get_mut().await.0 = "failed";
    object
        .get()
        .await
        .active_state_changed(object.signal_emitter())
        .await
        .unwrap();
    let change = changes.next().await.unwrap();
    let state = ActiveState::Failed;
    assert_eq!(change, UnitChange { unit: web, state });
}

#[tokio::test]
async fn services_that_stop_are_told_of_and_those_on_their_way_are_not() {
    let (server, client, _) = pair(None, false).await;
    let units = Units::open(&client).await.unwrap();
    let names = vec![unit("web")];
    let mut services = FailingServices::follow(&units, names).await.unwrap();
    let object = server
        .object_server()
        .interface::<_, Unit>(UNIT_PATH)
        .await
        .unwrap();
    let turn = async |state: &'static str| {
        object.get_mut().await.0 = state;
        let unit = object.get().await;
        unit.active_state_changed(object.signal_emitter())
            .await
            .unwrap();
    };
    assert_eq!(services.next().await.unwrap(), ServiceSet::NONE);
    // It is restarted: nothing to tell.
    let quiet = Duration::from_millis(200);
    for state in ["deactivating", "activating", "active"] {
        turn(state).await;
        let told = tokio::time::timeout(quiet, services.next()).await;
        assert!(told.is_err(), "{state}: {told:?}");
    }
    turn("failed").await;
    assert_eq!(services.next().await.unwrap(), ServiceSet::first(1));
    turn("inactive").await;
    assert!(
        tokio::time::timeout(quiet, services.next()).await.is_err(),
        "told twice"
    );
    turn("active").await;
    assert_eq!(services.next().await.unwrap(), ServiceSet::NONE);
}

#[tokio::test]
async fn shutdowns_are_ordered_delayed_and_heard_of() {
    let (server, client, asked) = pair(None, false).await;
    let login = Login::open(&client).await.unwrap();
    login.reboot().await.unwrap();
    assert!(
        login
            .power_off()
            .await
            .unwrap_err()
            .to_string()
            .contains("not you")
    );
    drop(login.delay_shutdown().await.unwrap());
    assert_eq!(
        *asked.lock().unwrap(),
        ["reboot false", "Tetrarch: delay shutdown"]
    );

    let mut ahead = login.shutdown_ahead().await.unwrap();
    let path = "/org/freedesktop/login1";
    let object = server
        .object_server()
        .interface::<_, Logind>(path)
        .await
        .unwrap();
    // The end of a shutdown that was called off is no announcement.
    for start in [false, true] {
        Logind::prepare_for_shutdown(object.signal_emitter(), start)
            .await
            .unwrap();
    }
    ahead.announced().await.unwrap();
    drop((object, server));
    assert!(matches!(ahead.announced().await, Err(SystemdError::Ended)));
}

#[tokio::test]
async fn a_shutdown_announced_before_is_heard_of_too() {
    let (_server, client, _) = pair(None, true).await;
    let login = Login::open(&client).await.unwrap();
    login
        .shutdown_ahead()
        .await
        .unwrap()
        .announced()
        .await
        .unwrap();
}
