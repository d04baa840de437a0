//! State folder in the form of a `betaflow paper` run, with figures that follow from the frame number.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use betaflow_connectors::store::{Input, InputKind, StateFolder, Sync};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

const HOUR_NS: i64 = 3_600_000_000_000;
/// 2024-01-02 00:00 UTC.
const START_NS: i64 = 1_704_153_600_000_000_000;
/// Frames per day.
const FRAMES_PER_DAY: i64 = 6;

/// Writer of the state folder.
pub(crate) struct State {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) symbols: Vec<String>,
    pub(crate) frames: i64,
}

impl State {
    /// Creates an empty state in a folder.
    pub(crate) fn create(folder: &Path, symbols: &[&str]) -> Self {
        let path = folder.join("state.db");
        drop(StateFolder::open(folder, Sync::Normal).unwrap());
        let connection = Connection::open(&path).unwrap();
        // Tests do not need durability.
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
        let state = Self { connection, path, symbols, frames: 0 };
        state.meta("version", env!("CARGO_PKG_VERSION"));
        state.meta("started", "2024-01-02T00:00:00Z");
        state.meta("configuration", "[sizing]\nturnover_cap = 0.08\n");
        state.meta("feed", &json!({"type": "hello", "protocol": 1, "name": "prices.parquet"}).to_string());
        state
    }

    pub(crate) fn meta(&self, key: &str, value: &str) {
        let sql = "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value";
        self.connection.execute(sql, [key, value]).unwrap();
    }

    /// Commits frames, each in its own transaction.
    pub(crate) fn frames(&mut self, count: i64) {
        for _ in 0..count {
            self.frame();
        }
    }

    fn frame(&mut self) {
        let transaction = self.connection.transaction().unwrap();
        let seq = self.frames;
        let timestamp =
            START_NS + seq / FRAMES_PER_DAY * 24 * HOUR_NS + (14 + seq % FRAMES_PER_DAY) * HOUR_NS;
        let wave = |every: f64| (seq as f64 / every).sin();
        let nav = 1e6 * (1.0 + 0.0007 * seq as f64 + 0.03 * wave(9.0) + 0.004 * wave(1.3));
        let input = Input { seq: seq as u64, kind: InputKind::Bars, timestamp, body: "{}".to_owned() };
        transaction
            .execute(
                "INSERT INTO inputs VALUES(?1, 'bars', ?2, '{}', ?3)",
                params![seq, timestamp, input.checksum()],
            )
            .unwrap();
        transaction
            .execute(
                "INSERT INTO equity(seq, timestamp, nav, nav_gross, cash, gross_exposure, net_exposure, turnover, \
                 cap_multiplier, commission, spread, impact, borrow, financing, interest, dividends, benchmark_nav, \
                 digest) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)",
                params![
                    seq,
                    timestamp,
                    nav,
                    nav + 25.0 * seq as f64,
                    0.31 * nav,
                    0.9 + 0.05 * wave(7.0),
                    0.69,
                    0.006 + 0.005 * wave(5.0),
                    f64::NAN,
                    3.25,
                    12.5 + wave(3.0),
                    4.125,
                    0.5,
                    0.0,
                    2.75,
                    if seq % 20 == 0 { 140.0 } else { 0.0 },
                    1e6 * (1.0 + 0.0005 * seq as f64 + 0.04 * wave(11.0)),
                    "ab"
                ],
            )
            .unwrap();
        for (n, symbol) in self.symbols.iter().enumerate() {
            let own = n as f64 + 1.0;
            let held = 0.1 * (1.0 - 2.0 * f64::from(u8::from(n % 4 == 3))) / own.sqrt() + 0.002 * wave(own);
            transaction
                .execute(
                    "INSERT OR REPLACE INTO weights(symbol, seq, target_weight, held_weight) VALUES(?1, ?2, ?3, ?4)",
                    params![symbol, seq, held * 1.08, held],
                )
                .unwrap();
            let coefficients = json!([
                ["alpha", 1e-4 * wave(20.0), 2e-4],
                ["mkt", 1.0 + 0.2 * wave(30.0 + own), 0.1 + 2.0 / (seq as f64 + 10.0)],
                ["mom", -0.3 * wave(25.0), 0.15]
            ]);
            transaction
                .execute(
                    "INSERT INTO betas(seq, timestamp, symbol, coefficients) VALUES(?1, ?2, ?3, ?4)",
                    params![seq, timestamp, symbol, coefficients.to_string()],
                )
                .unwrap();
            if (seq + n as i64) % 3 == 0 {
                let quantity = 100.25 * wave(2.0 + own);
                let n = n as i64;
                let price = 20.0 * own + wave(4.0);
                transaction
                    .execute(
                        "INSERT INTO fills(seq, n, timestamp, decided_seq, symbol, quantity, price, decision_price, \
                         notional, commission, spread, impact, reason) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)",
                        params![
                            seq,
                            n,
                            timestamp,
                            seq - 1,
                            symbol,
                            quantity,
                            price,
                            price * 0.999,
                            quantity * price,
                            0.3,
                            1.2,
                            0.1,
                            "rebalance"
                        ],
                    )
                    .unwrap();
                transaction
                    .execute(
                        "INSERT INTO orders(seq, n, timestamp, decided_seq, symbol, quantity, filled, state) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
                        params![seq, n, timestamp, seq - 1, symbol, quantity, quantity, "filled"],
                    )
                    .unwrap();
            }
        }
        transaction.commit().unwrap();
        self.frames += 1;
    }

