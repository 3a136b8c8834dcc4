//! Test redirections through the environment; compiled in with the feature `redirect` only.
//!
//! * `IOTX_CONNECT_TO` sends connections of the default UDP and DTLS elsewhere than their host's
//!   address: an address (`127.0.0.1`, `::1`) for every connection, with the port kept; or a comma
//!   list of entries `PORT=ADDRESS:PORT` by the port asked for
//!   (`5684=127.0.0.1:15684,5683=[::1]:15683`); or both, the address then serving the ports without
//!   an entry.
//! * `IOTX_EXTRA_CA` names a PEM file of root certificates to trust beside the others.
//!
//! A connection to a port that the list has no entry for goes to its host itself.
//!
//! A redirected DTLS server must still show a certificate for the host in the URL. Every use is
//! announced by a warning; a value that cannot be understood makes connections fail rather than go
//! where nobody wanted. An empty value counts as not set, and so does every value in a program that runs
//! with privileges its caller lacks (set-uid, set-gid, file capabilities): whoever sets the environment there may
//! not say whom to trust.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

/// Name of the variable with the redirection.
const CONNECT_TO: &str = "IOTX_CONNECT_TO";
/// Name of the variable with the file of extra roots.
const EXTRA_CA: &str = "IOTX_EXTRA_CA";

/// A variable is set to something that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    variable: &'static str,
    problem: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used: {}", self.variable, self.problem)
    }
}

/// Where the environment sends a connection to `host`:`port`; `None` leaves it alone.
pub(super) fn from_environment(host: &str, port: u16) -> Result<Option<SocketAddr>, Malformed> {
    let Some(value) = variable(CONNECT_TO)? else {
        return Ok(None);
    };
    let target = Routes::parse(&value)
        .map_err(|problem| Malformed {
            variable: CONNECT_TO,
            problem,
        })?
        .target(port);
    log::warn!("{}", announcement(target, host, port));
    Ok(target)
}

/// What a set variable does to a connection.
fn announcement(target: Option<SocketAddr>, host: &str, port: u16) -> String {
    match target {
        Some(target) => {
            format!("{CONNECT_TO} is set: connecting to {target} instead of {host}:{port}")
        }
        None => format!(
            "{CONNECT_TO} is set, but has no entry for port {port}: connecting to {host}:{port} \
             itself"
        ),
    }
}

/// The PEM text of the extra roots; `None` when there are none.
pub(crate) fn extra_roots() -> Result<Option<Vec<u8>>, Malformed> {
    let Some(path) = variable(EXTRA_CA)? else {
        return Ok(None);
    };
    let text = std::fs::read(&path).map_err(|error| Malformed {
        variable: EXTRA_CA,
        problem: format!("{path}: {error}"),
    })?;
    log::warn!("{EXTRA_CA} is set: also trusting the certificates in {path}");
    Ok(Some(text))
}

/// The error for an `IOTX_EXTRA_CA` file without usable certificates.
pub(super) fn unusable_extra_roots(problem: String) -> Malformed {
    Malformed {
        variable: EXTRA_CA,
        problem,
    }
}

fn variable(name: &'static str) -> Result<Option<String>, Malformed> {
    understood(name, env::var_os(name), is_elevated())
}

/// Whether the program was started with privileges that its caller lacks, as the kernel told it: what
/// `secure_getenv` of the C library heeds.
fn is_elevated() -> bool {
    // SAFETY: reads what the kernel left for this process; no memory of ours is involved.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// What a variable says, if it is set and counts.
fn understood(
    name: &'static str,
    value: Option<OsString>,
    elevated: bool,
) -> Result<Option<String>, Malformed> {
    static WARNED: Once = Once::new();
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if elevated {
        WARNED.call_once(|| {
            log::warn!("{name} is set and ignored: the program has privileges its caller lacks");
        });
        return Ok(None);
    }
    value.into_string().map(Some).map_err(|_| Malformed {
        variable: name,
        problem: "it is not UTF-8".to_owned(),
    })
}

/// A parsed `IOTX_CONNECT_TO`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Routes {
    /// For ports without an entry.
    everywhere: Option<IpAddr>,
    by_port: Vec<(u16, SocketAddr)>,
}

impl Routes {
    fn parse(value: &str) -> Result<Self, String> {
        let mut routes = Self::default();
        for entry in value.split(',').map(str::trim) {
            routes
                .add(entry)
                .map_err(|problem| format!("\"{entry}\" {problem}"))?;
        }
        Ok(routes)
    }

