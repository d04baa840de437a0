//! Places of a server's connections: limited in all, and for each client address.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use super::request_origin::is_loopback;

/// Places of the connections of one server. Clones share them.
#[derive(Clone)]
pub struct Places {
    total: usize,
    each: usize,
    taken: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_network: BTreeMap<u128, usize>,
}

/// Place of one connection; released when it is dropped.
pub struct Place {
    network: u128,
    taken: Arc<Mutex<Counts>>,
}

impl Places {
    /// Creates `total` places. If other machines reach the server, one client address takes at most half of them, so
    /// that a single client cannot take the places of all others.
    #[must_use]
    pub fn new(listen: SocketAddr, total: usize) -> Self {
        let each = if is_loopback(listen.ip()) { total } else { total.div_ceil(2) };
        Self { total, each, taken: Arc::default() }
    }

    /// Takes a place for a client; `None` if there is none.
    #[must_use]
    pub fn take(&self, client: IpAddr) -> Option<Place> {
        let network = network(client);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_network.get(&network).copied().unwrap_or(0);
        if taken.total >= self.total || own >= self.each {
            return None;
        }
        taken.total += 1;
        taken.by_network.insert(network, own + 1);
        Some(Place { network, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        match taken.by_network.get_mut(&self.network) {
            Some(own) if *own > 1 => *own -= 1,
            _ => _ = taken.by_network.remove(&self.network),
        }
    }
}

/// Address of a client: all of IPv4, and the first 64 bits of IPv6, because a client has all addresses behind them.
fn network(client: IpAddr) -> u128 {
    match client.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn one_client_takes_at_most_half_of_the_places_of_an_open_server() {
        for (listen, expected) in [("127.0.0.1:1", 5), ("[::1]:1", 5), ("0.0.0.0:1", 3), ("[::]:1", 3)] {
            let listen = listen.parse().unwrap_or_else(|_| panic!("{listen}"));
            let places = Places::new(listen, 5);
            // Addresses of one network of IPv6 count as one.
            let own = ["2001:db8::1", "2001:db8::2"];
            let taken: Vec<Place> = (0..9).filter_map(|n| places.take(address(own[n % 2]))).collect();
            assert_eq!(taken.len(), expected, "{listen}");
            let others: Vec<Place> = (0..9).filter_map(|_| places.take(address("10.0.0.1"))).collect();
            assert_eq!(taken.len() + others.len(), 5, "{listen}");
            drop((taken, others));
            assert!(places.taken.lock().is_ok_and(|taken| taken.total == 0 && taken.by_network.is_empty()));
        }
    }
}
