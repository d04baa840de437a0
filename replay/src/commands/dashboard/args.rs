//! Arguments of `dashboard`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(in crate::commands) const DASHBOARD: &str = "\
Show a state folder in a browser, also while a run writes to it.

The page shows NAV, profit and loss of the day, drawdown, positions and target
weights, the betas of an instrument, turnover and its cap, costs, the health of
the feed, queues and latencies by stage, and the last fills, orders and events.
It updates and reconnects by itself. The command only reads state.db; the run
is neither changed nor delayed.

The default address 127.0.0.1 accepts only this machine. Any other address
needs a token of at least 16 characters:
  (umask 077; head -c 24 /dev/urandom | base64 | tr '+/' '-_' > token)
  betaflow dashboard --state DIR --listen 0.0.0.0:8080 --token-file token
Open http://HOST:8080/?token=TOKEN once, or send Authorization: Bearer TOKEN.
The connection is not encrypted: across networks use a tunnel, such as ssh -L.

For programs:
  /api/state               content of the page, as JSON
  /api/betas?symbol=AAPL   betas of an instrument, with standard deviations
  /events                  /api/state after every commit (SSE)
  /metrics                 metrics for Prometheus
  /healthz                 200 while the run reports its status, else 503 and
                           the reason

In Python:
  state = json.load(urllib.request.urlopen(\"http://127.0.0.1:8080/api/state\"))
  pd.DataFrame(state[\"positions\"])";

/// Arguments of `dashboard`.
#[derive(Debug, Args)]
pub(crate) struct DashboardArgs {
    /// State folder, which has state.db.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// File with the token that clients must send.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}
