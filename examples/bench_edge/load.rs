//! Keep-alive connections that ask as fast as answers come, on one thread. Bodies are thrown away by the kernel
//! (`MSG_TRUNC`): copying them here would measure this program.

use std::{
    error::Error,
    io::{self, Write},
    net::TcpStream,
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

type Failure = Box<dyn Error + Send + Sync>;

/// What is asked, in turns, and what every answer must be.
pub struct Question {
    /// Whole requests, head and all.
    pub requests: Vec<Vec<u8>>,
    pub status: u16,
    /// Bytes of the body.
    pub length: usize,
}

impl Question {
    /// GETs of these targets with these extra header lines.
    pub fn get<'a>(targets: impl IntoIterator<Item = &'a str>, extra: &str, status: u16, length: usize) -> Self {
        let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: bench.example\r\n{extra}\r\n").into_bytes();
        Self { requests: targets.into_iter().map(request).collect(), status, length }
    }
}

/// One keep-alive connection.
struct Connection {
    stream: TcpStream,
    next: usize,
    asked: Instant,
    head: Vec<u8>,
    /// Bytes of the body still to come; `None` in the head.
    left: Option<usize>,
}

/// Most bytes of an answer's head.
const HEAD: usize = 16 << 10;
/// Bytes that the kernel throws away at once.
const PIECE: usize = 4 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Microseconds of each answer, from the request's first byte to the answer's last.
pub fn burst(port: u16, question: &Question, connections: usize, requests: usize) -> Result<Vec<f64>, Failure> {
    // SAFETY: no conditions; the result is checked.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if epoll < 0 {
        return Err(io::Error::last_os_error().into());
    }
    let epoll = Epoll(epoll);
    let mut open = Vec::with_capacity(connections);
    for number in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll.watch(&stream, number as u64)?;
        open.push(Connection { stream, next: number, asked: Instant::now(), head: Vec::with_capacity(HEAD), left: None });
    }
    let mut asked = 0;
    for connection in &mut open {
        connection.ask(question)?;
        asked += 1;
    }
    let mut took = Vec::with_capacity(requests + connections);
    let mut ready = Vec::new();
    while took.len() < requests {
        epoll.wait(&mut ready)?;
        for number in ready.drain(..) {
            let connection = &mut open[number as usize];
            while connection.receive(question)? {
                took.push(connection.asked.elapsed().as_secs_f64() * 1e6);
                if asked < requests {
                    connection.ask(question)?;
                    asked += 1;
                } else {
                    break;
                }
            }
        }
    }
    Ok(took)
}

impl Connection {
    fn ask(&mut self, question: &Question) -> Result<(), Failure> {
        self.asked = Instant::now();
        // A request is smaller than an empty send buffer.
        self.stream.write_all(&question.requests[self.next % question.requests.len()])?;
        // A step that shares no factor with the number of connections, so that each connection asks for everything.
        self.next += 7;
        self.left = None;
        self.head.clear();
        Ok(())
    }

    /// Takes what is there; whether the answer is whole.
    fn receive(&mut self, question: &Question) -> Result<bool, Failure> {
        loop {
            let Some(left) = self.left else {
                let begun = self.head.len();
                self.head.resize(HEAD, 0);
                let count = match io::Read::read(&mut self.stream, &mut self.head[begun..]) {
                    Ok(0) => return Err("the server closed the connection in the head".into()),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.head.truncate(begun);
                        return Ok(false);
                    }
                    Err(error) => return Err(error.into()),
                };
                self.head.truncate(begun + count);
                if let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") {
                    self.left = Some(self.check(end + 4, question)?);
                }
                continue;
            };
            if left == 0 {
                return Ok(true);
            }
            // SAFETY: with MSG_TRUNC a stream socket drops the bytes and does not touch the buffer (tcp(7)).
            let count = unsafe { libc::recv(self.stream.as_raw_fd(), std::ptr::null_mut(), left.min(PIECE), libc::MSG_TRUNC) };
            match count {
                0 => return Err("the server closed the connection in the body".into()),
                1.. => self.left = Some(left - count as usize),
                _ => {
                    let error = io::Error::last_os_error();
                    return if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error.into()) };
                }
            }
        }
    }

    /// Bytes of the body that are still to come after a head of `end` bytes.
    fn check(&self, end: usize, question: &Question) -> Result<usize, Failure> {
        let text = std::str::from_utf8(&self.head[..end])?;
        let status: u16 = text.split(' ').nth(1).ok_or("no status")?.parse()?;
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = if status == 304 { 0 } else { length.ok_or("no Content-Length")?? };
        if (status, length) != (question.status, question.length) {
            let asked = String::from_utf8_lossy(&question.requests[0]).into_owned();
            return Err(format!("answered {status} with {length} bytes:\n{text}\nasked:\n{asked}").into());
        }
        Ok(length - (self.head.len() - end))
    }
}

/// The head of one answer, as text.
pub fn head(port: u16, target: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: bench.example\r\n\r\n")?;
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match io::Read::read(&mut stream, &mut piece)? {
            0 => return Err("the server closed the connection in the head".into()),
            count => head.extend_from_slice(&piece[..count]),
        }
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            head.truncate(end);
            return Ok(String::from_utf8(head)?);
        }
    }
}

/// Connections that asked for something of so many bytes, got it, and stay open.
pub fn idle(port: u16, target: &str, bytes: usize, connections: usize) -> Result<Vec<TcpStream>, Failure> {
    (0..connections)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            write!(stream, "GET {target} HTTP/1.1\r\nHost: bench.example\r\n\r\n")?;
            let (mut came, mut piece) = (Vec::new(), [0; 16 << 10]);
            while came.windows(4).position(|window| window == b"\r\n\r\n").is_none_or(|end| came.len() < end + 4 + bytes) {
                match io::Read::read(&mut stream, &mut piece)? {
                    0 => return Err("the server closed an idle connection".into()),
                    count => came.extend_from_slice(&piece[..count]),
                }
            }
            Ok(stream)
        })
        .collect()
}

/// An answer whose end is that of its connection, as text.
pub fn page(port: u16, target: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: bench.example\r\nConnection: close\r\n\r\n")?;
    Ok(io::read_to_string(&mut stream)?)
}

/// Connections that ask for a large body and take nothing of it.
pub fn stalled(port: u16, target: &str, connections: usize) -> Result<Vec<TcpStream>, Failure> {
    (0..connections)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            write!(stream, "GET {target} HTTP/1.1\r\nHost: bench.example\r\n\r\n")?;
            Ok(stream)
        })
        .collect()
}

struct Epoll(libc::c_int);

impl Epoll {
    fn watch(&self, stream: &TcpStream, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number };
        // SAFETY: both descriptors are open, the event outlives the call.
        match unsafe { libc::epoll_ctl(self.0, libc::EPOLL_CTL_ADD, stream.as_raw_fd(), &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn wait(&self, ready: &mut Vec<u64>) -> Result<(), Failure> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        // SAFETY: the buffer is as long as it is said to be.
        let count = unsafe { libc::epoll_wait(self.0, events.as_mut_ptr(), 64, PATIENCE.as_millis() as i32) };
        match count {
            0 => Err("no answer".into()),
            1.. => {
                ready.extend(events[..count as usize].iter().map(|event| event.u64));
                Ok(())
            }
            _ => Err(io::Error::last_os_error().into()),
        }
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // SAFETY: nobody else has the descriptor.
        unsafe { libc::close(self.0) };
    }
}
