//! Messages of venues. The first line of an input names the venue, each other line is a message of one connection.

use betaflow_connectors::ticks::{
    BarSettings, Bars, Counts, Event, LatePolicy, Level, Parsed, VENUES, venue,
};

use super::harness::Target;

const WORDS: [&str; 36] = [
    "alpaca\n",
    "binance\n",
    "binance_usdm\n",
    "coinbase_advanced\n",
    "coinbase_exchange\n",
    "kraken_v1\n",
    "kraken_v2\n",
    r#""e":"aggTrade""#,
    r#""e":"trade""#,
    r#""e":"kline""#,
    r#""stream":"#,
    r#""data":{"#,
    r#""s":"BTCUSDT""#,
    r#""T":"#,
    r#""t":"#,
    r#""p":"#,
    r#""q":"#,
    r#""channel":"market_trades""#,
    r#""channel":"trade""#,
    r#""type":"match""#,
    r#""type":"last_match""#,
    r#""trade_id":"#,
    r#""sequence_num":"#,
    r#""product_id":"BTC-USD""#,
    r#""price":"#,
    r#""size":"#,
    r#""time":"2023-11-14T22:13:20Z""#,
    r#""T":"t""#,
    r#""T":"x""#,
    r#""T":"c""#,
    r#""c":["#,
    r#""ci":"#,
    "9999-12-31T23:59:59.999999999Z",
    "\\u0000",
    "[[[[",
    "{\"a\":",
];

fn is_price(price: f64) -> bool {
    price > 0.0 && price.is_finite()
}

fn is_quantity(quantity: f64) -> bool {
    quantity >= 0.0 && quantity.is_finite()
}

fn is_sane(event: &Event<'_>) -> bool {
    let is_level = |level: Option<Level>| {
        level.is_none_or(|level| is_price(level.price) && level.quantity.is_none_or(is_quantity))
    };
    match event {
        Event::Trade(trade) => {
            is_price(trade.price) && is_price(trade.quantity) && (1..=64).contains(&trade.symbol.len())
        }
        Event::Quote(quote) => is_level(quote.bid) && is_level(quote.ask),
        Event::Bar(bar) => {
            [bar.open, bar.high, bar.low, bar.close].into_iter().all(is_price)
                && is_quantity(bar.volume)
                && bar.start_ns < bar.end_ns
        }
        _ => true,
    }
}

#[test]
fn venues() {
    Target::new("venues").words(&WORDS).run(|input| {
        let text = String::from_utf8_lossy(input);
        let (name, messages) = text.split_once('\n').unwrap_or_default();
        let mut venue = venue(name).or_else(|| venue(VENUES[input.len() % VENUES.len()])).unwrap();
        let settings = BarSettings {
            length_ns: 60_000_000_000,
            lateness_ns: 1_000_000_000,
            late: LatePolicy::DropAndCount,
            from_ns: i64::MIN,
        };
        let symbols = ["BTCUSDT", "NKNUSDT", "BTC-USD", "XMR/USD", "MATIC/USD", "SPY", "AAPL"];
        let mut bars =
            Bars::new(settings, 1, symbols.map(|symbol| venue.symbol(symbol)).iter().map(String::as_str))
                .unwrap();
        let (mut counts, mut closed) = (Counts::default(), Vec::new());
        for (number, message) in messages.lines().enumerate() {
            let mut out = Vec::new();
            let parsed = venue.parse(message, &mut out);
            assert!(out.len() <= message.len(), "{message}");
            match &parsed {
                Parsed::Refused(refusal) => {
                    assert!(out.is_empty(), "{message}");
                    assert!(refusal.to_string().len() <= 1_024, "{refusal}");
                }
                Parsed::Unknown(name) => assert!(name.len() <= 64, "{name}"),
                Parsed::Known(_) => {}
            }
            for event in &out {
                assert!(is_sane(event), "{event:?} of {message}");
                bars.observe(0, event, &mut closed);
            }
            counts.record(parsed);
            if number % 7 == 6 {
                venue.reconnected();
            }
        }
        for (_, bar) in closed.drain(..).flat_map(|interval| interval.bars) {
            assert!([bar.open, bar.high, bar.low, bar.close].into_iter().all(is_price), "{bar:?}");
            assert!(is_quantity(bar.volume) && bar.low <= bar.high, "{bar:?}");
        }
    });
}
