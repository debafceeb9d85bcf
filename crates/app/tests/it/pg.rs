//! A PostgreSQL server for the tests: the one named by `THREADKEEP_TEST_POSTGRES_URL`, or a private one that is
//! started from the local server programs once a test run.
//!
//! A private server must not outlive the run: a small shell waits for the end of a pipe that this process holds, and
//! stops the server then, however the process ended.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, bail, ensure};

/// Starts that are tried; another program may take the port in between.
const STARTS_MAX: usize = 3;
/// Starts of a server that was stopped.
const RESTARTS_MAX: usize = 10;
/// Users who may run the server when the tests run as root, best first.
const SERVER_USERS: [&str; 2] = ["postgres", "nobody"];
/// Waits for the end of its input, then stops the server with the command in its arguments and removes its folder.
const WATCHDOG: &str = "trap '' INT TERM HUP; read -r _; cd /; \
     \"$@\" -D \"$DATA\" -m immediate -w stop; rm -rf \"$ROOT\"";

/// A server of our own that can be stopped and started.
pub struct OwnServer {
    /// Its address without a database name.
    pub url: String,
    programs: PathBuf,
    user: Option<&'static str>,
    root: PathBuf,
    options: String,
    /// Its closing ends the server.
    _pipe: ChildStdin,
}

struct Server {
    url: String,
    _own: Option<OwnServer>,
}

/// The address of a server without a database name, or `None` when there is none on this machine.
pub fn server_url() -> anyhow::Result<Option<&'static str>> {
    static SERVER: OnceLock<Result<Option<Server>, String>> = OnceLock::new();
    match SERVER.get_or_init(|| find_or_start().map_err(|error| format!("{error:#}"))) {
        Ok(server) => Ok(server.as_ref().map(|server| server.url.as_str())),
        Err(error) => bail!("PostgreSQL could not be started: {error}"),
    }
}

/// Whether a missing server is a failure.
pub fn is_required() -> bool {
    environment("THREADKEEP_TEST_REQUIRE_POSTGRES").is_some_and(|value| value == "1")
}

/// A switch of the tests.
#[expect(clippy::disallowed_methods, reason = "the tests' own switches are no configuration of the program")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn find_or_start() -> anyhow::Result<Option<Server>> {
    if let Some(url) = environment("THREADKEEP_TEST_POSTGRES_URL") {
        return Ok(Some(Server { url, _own: None }));
    }
    let own = OwnServer::start("")?;
    Ok(own.map(|own| Server { url: own.url.clone(), _own: Some(own) }))
}

impl OwnServer {
    /// A fresh server with more options; `None` when its programs are not on this machine.
    pub fn start(more_options: &str) -> anyhow::Result<Option<Self>> {
        server_programs().map(|programs| start(programs, more_options)).transpose()
    }

    /// Stops it in one of the server's ways and waits until it has ended.
    pub fn stop(&self, mode: &str) -> anyhow::Result<()> {
        run(self.control().args(["-m", mode, "-w", "stop"]))
    }

    /// Asks it to stop and does not wait.
    pub fn ask_to_stop(&self, mode: &str) -> anyhow::Result<()> {
        run(self.control().args(["-m", mode, "-W", "stop"]))
    }

    /// Starts it again at the same address.
    pub fn go_on(&self) -> anyhow::Result<()> {
        let mut last = None;
        for _ in 0..RESTARTS_MAX {
            // What a killed server has left behind may take a moment to be gone.
            let mut command = self.control();
            command.arg("-l").arg(self.root.join("log")).args(["-w", "-o", &self.options, "start"]);
            match run(&mut command) {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("not tried")?)
    }

    /// The number of its first process.
    pub fn process(&self) -> anyhow::Result<u32> {
        let text = std::fs::read_to_string(self.root.join("data/postmaster.pid"))?;
        Ok(text.lines().next().context("a process")?.trim().parse()?)
    }

    fn control(&self) -> Command {
        let mut command = as_user(self.user, &self.programs.join("pg_ctl"));
        command.arg("-D").arg(self.root.join("data"));
        command
    }
}

/// The folder with `initdb` and `pg_ctl`.
fn server_programs() -> Option<PathBuf> {
    let has_all = |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).exists());
    let told = Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success());
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort_by_key(|path| version_of(path));
    let on_path = environment("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = on_path.split(':').map(PathBuf::from).collect();
    told.into_iter().chain(versions.into_iter().rev()).chain(on_path).find(has_all)
}

