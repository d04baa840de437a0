//! Messages of venues: captures outside the repository, and messages written for the tests in the venues'
//! formats.

use std::path::{Path, PathBuf};

/// Captures and the adapters that read them.
pub(crate) const FEEDS: [(&str, &str); 6] = [
    ("binance_spot_btcusdt_2024-08-08", "binance"),
    ("binance_spot_multi_2021-10-12", "binance"),
    ("binance_usdm_multi_2021-07-22", "binance_usdm"),
    ("coinbase_advanced_2026-08-09", "coinbase_advanced"),
    ("coinbase_pro_2021-04-17", "coinbase_exchange"),
    ("kraken_v1_2021-04-17", "kraken_v1"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/feeds")
}

/// Returns the path of a capture.
pub(crate) fn path(feed: &str) -> PathBuf {
    folder().join(format!("{feed}.jsonl"))
}

/// Returns the messages of a capture as sent by the venue.
pub(crate) fn messages(feed: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path(feed)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let from_venue = lines.filter(|line| line["dir"] == "in");
    from_venue.map(|line| line["raw"].as_str().unwrap().to_owned()).collect()
}

/// Returns a capture that revealed a fault in an adapter.
pub(crate) fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Messages written for the tests, in the formats that the venues document.
pub(crate) const MADE: [(&str, &[&str]); 7] = [
    ("binance", &BINANCE),
    ("binance_usdm", &BINANCE),
    ("coinbase_advanced", &COINBASE_ADVANCED),
    ("coinbase_exchange", &COINBASE_EXCHANGE),
    ("kraken_v1", &KRAKEN_V1),
    ("kraken_v2", &KRAKEN_V2),
    ("alpaca", &ALPACA),
];

const BINANCE: [&str; 7] = [
    r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1700000000105,"s":"BTCUSDT","a":501,"p":"36000.10","q":"0.25","f":9001,"l":9002,"T":1700000000100,"m":false}}"#,
    r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1700000000705,"s":"BTCUSDT","a":502,"p":"36000.20","q":"0.5","f":9003,"l":9003,"T":1700000000700,"m":true}}"#,
    r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000001005,"s":"BTCUSDT","t":9004,"p":"36001.00","q":"1.5","T":1700000001000,"m":false,"M":true}}"#,
    r#"{"stream":"btcusdt@bookTicker","data":{"u":77001,"s":"BTCUSDT","b":"36000.90","B":"2.5","a":"36001.00","A":"4"}}"#,
    r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1700000040005,"s":"BTCUSDT","k":{"t":1699999980000,"T":1700000039999,"s":"BTCUSDT","i":"1m","f":9001,"L":9004,"o":"36000.10","c":"36001.00","h":"36001.00","l":"36000.10","v":"2.25","n":4,"x":true,"q":"81001.5","V":"1.75","Q":"63001.5","B":"0"}}}"#,
    r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000001105,"s":"BTCUSDT","U":77002,"u":77004,"b":[["36000.80","1"]],"a":[["36001.10","0"]]}}"#,
    r#"{"result":null,"id":1}"#,
];

