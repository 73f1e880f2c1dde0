//! The servers that are measured: festoon as it is shipped, nginx and Varnish.

use std::{
    error::Error,
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::load;

type Failure = Box<dyn Error + Send + Sync>;

/// Where the server runs; the load comes from [`LOAD_CORE`].
pub const SERVER_CORE: usize = 0;
/// Where this program runs.
pub const LOAD_CORE: usize = 1;
/// Ahead of whatever else runs on this machine, for bursts of less than a second.
const PRIORITY: i32 = 10;

/// Ports, one above the other.
pub const NGINX_STATIC: u16 = 18_661;
pub const NGINX_STATIC_NOPUSH: u16 = 18_662;
pub const NGINX_PROXY: u16 = 18_663;
pub const NGINX_PROXY_NOPUSH: u16 = 18_664;
pub const VARNISH: u16 = 18_665;

/// Keeps this thread and what it starts on a core, ahead of others where the system allows it. Safe between fork and exec.
pub fn pin(core: usize) -> io::Result<()> {
    // SAFETY: the set is plain data, initialised by zeroing, and of the size that is said.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        if libc::sched_setaffinity(0, size_of_val(&set), &raw const set) != 0 {
            return Err(io::Error::last_os_error());
        }
        let parameters = libc::sched_param { sched_priority: PRIORITY };
        // Not allowed to everybody: then the numbers have more noise.
        libc::sched_setscheduler(0, libc::SCHED_RR, &raw const parameters);
    }
    Ok(())
}

/// A server and all its processes. Dropping it ends it.
pub struct Server {
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: the child is not reaped yet, so the id is its own.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        if let Err(error) = self.child.wait() {
            eprintln!("a server cannot be waited for: {error}");
        }
    }
}

impl Server {
    fn start(mut command: Command, port: u16, path: &str) -> Result<Self, Failure> {
        // SAFETY: only makes system calls.
        unsafe { command.pre_exec(|| pin(SERVER_CORE)) };
        let mut server = Self { child: command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()? };
        let patience = Instant::now() + Duration::from_secs(300);
        while Instant::now() < patience {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command:?} ended before it was ready: {status}").into());
            }
            if load::head(port, path).is_ok_and(|head| !head.contains(" 503 ")) {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("port {port} does not answer").into())
    }

    /// The shipped program with the shipped settings, and the milliseconds until it was ready.
    pub fn festoon(root: &Path, port: u16) -> Result<(Self, f64), Failure> {
        let program = std::env::current_exe()?.parent().and_then(Path::parent).ok_or("no folder above")?.join("festoon");
        if !program.is_file() {
            return Err(format!("{} is not built: run `cargo build --release` first", program.display()).into());
        }
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(root.join("festoon.toml")).stderr(fs::File::create(root.join("log"))?);
        let started = Instant::now();
        let server = Self::start(command, port, "/readyz")?;
        Ok((server, started.elapsed().as_secs_f64() * 1000.0))
    }

    /// nginx on a folder of blobs: from the files, and through a cache in front of itself, each with `tcp_nopush` and without.
    pub fn nginx(folder: &Path, blobs: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let (here, blobs) = (folder.display(), blobs.display());
        let lifetime = r#"add_header Cache-Control "public, max-age=31536000, immutable";"#;
        let files = |port: u16, nopush: &str| {
            format!("server {{ listen 127.0.0.1:{port}; tcp_nopush {nopush}; root {blobs}; {lifetime} }}\n")
        };
        let cached = |port: u16, nopush: &str| {
            format!(
                "server {{ listen 127.0.0.1:{port}; tcp_nopush {nopush}; proxy_cache clips; proxy_cache_valid 200 1h;
                   location / {{ proxy_pass http://127.0.0.1:{NGINX_STATIC}; }} }}\n"
            )
        };
        let settings = format!(
            "daemon off; worker_processes 1; pid {here}/pid; error_log {here}/error.log; {user}
             events {{ worker_connections 4096; }}
             http {{
               access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000000; default_type video/mp4;
               open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;
               client_body_temp_path {here}/b; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
               proxy_temp_path {here}/p; proxy_cache_path {here}/cache keys_zone=clips:8m max_size=1g inactive=1d;
               {}{}{}{}
             }}",
            files(NGINX_STATIC, "off"),
            files(NGINX_STATIC_NOPUSH, "on"),
            cached(NGINX_PROXY, "off"),
            cached(NGINX_PROXY_NOPUSH, "on"),
            // SAFETY: getuid has no conditions.
            user = if unsafe { libc::getuid() } == 0 { "user root;" } else { "" },
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, settings)?;
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(path);
        Self::start(command, NGINX_PROXY_NOPUSH, "/")
    }

    /// Varnish with its cache in memory, in front of nginx.
    pub fn varnish(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new("/usr/sbin/varnishd");
        command.args(["-F", "-a", &format!("127.0.0.1:{VARNISH}"), "-b", &format!("127.0.0.1:{NGINX_STATIC}")]);
        command.args(["-s", "malloc,256m", "-j", "none", "-n"]).arg(folder);
        command.stderr(fs::File::create(folder.join("log"))?);
        Self::start(command, VARNISH, "/")
    }

    /// The process and all below it.
    fn processes(&self) -> Result<Vec<u32>, Failure> {
        let mut all = vec![self.child.id()];
        let mut looked = 0;
        while let Some(id) = all.get(looked).copied() {
            looked += 1;
            for thread in fs::read_dir(format!("/proc/{id}/task"))? {
                let children = fs::read_to_string(thread?.path().join("children"))?;
                all.extend(children.split_whitespace().flat_map(str::parse::<u32>));
            }
        }
        Ok(all)
    }

    /// Microseconds of processor time, by the scheduler's own count, of all threads that live.
    pub fn cpu_micros(&self) -> Result<f64, Failure> {
        let mut nanos = 0_u64;
        for id in self.processes()? {
            for thread in fs::read_dir(format!("/proc/{id}/task"))? {
                let path: PathBuf = thread?.path().join("schedstat");
                // A thread of a pool may end in between.
                let Ok(text) = fs::read_to_string(path) else { continue };
                nanos += text.split_whitespace().next().ok_or("schedstat is empty")?.parse::<u64>()?;
            }
        }
        Ok(nanos as f64 / 1000.0)
    }

    /// Resident memory of all its processes in MiB.
    pub fn resident_mib(&self) -> Result<f64, Failure> {
        self.memory_mib("VmRSS:")
    }

    /// The most that each of its processes had resident since it began, in MiB.
    pub fn peak_mib(&self) -> Result<f64, Failure> {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, field: &str) -> Result<f64, Failure> {
        let mut kib = 0.0;
        for id in self.processes()? {
            let status = fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no memory")?;
            kib += line.trim().trim_end_matches(" kB").trim().parse::<f64>()?;
        }
        Ok(kib / 1024.0)
    }
}

/// What a program says of its version.
pub fn version(program: &str, argument: &str) -> Option<String> {
    let said = Command::new(program).arg(argument).output().ok()?;
    let said = [said.stdout, said.stderr].concat();
    Some(String::from_utf8_lossy(&said).lines().next()?.trim().to_owned())
}
