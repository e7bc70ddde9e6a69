//! `HOST:PORT`, as people write it.

use std::fmt;
use std::net::IpAddr;

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address; without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Target {
    /// `db.example:5432`, `10.0.0.5:80`, `[2001:db8::1]:443`.
    ///
    /// # Errors
    /// One sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || "a host and a port: db.example:5432, 10.0.0.5:80, [2001:db8::1]:443".to_owned();
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
        let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_plain = inside.is_some() || !host.contains(':');
        let host = inside.unwrap_or(host);
        let is_name = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-._:%".contains(c));
        let port: u16 = port.parse().map_err(|_| wrong())?;
        if !is_plain || !is_name || port == 0 || inside.is_some_and(|host| !host.contains(':')) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// Its address, if it is one and no name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(out, "[{}]:{}", self.host, self.port)
        } else {
            write!(out, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_as_people_write_them() {
        let read = |text| Target::read(text).map(|target| (target.host.clone(), target.port, target.to_string()));
        let same = |host: &str, port: u16, text: &str| Ok((host.to_owned(), port, text.to_owned()));
        assert_eq!(read("db.example:5432"), same("db.example", 5432, "db.example:5432"));
        assert_eq!(read("10.0.0.5:80"), same("10.0.0.5", 80, "10.0.0.5:80"));
        assert_eq!(read("[2001:db8::1]:443"), same("2001:db8::1", 443, "[2001:db8::1]:443"));
        assert_eq!(read("[fe80::1%eth0]:22"), same("fe80::1%eth0", 22, "[fe80::1%eth0]:22"));
        for wrong in [
            "db.example",
            "db.example:",
            ":80",
            "2001:db8::1:443",
            "a:0",
            "a:70000",
            "[db]:80",
            "a b:80",
            "http://a:80",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