const COINBASE_ADVANCED: [&str; 6] = [
    r#"{"channel":"subscriptions","timestamp":"2023-11-14T22:13:20.000000001Z","sequence_num":0,"events":[{"subscriptions":{"market_trades":["BTC-USD"]}}]}"#,
    r#"{"channel":"market_trades","timestamp":"2023-11-14T22:13:20.200000001Z","sequence_num":1,"events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"702","price":"36000.20","size":"0.5","time":"2023-11-14T22:13:20.15Z","side":"BUY"},{"product_id":"BTC-USD","trade_id":"701","price":"36000.10","size":"0.25","time":"2023-11-14T22:13:20.1Z","side":"SELL"}]}]}"#,
    r#"{"channel":"ticker","timestamp":"2023-11-14T22:13:21.000000001Z","sequence_num":2,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"36000.20","best_bid":"36000.10","best_ask":"36000.30","best_bid_quantity":"1.5","best_ask_quantity":"2"}]}]}"#,
    r#"{"channel":"candles","timestamp":"2023-11-14T22:15:00.000000001Z","sequence_num":3,"events":[{"type":"update","candles":[{"start":"1700000100","high":"36000.20","low":"36000.10","open":"36000.10","close":"36000.20","volume":"0.75","product_id":"BTC-USD"}]}]}"#,
    r#"{"channel":"l2_data","timestamp":"2023-11-14T22:15:01.000000001Z","sequence_num":4,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"offer","event_time":"2023-11-14T22:15:01Z","price_level":"36000.40","new_quantity":"1"}]}]}"#,
    r#"{"channel":"heartbeats","timestamp":"2023-11-14T22:15:02.000000001Z","sequence_num":5,"events":[{"current_time":"2023-11-14 22:15:02 +0000 UTC","heartbeat_counter":5}]}"#,
];

const COINBASE_EXCHANGE: [&str; 6] = [
    r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}"#,
    r#"{"type":"last_match","trade_id":700,"side":"sell","size":"0.1","price":"36000.00","product_id":"BTC-USD","sequence":4001,"time":"2023-11-14T22:13:19.5Z"}"#,
    r#"{"type":"match","trade_id":701,"side":"sell","size":"0.25","price":"36000.10","product_id":"BTC-USD","sequence":4002,"time":"2023-11-14T22:13:20.1Z"}"#,
    r#"{"type":"ticker","sequence":4002,"product_id":"BTC-USD","price":"36000.10","best_bid":"36000.00","best_bid_size":"1.5","best_ask":"36000.20","best_ask_size":"2","side":"buy","time":"2023-11-14T22:13:20.1Z","trade_id":701,"last_size":"0.25"}"#,
    r#"{"type":"heartbeat","sequence":4002,"last_trade_id":701,"product_id":"BTC-USD","time":"2023-11-14T22:13:21Z"}"#,
    r#"{"type":"l2update","product_id":"BTC-USD","changes":[["sell","36000.30","1.5"]],"time":"2023-11-14T22:13:21.5Z"}"#,
];

const KRAKEN_V1: [&str; 6] = [
    r#"{"connectionID":7,"event":"systemStatus","status":"online","version":"1.9.0"}"#,
    r#"{"channelID":42,"channelName":"trade","event":"subscriptionStatus","pair":"XBT/USD","status":"subscribed","subscription":{"name":"trade"}}"#,
    r#"{"event":"heartbeat"}"#,
    r#"[42,[["36000.10000","0.25000000","1700000000.100000","s","l",""],["36000.20000","0.50000000","1700000000.150000","b","m",""]],"trade","XBT/USD"]"#,
    r#"[43,{"a":["36000.30000",2,"2.00000000"],"b":["36000.10000",1,"1.50000000"],"c":["36000.20000","0.50000000"],"v":["10.0","20.0"],"p":["36000.1","36000.1"],"t":[10,20],"l":["35000.0","35000.0"],"h":["37000.0","37000.0"],"o":["35500.0","35500.0"]},"ticker","XBT/USD"]"#,
    r#"[44,{"b":[["36000.10000","1.50000000","1700000000.150000"]],"c":"1"},"book-1000","XBT/USD"]"#,
];

