//! No secret of a full session is in any output: terminal, log, state folder, run folder, report, HTTP answers.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::webhook::{Reply, Webhook, free_port};
use crate::support::{Panel, folder, joined};

const TOKEN: &str = "tokensecret-0123456789-abcdef";
const PASSWORD: &str = "passwordsecret";
const PATH: &str = "pathsecret";
const QUERY: &str = "querysecret";
/// Value of variables of the environment.
const ENVIRONMENT: &str = "environmentsecret";
/// Files with secrets that the test itself writes.
const GIVEN: [&str; 4] = ["token", "key.pem", "alerts.toml", "cert.pem"];

/// Process whose output goes to files, killed at the end of the test.
struct Process {
    child: Child,
    /// First line of its standard output.
    line: String,
    copier: Option<std::thread::JoinHandle<()>>,
}

impl Process {
    fn start(path: &Path, name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(arguments)
            .current_dir(path)
            .envs([("APCA_API_SECRET_KEY", ENVIRONMENT), ("APCA_API_KEY_ID", ENVIRONMENT)])
            // No variable makes the program tell more.
            .envs([("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")])
            .stdout(Stdio::piped())
            .stderr(fs::File::create(path.join(format!("{name}.err"))).unwrap())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        fs::write(path.join(format!("{name}.first")), &line).unwrap();
        let mut file = fs::File::create(path.join(format!("{name}.out"))).unwrap();
        let copier = std::thread::spawn(move || _ = std::io::copy(&mut out, &mut file));
        Self { child, line, copier: Some(copier) }
    }

    fn port(&self) -> u16 {
        let address = self.line.trim().trim_end_matches('/').rsplit_once(':');
        address.and_then(|(_, port)| port.parse().ok()).unwrap_or_else(|| panic!("a port in {:?}", self.line))
    }

