//! One request to an endpoint of this node.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How much of an answer is read, in bytes; a configuration is a few KiB.
const MAX_ANSWER: u64 = 1 << 20;
/// How long one request may take to connect, and then to move on.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long one request may take as a whole: who sends a letter now and then would else keep the
/// transaction open for weeks, and its signals unheard.
const WHOLE: Duration = Duration::from_secs(6);

/// What was answered.
pub(super) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Where to reach what listens on an address: every address of the node is also behind loopback.
pub(super) fn reachable(listening: SocketAddr) -> SocketAddr {
    let mut address = listening;
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(IpAddr::from([127, 0, 0, 1])),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            address.set_ip(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
        }
        _ => {}
    }
    address
}

/// A connection that does not wait forever, however slowly the other side goes on.
pub(super) struct Timed {
    stream: TcpStream,
    end: Instant,
}

impl Timed {
    /// How long the next step may take.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.end.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(slow()),
            false => Ok(Some(left.min(PATIENCE))),
        }
    }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(bytes).map_err(named)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn slow() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "it answers too slowly")
}

/// The kernel calls a time that is over "temporarily unavailable" (SO_RCVTIMEO in socket(7)).
fn named(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => slow(),
        _ => error,
    }
}

/// Connects.
pub(super) fn connect(address: SocketAddr) -> Result<Timed, String> {
    let end = Instant::now() + WHOLE;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .map_err(|error| format!("{address}: {error}"))?;
    Ok(Timed { stream, end })
}

/// Asks for a path in plain HTTP.
pub(super) fn get(address: SocketAddr, path: &str) -> Result<Answer, String> {
    exchange(connect(address)?, address, path).map_err(|why| format!("{address}{path}: {why}"))
}

/// One request over a connection. In HTTP/1.0 the answer ends with the connection, and is never sent
/// in chunks.
pub(super) fn exchange(
    mut stream: impl Read + Write,
    address: SocketAddr,
    path: &str,
) -> Result<Answer, String> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush())
        .map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let end = stream.take(MAX_ANSWER).read_to_end(&mut bytes);
    match (parse(&bytes), end) {
        // A peer that ends a TLS connection without saying so has still answered.
        (Some(answer), _) => Ok(answer),
        (None, Err(error)) => Err(error.to_string()),
        (None, Ok(_)) => Err("the answer is not HTTP".into()),
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let line = head.lines().next()?;
    let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let body = bytes.get(end + 4..)?.to_vec();
    let announced = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    // An answer that was cut off is none.
    if announced.is_some_and(|announced| body.len() < announced) {
        return None;
    }
    Some(Answer {
        status: status.parse().ok()?,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_none() {
        let answer = |text: &str| parse(text.as_bytes()).map(|answer| (answer.status, answer.body));
        assert_eq!(
            answer("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Some((200, b"ok".to_vec()))
        );
        assert_eq!(answer("HTTP/1.1 503 x\r\n\r\n"), Some((503, Vec::new())));
        assert_eq!(
            answer("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok"),
            None
        );
        assert_eq!(answer("SSH-2.0-x\r\n\r\n"), None);
        assert_eq!(answer("HTTP/1.0 200 OK\r\n"), None);
        assert_eq!(answer(""), None);
    }

    #[test]
    fn what_listens_everywhere_is_asked_over_loopback() {
        let ask = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(ask("0.0.0.0:10256"), "127.0.0.1:10256");
        assert_eq!(ask("[::]:10256"), "[::1]:10256");
        assert_eq!(ask("10.0.0.7:10256"), "10.0.0.7:10256");
    }
}