/// Messages as documented for Kraken's second API.
pub(crate) const KRAKEN_V2: [&str; 11] = [
    r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":12393906104898154338}]}"#,
    r#"{"method":"subscribe","result":{"channel":"ticker","event_trigger":"bbo","snapshot":true,"symbol":"ALGO/USD"},"success":true,"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#,
    r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10036,"ask_qty":1361.44813783,"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17}]}"#,
    r#"{"channel":"trade","type":"snapshot","data":[{"symbol":"MATIC/USD","side":"buy","price":0.5147,"qty":6423.46326,"ord_type":"limit","trade_id":4665846,"timestamp":"2023-09-25T07:48:36.925533Z"},{"symbol":"MATIC/USD","side":"buy","price":0.5147,"qty":1136.19677815,"ord_type":"limit","trade_id":4665847,"timestamp":"2023-09-25T07:49:36.925603Z"}]}"#,
    r#"{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}"#,
    r#"{"channel":"ohlc","type":"snapshot","timestamp":"2023-10-04T16:25:50.799390138Z","data":[{"symbol":"ALGO/USD","open":0.09875,"high":0.09875,"low":0.09875,"close":0.09875,"trades":1,"volume":3.21500000,"vwap":0.09875,"interval_begin":"2023-10-04T16:20:00.000000000Z","interval":5,"timestamp":"2023-10-04T16:25:00.000000Z"}]}"#,
    r#"{"channel":"ohlc","type":"update","timestamp":"2023-10-04T16:26:30.524394914Z","data":[{"symbol":"MATIC/USD","open":0.5624,"high":0.5628,"low":0.5622,"close":0.5627,"trades":12,"volume":30927.68066226,"vwap":0.5626,"interval_begin":"2023-10-04T16:25:00.000000000Z","interval":5,"timestamp":"2023-10-04T16:30:00.000000Z"}]}"#,
    r#"{"channel":"book","type":"update","data":[{"symbol":"MATIC/USD","bids":[{"price":0.5657,"qty":1098.3947558}],"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}"#,
    r#"{"channel":"heartbeat"}"#,
    r#"{"method":"pong","time_in":"2023-09-24T14:10:23.799685Z","time_out":"2023-09-24T14:10:23.799703Z"}"#,
    r#"{"error":"Currency pair not supported MATIC/USDX","method":"subscribe","success":false,"symbol":"MATIC/USDX","time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#,
];

/// Messages as documented by Alpaca.
pub(crate) const ALPACA: [&str; 11] = [
    r#"[{"T":"success","msg":"connected"}]"#,
    r#"[{"T":"success","msg":"authenticated"}]"#,
    r#"[{"T":"subscription","trades":["AAPL"],"quotes":["AMD","CLDR"],"bars":["*"],"updatedBars":[],"dailyBars":["VOO"],"statuses":["*"],"lulds":[],"corrections":["AAPL"],"cancelErrors":["AAPL"]}]"#,
    r#"[{"T":"t","i":96921,"S":"AAPL","x":"D","p":126.55,"s":1,"t":"2021-02-22T15:51:44.208Z","c":["@","I"],"z":"C"}]"#,
    r#"[{"T":"t","S":"AVAX/USD","p":47.299,"s":29.205707815,"t":"2024-03-12T10:27:48.858228144Z","i":3447222699101865076,"tks":"S"}]"#,
    r#"[{"T":"q","S":"AMD","bx":"U","bp":87.66,"bs":1,"ax":"Q","ap":87.68,"as":4,"t":"2021-02-22T15:51:45.335689322Z","c":["R"],"z":"C"}]"#,
    r#"[{"T":"b","S":"SPY","o":388.985,"h":389.13,"l":388.975,"c":389.12,"v":49378,"n":461,"vw":389.062639,"t":"2021-02-22T19:15:00Z"},{"T":"u","S":"SPY","o":388.985,"h":389.13,"l":388.975,"c":389.12,"v":49380,"n":462,"vw":389.062639,"t":"2021-02-22T19:15:00Z"}]"#,
    r#"[{"T":"d","S":"VOO","o":388.985,"h":389.13,"l":388.975,"c":389.12,"v":49378,"n":461,"vw":389.062639,"t":"2021-02-22T05:00:00Z"}]"#,
    r#"[{"T":"s","S":"AAPL","sc":"H","sm":"Halted","rc":"T12","rm":"Additional Information Requested","t":"2021-02-22T19:15:00Z","z":"C"}]"#,
    r#"[{"T":"error","code":405,"msg":"symbol limit exceeded"}]"#,
    r#"[]"#,
];