    pub(crate) fn event(&self, kind: &str, text: &str) {
        let sql = "INSERT INTO events(time, seq, kind, text) VALUES(?1, ?2, ?3, ?4)";
        self.connection.execute(sql, params![now_ns(), self.frames, kind, text]).unwrap();
    }

    /// Writes the status of a run, `seconds_ago` old.
    pub(crate) fn status(&self, seconds_ago: i64) {
        let time = now_ns() - seconds_ago * 1_000_000_000;
        let buckets = |middle: f64| -> Vec<Value> {
            let share = |at: i32| (-0.5 * (f64::from(at - 12) / middle).powi(2)).exp();
            (0..24).map(|at| json!([1_000_i64 << at >> 1, (1e5 * share(at)) as u64])).collect()
        };
        let stage = |name: &str, middle: f64| {
            let buckets = buckets(middle);
            let count: u64 = buckets.iter().map(|bucket| bucket[1].as_u64().unwrap()).sum();
            json!({"stage": name, "count": count, "sum_ns": count * 2_100_000, "p50_ns": 2_048_000,
                "p99_ns": 9_000_000, "max_ns": 31_000_000, "buckets": buckets})
        };
        let rows = [
            (
                "feed",
                json!({"time": time, "name": "ws://127.0.0.1:9000", "connected": true, "since": time - 7_200_000_000_000_i64,
                    "last_message": time - 120_000_000, "stale": false, "messages": 3_021_445, "bytes": 912_003_112,
                    "gaps": 3, "missing": 0, "back_filled": 41, "reconnects": 2, "repeats": 17, "reordered": 5,
                    "conflated": 0, "refused": 1,
                    "venue": {"faults": {"late": 7, "clock_back": 2}, "quiet": ["XOM"]}}),
            ),
            ("trading", json!({"time": time, "state": "trading", "why": null})),
            (
                "queues",
                json!({"time": time, "queues": [
                    {"name": "feed to source", "depth": 3, "capacity": 64, "highest": 41},
                    {"name": "source to estimate", "depth": 1, "capacity": 8, "highest": 8},
                    {"name": "record \"disk\"", "depth": 0, "capacity": 8, "highest": 2}]}),
            ),
            (
                "latency",
                json!({"time": time, "stages": [stage("estimate", 2.0), stage("size", 3.0),
                    stage("message to decision", 2.5)]}),
            ),
        ];
        let sql = "INSERT INTO status VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value";
        for (key, value) in rows {
            self.connection.execute(sql, params![key, value.to_string()]).unwrap();
        }
    }

    /// Returns one number of the database.
    pub(crate) fn number(&self, sql: &str) -> f64 {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

pub(crate) fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64
}
