//! Arguments of `dashboard`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(in crate::commands) const DASHBOARD: &str = "\
Show a state folder in a browser, also while a run writes to it.

Value, profit and loss of the day, drawdown, positions and targets, the betas
of an instrument, turnover against the cap, costs, the health of the feed,
queues and latencies by stage, the last fills, orders and events. It reads
state.db alone, changes nothing and holds up nothing. The page follows by
itself, and comes back by itself after it was cut off.

On 127.0.0.1, where it listens without --listen, only this machine can look.
Any other address needs a token of at least 16 characters:
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' > token
  betaflow dashboard --state DIR --listen 0.0.0.0:8080 --token-file token
Open http://HOST:8080/?token=TOKEN once, or send Authorization: Bearer TOKEN.
There is no encryption: across networks use a tunnel, such as ssh -L.

For programs:
  /api/state               all that the page shows, as JSON
  /api/betas?symbol=AAPL   betas of an instrument, with standard deviations
  /events                  the first, again with every commit (SSE)
  /metrics                 for Prometheus
  /healthz                 200 while the run says how it is, else 503 and why

In Python:
  state = json.load(urllib.request.urlopen(\"http://127.0.0.1:8080/api/state\"))
  pd.DataFrame(state[\"positions\"])";

/// Arguments of `dashboard`.
#[derive(Debug, Args)]
pub(crate) struct DashboardArgs {
    /// Folder that has state.db
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Address and port; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// File with the token that a client has to give
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}