    fn add(&mut self, entry: &str) -> Result<(), &'static str> {
        let Some((port, target)) = entry.split_once('=') else {
            let address = address(entry).ok_or("is neither an address nor PORT=ADDRESS:PORT")?;
            return match self.everywhere.replace(address) {
                Some(_) => Err("is a second address for all ports"),
                None => Ok(()),
            };
        };
        let port = self::port(port).ok_or("does not start with a port, 1 to 65535")?;
        let target: SocketAddr = target
            .trim()
            .parse()
            .map_err(|_| "does not end with ADDRESS:PORT")?;
        if target.port() == 0 {
            return Err("leads to port 0");
        }
        if self.by_port.iter().any(|(known, _)| *known == port) {
            return Err("is a second entry for its port");
        }
        self.by_port.push((port, target));
        Ok(())
    }

    fn target(&self, port: u16) -> Option<SocketAddr> {
        let entry = self.by_port.iter().find(|(known, _)| *known == port);
        entry.map(|(_, target)| *target).or_else(|| {
            self.everywhere
                .map(|address| SocketAddr::new(address, port))
        })
    }
}

/// An address, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

fn port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(value: &str, port: u16) -> Option<String> {
        Routes::parse(value)
            .expect("well-formed")
            .target(port)
            .map(|target| target.to_string())
    }

    #[test]
    fn the_environment_of_a_program_with_privileges_of_its_own_does_not_count() {
        let odd = std::os::unix::ffi::OsStringExt::from_vec(vec![0xff]);
        let read =
            |value: &OsString, elevated| understood(CONNECT_TO, Some(value.clone()), elevated);
        let address = "127.0.0.1".to_owned();
        assert_eq!(read(&(&address).into(), false), Ok(Some(address.clone())));
        assert!(read(&odd, false).is_err());
        for value in [address.into(), odd, OsString::new()] {
            assert_eq!(read(&value, true), Ok(None), "{value:?}");
        }
        assert_eq!(read(&OsString::new(), false), Ok(None));
        assert_eq!(understood(CONNECT_TO, None, false), Ok(None));
    }

    #[test]
    fn these_tests_have_no_privileges_of_their_own() {
        // Whoever runs them set-uid gets another answer, and so should a firmware.
        assert!(!is_elevated());
    }

    #[test]
    fn an_address_serves_every_port() {
        assert_eq!(target("127.0.0.1", 5684).as_deref(), Some("127.0.0.1:5684"));
        assert_eq!(target("::1", 5683).as_deref(), Some("[::1]:5683"));
        assert_eq!(target("[::1]", 5683).as_deref(), Some("[::1]:5683"));
    }

    #[test]
    fn entries_are_chosen_by_the_port_asked_for() {
        let value = "5684=127.0.0.1:15684,5683=[::1]:15683";
        assert_eq!(target(value, 5684).as_deref(), Some("127.0.0.1:15684"));
        assert_eq!(target(value, 5683).as_deref(), Some("[::1]:15683"));
        assert_eq!(target(value, 5682), None);
    }

    #[test]
    fn an_address_serves_the_ports_without_an_entry() {
        let value = "5684=127.0.0.1:15684, 10.0.0.9";
        assert_eq!(target(value, 5684).as_deref(), Some("127.0.0.1:15684"));
        assert_eq!(target(value, 5682).as_deref(), Some("10.0.0.9:5682"));
    }

    #[test]
    fn malformed_values_are_named() {
        let cases = [
            ("localhost", "\"localhost\" is neither an address"),
            ("127.0.0.1:5684", "is neither an address"),
            ("[127.0.0.1]", "is neither an address"),
            (",", "\"\" is neither an address"),
            ("127.0.0.1,", "\"\" is neither an address"),
            ("127.0.0.1,::1", "\"::1\" is a second address"),
            ("0=127.0.0.1:1", "does not start with a port"),
            ("65536=127.0.0.1:1", "does not start with a port"),
            ("coaps=127.0.0.1:1", "does not start with a port"),
            ("5684=127.0.0.1", "does not end with ADDRESS:PORT"),
            ("5684=::1:5684", "does not end with ADDRESS:PORT"),
            ("5684=", "does not end with ADDRESS:PORT"),
            ("5684=127.0.0.1:0", "leads to port 0"),
            ("5684=127.0.0.1:1,5684=127.0.0.1:2", "second entry"),
        ];
        for (value, problem) in cases {
            let found = Routes::parse(value).expect_err(value);
            assert!(found.contains(problem), "{value}: {found}");
        }
    }

    #[test]
    fn a_port_without_an_entry_is_announced_too() {
        let routes = Routes::parse("5684=127.0.0.1:15684").expect("well-formed");
        let line = |port| announcement(routes.target(port), "cloud.example", port);
        assert_eq!(
            line(5684),
            "IOTX_CONNECT_TO is set: connecting to 127.0.0.1:15684 instead of cloud.example:5684"
        );
        assert_eq!(
            line(5683),
            "IOTX_CONNECT_TO is set, but has no entry for port 5683: connecting to \
             cloud.example:5683 itself"
        );
    }

    #[test]
    fn the_error_names_the_variable() {
        let error = Malformed {
            variable: CONNECT_TO,
            problem: "\"x\" is odd".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "IOTX_CONNECT_TO cannot be used: \"x\" is odd"
        );
    }
}