fn version_of(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

fn start(programs: PathBuf, more_options: &str) -> anyhow::Result<OwnServer> {
    // The watchdog removes it, after the server has ended.
    let root = tempfile::Builder::new().prefix("threadkeep-pg-").tempdir()?.keep();
    let data = root.join("data");
    let user = server_user()?;
    if let Some(user) = user {
        run(Command::new("chown").arg(user).arg(&root))?;
    }
    let initdb = programs.join("initdb");
    run(as_user(user, &initdb).arg("-D").arg(&data).args(["-U", "threadkeep", "-A", "trust"]).args([
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
    ]))?;
    let mut last = None;
    for _ in 0..STARTS_MAX {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let options = format!(
            "-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories= -c fsync=off \
             -c full_page_writes=off -c max_connections=200 {more_options}"
        );
        let mut command = as_user(user, &programs.join("pg_ctl"));
        command.arg("-D").arg(&data).arg("-l").arg(root.join("log")).args(["-w", "-o", &options, "start"]);
        match run(&mut command) {
            Ok(()) => {
                let url = format!("postgres://threadkeep@127.0.0.1:{port}");
                let pipe = watch(&programs, user, &root, &data)?;
                return Ok(OwnServer { url, programs, user, root, options, _pipe: pipe });
            }
            Err(error) => last = Some(error),
        }
    }
    let log = std::fs::read_to_string(root.join("log")).unwrap_or_default();
    std::fs::remove_dir_all(&root)?;
    Err(last.context("not tried")?.context(log))
}

/// Starts the shell that ends the server with this process.
fn watch(programs: &Path, user: Option<&str>, root: &Path, data: &Path) -> anyhow::Result<ChildStdin> {
    let stop = as_user(user, &programs.join("pg_ctl"));
    let mut shell = Command::new("sh");
    shell.args(["-c", WATCHDOG, "watchdog"]).arg(stop.get_program()).args(stop.get_args());
    shell.env("ROOT", root).env("DATA", data);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = shell.spawn()?;
    child.stdin.take().context("the watchdog has no pipe")
}

/// PostgreSQL refuses to run as root: then another user has to be found.
fn server_user() -> anyhow::Result<Option<&'static str>> {
    let output = Command::new("id").arg("-u").output()?;
    if String::from_utf8_lossy(&output.stdout).trim() != "0" {
        return Ok(None);
    }
    let exists = |user: &&str| Command::new("id").arg(user).output().is_ok_and(|output| output.status.success());
    let user = SERVER_USERS.into_iter().find(exists);
    user.map(Some).context("there is no user to run the server as")
}

fn as_user(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else {
        let mut command = Command::new(program);
        command.current_dir("/");
        return command;
    };
    let has_setpriv = Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success());
    let mut command = Command::new(if has_setpriv { "setpriv" } else { "runuser" });
    match has_setpriv {
        true => command.args([&format!("--reuid={user}"), "--clear-groups", "--"]),
        false => command.args(["-u", user, "--"]),
    };
    command.arg(program).current_dir("/");
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    // Files, not pipes: the server would keep a pipe open.
    let log = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let status = command.status().with_context(|| format!("{:?} cannot be run", command.get_program()))?;
    ensure!(status.success(), "{:?} failed: {status}", command.get_args());
    Ok(())
}