    fn finish(mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        if let Some(copier) = self.copier.take() {
            copier.join().unwrap();
        }
        code
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(path: &Path, name: &str, arguments: &[&str]) {
    let code = Process::start(path, name, arguments).finish();
    assert_eq!(code, Some(0), "{}", fs::read_to_string(path.join(format!("{name}.err"))).unwrap());
}

/// Secrets in all forms in which they could occur.
fn secrets(path: &Path) -> Vec<String> {
    let key = fs::read_to_string(path.join("key.pem")).unwrap();
    let key = key.lines().find(|line| !line.starts_with('-')).unwrap().to_owned();
    // `trader:passwordsecret` as sent in `Authorization`.
    let basic = "dHJhZGVyOnBhc3N3b3Jkc2VjcmV0".to_owned();
    [TOKEN, PASSWORD, PATH, QUERY, ENVIRONMENT].map(str::to_owned).into_iter().chain([key, basic]).collect()
}

/// Files below a folder that contain a secret.
fn found(folder: &Path, secrets: &[String]) -> Vec<(PathBuf, String)> {
    let mut hits = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hits.extend(found(&path, secrets));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for secret in secrets {
            if bytes.windows(secret.len()).any(|part| part == secret.as_bytes()) {
                hits.push((path.clone(), secret.clone()));
            }
        }
    }
    hits
}

/// Asks the dashboard of a run for everything, with and without the token, and stores the answers in files.
fn ask(path: &Path, name: &str, port: u16) {
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let pages =
        ["/", "/api/state", "/api/betas?symbol=S01", "/api/lines?from=0&to=1", "/metrics", "/healthz", "/x"];
    let mut all = String::new();
    for page in pages {
        for (headers, query) in
            [("", ""), (&bearer[..], ""), ("", TOKEN), ("Origin: http://a.example\r\n", TOKEN)]
        {
            let mark = if page.contains('?') { '&' } else { '?' };
            let target =
                if query.is_empty() { page.to_owned() } else { format!("{page}{mark}token={query}") };
            let answer = crate::support::web::get_with(port, &target, headers);
            assert!([200, 303, 400, 401, 403, 404, 503].contains(&answer.status), "{target}: {answer:?}");
            all += &format!("{answer:?}\n");
        }
    }
    assert!(all.contains("nav"), "the token gives access");
    fs::write(path.join(format!("{name}.answers")), all).unwrap();
}

#[test]
fn no_secret_is_in_any_output_of_a_session() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 120, 4).write(path);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(path.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(path.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(path.join("token"), TOKEN).unwrap();
    let replies = [Reply::Status(500), Reply::Redirect(free_port()), Reply::Status(404)];
    let hook = Webhook::start(0, &replies);
    let webhook = format!("http://trader:{PASSWORD}@{}/{PATH}?key={QUERY}", hook.address);
    fs::write(path.join("alerts.toml"), format!("[alerts]\nwebhook = \"{webhook}\"\n")).unwrap();
    // Twenty days a second: some seconds in all.
    let tls =
        ["--listen", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--speed", "1728000"];
    let server = [&["serve"], &joined("serve", &data, &[])[1..], &tls[..]].concat();
    let served = Process::start(path, "serve", &server);
    let url = format!("wss://localhost:{}", served.port());
    let paper = |state: &'static str, log: &'static str, webhook: &[&'static str]| {
        let own = ["--state", state, "--ca", "cert.pem", "--log", log, "--token-file", "token"];
        let more = ["--dashboard", "127.0.0.1:0", "--set", "estimator.warmup=20"];
        let all = [&["paper", "--url", &url][..], &own[..], &more[..], webhook].concat();
        all.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>()
    };
    let config: &[&str] = &["--config", "alerts.toml"];
    for log in ["text", "json"] {
        // A crash in the middle, and a restart to the end.
        let arguments = paper(if log == "text" { "state-text" } else { "state-json" }, log, config);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let crashed = Process::start(path, &format!("{log}-crashed"), &arguments);
        let (port, started) = (crashed.port(), Instant::now());
        while crate::support::web::get_with(port, &format!("/api/state?token={TOKEN}"), "").status != 200
            || started.elapsed() < Duration::from_secs(3)
        {
            assert!(started.elapsed() < Duration::from_secs(60), "no state");
            std::thread::sleep(Duration::from_millis(100));
        }
        ask(path, &format!("{log}-crashed"), port);
        drop(crashed);
        run(path, log, &arguments);
    }
    assert!(!hook.requests().is_empty(), "alerts arrive");
    let sent = format!("{:?}", hook.requests());
    assert!(
        sent.contains(PATH) && sent.contains(&"dHJhZGVyOnBhc3N3b3Jkc2VjcmV0".to_lowercase()),
        "secrets are sent: {sent}"
    );

    // The commands that read a state folder.
    run(path, "state", &["state", "state-text"]);
    run(path, "session", &["replay", "--session", "state-json", "--out", "again"]);
    let shown = ["dashboard", "--state", "state-text", "--listen", "127.0.0.1:0", "--token-file", "token"];
    let dashboard = Process::start(path, "dashboard", &shown);
    ask(path, "dashboard", dashboard.port());
    drop(dashboard);
    // Refused starts.
    let invalid = [
        paper("state-bad", "text", &["--config", "alerts.toml", "--set", "sizing.turnover_cap=-1"]),
        paper("state-text", "json", &["--config", "alerts.toml", "--set", "sizing.kelly_fraction=0.1"]),
        paper("token", "text", config),
    ];
    for (at, arguments) in invalid.iter().enumerate() {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let name = format!("refused-{at}");
        assert_eq!(Process::start(path, &name, &arguments).finish(), Some(1), "{name}");
        assert!(fs::read(path.join(format!("{name}.err"))).unwrap().len() > 20, "{name}");
    }
    drop(served);

    let secrets = secrets(path);
    let hits = found(path, &secrets);
    let (given, leaked): (Vec<_>, Vec<_>) =
        hits.into_iter().partition(|(file, _)| GIVEN.iter().any(|name| *file == path.join(name)));
    assert!(given.len() >= 5, "the search finds the secrets where they are: {given:?}");
    assert!(leaked.is_empty(), "{leaked:?}");
    // The folders hold what was searched.
    for file in
        ["state-text/state.db", "state-json/state.db", "again/report.html", "again/run.toml", "json.err"]
    {
        assert!(fs::metadata(path.join(file)).unwrap().len() > 0, "{file}");
    }
    let log = fs::read_to_string(path.join("json.err")).unwrap()
        + &fs::read_to_string(path.join("text.err")).unwrap();
    assert!(log.contains(&format!("http://{}/…", hook.address)), "a failed delivery is logged: {log}");
}

#[cfg(unix)]
#[test]
fn folder_of_a_state_is_private_and_a_public_token_is_reported() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 80, 4).write(path);
    let served = crate::support::paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
    let trade =
        |state: &str| crate::support::call(path, &crate::support::paper::arguments(&served.url, state));
    assert_eq!(trade("new/state").code, Some(0));
    assert_eq!(mode("new/state"), 0o700);
    // The owner may open a folder to others.
    fs::create_dir(path.join("own")).unwrap();
    fs::set_permissions(path.join("own"), fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(trade("own").code, Some(0));
    assert_eq!(mode("own"), 0o750);

    fs::write(path.join("token"), TOKEN).unwrap();
    for (permissions, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        fs::set_permissions(path.join("token"), fs::Permissions::from_mode(permissions)).unwrap();
        // The address is in use, so that the command ends.
        let address = served.url.trim_start_matches("ws://");
        let refused = crate::support::call(
            path,
            &["dashboard", "--state", "own", "--listen", address, "--token-file", "token"],
        );
        assert_eq!(refused.code, Some(1));
        assert_eq!(
            refused.err.contains("every user of this machine"),
            warned,
            "{permissions:o}: {}",
            refused.err
        );
        assert!(!refused.err.contains(TOKEN), "{}", refused.err);
    }
}

#[test]
fn address_of_a_feed_with_a_secret_part_is_refused_before_it_is_recorded() {
    let folder = folder();
    let path = folder.path();
    for url in ["ws://trader:passwordsecret@127.0.0.1:1", "ws://127.0.0.1:1/?token=passwordsecret"] {
        let set = format!("feed.url={url}");
        for arguments in [vec!["--url", url], vec!["--set", &set]] {
            let ended =
                crate::support::call(path, &[&["paper", "--state", "state"][..], &arguments].concat());
            assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.err);
            assert!(!ended.err.contains(PASSWORD) && !ended.out.contains(PASSWORD), "{}", ended.err);
            assert!(ended.err.contains("which would be recorded"), "{}", ended.err);
        }
        assert!(
            !path.join("state").exists() || found(&path.join("state"), &[PASSWORD.to_owned()]).is_empty()
        );
    }
}
