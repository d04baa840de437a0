//! Reference parser of venue messages, to test the adapters: it reads `serde_json::Value` field by field.

use serde_json::Value;

/// Formats symbol, time in ns, and the numbers of a trade, a quote or a bar as a line.
pub(crate) fn line(kind: &str, symbol: &str, time_ns: Option<i64>, numbers: &[Option<f64>]) -> String {
    let numbers: Vec<_> = numbers.iter().map(|n| n.map_or("-".to_owned(), |n| format!("{n:?}"))).collect();
    let time = time_ns.map_or("-".to_owned(), |ns| ns.to_string());
    format!("{kind} {symbol} {time} {}", numbers.join(" "))
}

/// Returns all trades, quotes and bars of a message as lines.
pub(crate) fn lines(venue: &str, message: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(message).unwrap();
    match venue {
        "binance" | "binance_usdm" => binance(&value),
        "coinbase_advanced" => coinbase_advanced(&value),
        "coinbase_exchange" => coinbase_exchange(&value),
        "kraken_v1" => kraken_v1(&value),
        "kraken_v2" => kraken_v2(&value),
        "alpaca" => alpaca(&value),
        other => panic!("{other}"),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.parse().unwrap()),
        other => Some(other.as_f64().unwrap()),
    }
}

fn numbers(object: &Value, names: &[&str]) -> Vec<Option<f64>> {
    names.iter().map(|name| number(&object[*name])).collect()
}

fn ms(value: &Value) -> Option<i64> {
    value.as_i64().map(|ms| ms * 1_000_000)
}

/// Converts an ISO time by Howard Hinnant's `days_from_civil`, without floating point.
fn iso(value: &Value) -> Option<i64> {
    let text = value.as_str()?.trim_end_matches('Z');
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    let months = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let leap = i64::from(month > 2 && leap_days(year) != leap_days(year - 1));
    let days =
        (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969) + months[month as usize - 1] + leap + day
            - 1;
    let decimals = format!("{:0<9}", text.get(20..).unwrap_or(""));
    let seconds = days * 86_400 + part(11, 13) * 3600 + part(14, 16) * 60 + part(17, 19);
    Some(seconds * 1_000_000_000 + decimals.parse::<i64>().unwrap())
}

fn seconds(value: &Value) -> Option<i64> {
    let (whole, decimals) = value.as_str()?.split_once('.').unwrap_or((value.as_str()?, ""));
    Some(format!("{whole}{decimals:0<9}").parse().unwrap())
}

fn binance(value: &Value) -> Vec<String> {
    let (stream, data) = (value["stream"].as_str().unwrap_or(""), &value["data"]);
    let symbol = data["s"].as_str().unwrap_or("");
    match stream.split('@').nth(1) {
        Some("trade" | "aggTrade") => {
            vec![line("trade", symbol, ms(&data["T"]), &numbers(data, &["p", "q"]))]
        }
        Some("bookTicker") => {
            vec![line("quote", symbol, ms(&data["T"]), &numbers(data, &["b", "B", "a", "A"]))]
        }
        Some(name) if name.starts_with("kline") => {
            let bar = &data["k"];
            vec![line("bar", symbol, ms(&bar["t"]), &numbers(bar, &["o", "h", "l", "c", "v"]))]
        }
        _ => vec![],
    }
}

fn coinbase_advanced(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for event in value["events"].as_array().unwrap() {
        let each = |name: &str| event[name].as_array().cloned().unwrap_or_default();
        let symbol = |object: &Value| object["product_id"].as_str().unwrap().to_owned();
        for trade in each("trades") {
            let numbers = numbers(&trade, &["price", "size"]);
            lines.push(line("trade", &symbol(&trade), iso(&trade["time"]), &numbers));
        }
        for ticker in each("tickers") {
            let names = ["best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity"];
            lines.push(line("quote", &symbol(&ticker), iso(&value["timestamp"]), &numbers(&ticker, &names)));
        }
        for candle in each("candles") {
            let numbers = numbers(&candle, &["open", "high", "low", "close", "volume"]);
            lines.push(line("bar", &symbol(&candle), seconds(&candle["start"]), &numbers));
        }
    }
    lines
}

fn coinbase_exchange(value: &Value) -> Vec<String> {
    let symbol = value["product_id"].as_str().unwrap_or("");
    match value["type"].as_str().unwrap() {
        "match" | "last_match" => {
            vec![line("trade", symbol, iso(&value["time"]), &numbers(value, &["price", "size"]))]
        }
        "ticker" => {
            let names = ["best_bid", "best_bid_size", "best_ask", "best_ask_size"];
            vec![line("quote", symbol, iso(&value["time"]), &numbers(value, &names))]
        }
        _ => vec![],
    }
}

fn kraken_v1(value: &Value) -> Vec<String> {
    let Some(elements) = value.as_array() else { return vec![] };
    let symbol = elements[elements.len() - 1].as_str().unwrap();
    let of =
        |object: &Value, indices: &[usize]| indices.iter().map(|i| number(&object[*i])).collect::<Vec<_>>();
    let content = &elements[1];
    match elements[elements.len() - 2].as_str().unwrap() {
        "trade" => {
            let trades = content.as_array().unwrap().iter();
            trades.map(|trade| line("trade", symbol, seconds(&trade[2]), &of(trade, &[0, 1]))).collect()
        }
        "ticker" => {
            let (bid, ask) = (of(&content["b"], &[0, 2]), of(&content["a"], &[0, 2]));
            vec![line("quote", symbol, None, &[bid, ask].concat())]
        }
        "spread" => vec![line("quote", symbol, seconds(&content[2]), &of(content, &[0, 3, 1, 4]))],
        name if name.starts_with("ohlc-") => {
            let minutes: i64 = name["ohlc-".len()..].parse().unwrap();
            let start = seconds(&content[1]).unwrap() - minutes * 60_000_000_000;
            vec![line("bar", symbol, Some(start), &of(content, &[2, 3, 4, 5, 7]))]
        }
        _ => vec![],
    }
}

fn kraken_v2(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for data in value["data"].as_array().cloned().unwrap_or_default() {
        let symbol = data["symbol"].as_str().unwrap_or("");
        match value["channel"].as_str().unwrap() {
            "trade" => {
                let numbers = numbers(&data, &["price", "qty"]);
                lines.push(line("trade", symbol, iso(&data["timestamp"]), &numbers));
            }
            "ticker" => {
                let numbers = numbers(&data, &["bid", "bid_qty", "ask", "ask_qty"]);
                lines.push(line("quote", symbol, iso(&data["timestamp"]), &numbers));
            }
            "ohlc" => {
                let numbers = numbers(&data, &["open", "high", "low", "close", "volume"]);
                lines.push(line("bar", symbol, iso(&data["interval_begin"]), &numbers));
            }
            _ => {}
        }
    }
    lines
}

fn alpaca(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for element in value.as_array().unwrap() {
        let (symbol, time) = (element["S"].as_str().unwrap_or(""), iso(&element["t"]));
        match element["T"].as_str().unwrap() {
            "t" => lines.push(line("trade", symbol, time, &numbers(element, &["p", "s"]))),
            "q" => lines.push(line("quote", symbol, time, &numbers(element, &["bp", "bs", "ap", "as"]))),
            "b" | "u" | "d" => {
                lines.push(line("bar", symbol, time, &numbers(element, &["o", "h", "l", "c", "v"])));
            }
            _ => {}
        }
    }
    lines
}
