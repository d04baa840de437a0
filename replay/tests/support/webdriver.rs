//! WebDriver client (W3C) over plain HTTP, as far as the tests need it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium session, ended with the test.
pub(crate) struct Browser {
    driver: Child,
    /// Kept open, because the driver cannot write to a closed pipe.
    _out: BufReader<ChildStdout>,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts Chromium through its driver.
    pub(crate) fn start() -> Self {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut driver = driver.expect("found no chromedriver; expected the package `chromium-driver`");
        let mut out = BufReader::new(driver.stdout.take().unwrap());
        let port = out
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .filter_map(|line| line.split_once("successfully on port ").map(|(_, rest)| rest.to_owned()))
            .map(|rest| rest.trim_end_matches('.').parse().unwrap())
            .next()
            .expect("chromedriver prints its port");
        let mut browser = Self { driver, _out: out, port, session: String::new() };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--window-size=1400,1000",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let begun = browser.request("POST", "/session", &wanted);
        browser.session = format!("/session/{}", begun["sessionId"].as_str().unwrap());
        browser
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let head = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.session,
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).unwrap() > 0, "chromedriver answers {method} {path}");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "{method} {path}: {value}");
        value
    }

    pub(crate) fn open(&self, url: &str) {
        self.request("POST", "/url", &json!({"url": url}));
    }

    /// Runs the body of a script and returns its value.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.request("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&self, expression: &str, seconds: u64) {
        let started = Instant::now();
        while self.run(&format!("return Boolean({expression})")) != true {
            assert!(started.elapsed() < Duration::from_secs(seconds), "{expression}, within {seconds} s");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Text of the first element that matches a selector.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.run(&format!("return document.querySelector({selector:?}).textContent"))
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Sets the size of the screen in pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size});
        self.request("POST", "/goog/cdp/execute", &command);
    }

    /// Moves the mouse through positions in pixels. `drag`: holds the button from the first to the last.
    pub(crate) fn mouse(&self, places: &[(f64, f64)], drag: bool) {
        let mut actions = Vec::new();
        for (at, (x, y)) in places.iter().enumerate() {
            let (x, y) = (x.round(), y.round());
            actions
                .push(json!({"type": "pointerMove", "duration": 20, "x": x, "y": y, "origin": "viewport"}));
            if drag && at == 0 {
                actions.push(json!({"type": "pointerDown", "button": 0}));
            }
        }
        if drag {
            actions.push(json!({"type": "pointerUp", "button": 0}));
        }
        self.act("mouse", &json!(actions));
    }

    /// Double-clicks at a position.
    pub(crate) fn double_click(&self, (x, y): (f64, f64)) {
        let mut actions = vec![json!({"type": "pointerMove", "duration": 0, "x": x.round(), "y": y.round()})];
        for _ in 0..2 {
            actions.push(json!({"type": "pointerDown", "button": 0}));
            actions.push(json!({"type": "pointerUp", "button": 0}));
        }
        self.act("mouse", &json!(actions));
    }

    /// Taps a position.
    pub(crate) fn tap(&self, (x, y): (f64, f64)) {
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "x": x.round(), "y": y.round()},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0}
        ]);
        self.act("touch", &actions);
    }

    fn act(&self, pointer: &str, actions: &Value) {
        let source = json!({"type": "pointer", "id": pointer, "parameters": {"pointerType": pointer}, "actions": actions});
        self.request("POST", "/actions", &json!({"actions": [source]}));
    }

    /// Presses a key, by its WebDriver name, on the focused element.
    pub(crate) fn key(&self, key: &str) {
        let actions = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        self.request(
            "POST",
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]}),
        );
    }

    /// Screenshot in PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let text = self.request("GET", "/screenshot", &Value::Null);
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text.as_str().unwrap()).unwrap()
    }

    /// Messages on the console since the last call.
    pub(crate) fn console(&self) -> Vec<String> {
        let log = self.request("POST", "/se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the session, so that no browser process outlives a failed test.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let (session, port) = (&self.session, self.port);
            let _ = write!(
                stream,
                "DELETE {session} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.read(&mut [0; 64]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
