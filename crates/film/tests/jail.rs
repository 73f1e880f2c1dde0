//! What a jailed program can and cannot do, tried with bash, which can try much without another process.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    slice::Chunks,
    time::Duration,
};

use festoon_film::{
    Cancel,
    jail::{Input, Jail, JailError, Limits},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open, test_kill_process},
};

const LIMITS: Limits = Limits {
    patience: Duration::from_secs(120),
    cpu: Duration::from_secs(60),
    address_space: 1 << 30,
    open_files: 32,
    output: 64 << 20,
};

fn bash(script: &str) -> Jail {
    Jail { program: "/bin/bash".into(), args: ["-c", script].map(Into::into).into(), limits: LIMITS }
}

struct Pieces<'a>(Chunks<'a, u8>);

impl Input<JailError> for Pieces<'_> {
    fn next(&mut self) -> Result<Option<&[u8]>, JailError> {
        Ok(self.0.next())
    }
}

/// Runs it without input; its output as text.
fn run(jail: &Jail) -> Result<String, JailError> {
    Ok(String::from_utf8(jail.output::<JailError>(&Cancel::default(), &mut &[][..])?).unwrap())
}

/// What it says when it fails.
fn refusal(script: &str) -> String {
    match run(&bash(script)).unwrap_err() {
        JailError::Failed { stderr, .. } => stderr,
        other => panic!("{other}"),
    }
}

#[test]
fn bytes_pass_in_both_directions_at_once() {
    // More than all pipes hold, so that one who only writes first would wait for ever.
    let input: Vec<u8> = (0..20_000_000u32).map(|place| (place % 251) as u8).collect();
    let mut output = Vec::new();
    let cat = Jail { program: "/bin/cat".into(), args: Vec::new(), limits: LIMITS };
    let said = cat.run(&Cancel::default(), &mut Pieces(input.chunks(3_000_000)), &mut |piece| {
        output.extend_from_slice(piece);
        Ok::<_, JailError>(())
    });
    assert_eq!(said.unwrap(), "");
    assert!(output == input);
}

#[test]
fn there_is_no_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{}", listener.local_addr().unwrap().port());
    let free = Command::new("/bin/bash").args(["-c", &script]).status().unwrap();
    assert!(free.success(), "outside of the jail it connects");
    let refusal = refusal(&script);
    assert!(refusal.contains("Operation not permitted"), "{refusal}");
}

#[test]
fn no_file_can_be_made_changed_or_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old");
    std::fs::write(&old, "content").unwrap();
    for script in [
        format!("echo new > {}/new", folder.path().display()),
        format!("echo more >> {}", old.display()),
        format!("exec 3<>{}", old.display()),
        format!("exec rm {}", old.display()),
        format!("exec mv {} {}/moved", old.display(), folder.path().display()),
        format!("exec chmod 777 {}", old.display()),
        format!("exec truncate -s 0 {}", old.display()),
        format!("exec mkdir {}/folder", folder.path().display()),
        format!("exec ln -s x {}/link", folder.path().display()),
        "exec touch here".to_owned(),
    ] {
        let refusal = refusal(&script);
        assert!(refusal.contains("Operation not permitted"), "`{script}`: {refusal}");
    }
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "content");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn there_is_no_second_process() {
    let refusal = refusal("/bin/true; exit 1");
    assert!(refusal.contains("fork: Operation not permitted"), "{refusal}");
}

#[test]
fn no_other_process_can_be_signalled() {
    let refusal = refusal("kill -0 $PPID");
    assert!(refusal.contains("Operation not permitted"), "{refusal}");
}

#[test]
fn the_environment_and_the_folder_are_empty() {
    let env = Jail { program: "/usr/bin/env".into(), args: Vec::new(), limits: LIMITS };
    assert_eq!(run(&env).unwrap(), "");
    assert_eq!(run(&bash("shopt -s nullglob dotglob; echo *")).unwrap(), "\n");
}

#[test]
fn inherited_descriptors_are_closed() {
    // SAFETY: F_DUPFD takes two integers; the new descriptor is closed below.
    let leaked = unsafe { libc::fcntl(2, libc::F_DUPFD, 20) };
    assert!(leaked >= 20);
    let seen = run(&bash("echo /proc/self/fd/*")).unwrap();
    // SAFETY: it was opened above and nobody else knows of it.
    unsafe { libc::close(leaked) };
    assert!(!seen.split_whitespace().any(|path| path == format!("/proc/self/fd/{leaked}")), "{seen}");
}

#[test]
fn the_limits_hold_and_cannot_be_raised() {
    let script = "ulimit -c; ulimit -f; ulimit -t; ulimit -v; ulimit -n";
    assert_eq!(run(&bash(script)).unwrap().split_whitespace().collect::<Vec<_>>(), ["0", "0", "60", "1048576", "32"]);
    let refusal = refusal("ulimit -n 64");
    assert!(refusal.contains("Operation not permitted"), "{refusal}");
}

#[test]
fn who_takes_too_much_memory_fails() {
    let limits = Limits { address_space: 64 << 20, ..LIMITS };
    let refused = Jail { limits, ..bash("printf -v text '%*s' 100000000 ''") };
    assert!(run(&bash("printf -v text '%*s' 100000000 ''")).is_ok(), "with more memory it is done");
    assert!(matches!(run(&refused), Err(JailError::Failed { .. })));
}

#[test]
fn who_takes_too_much_processor_time_is_killed() {
    let limits = Limits { cpu: Duration::from_millis(10), ..LIMITS };
    let error = run(&Jail { limits, ..bash("while :; do :; done") }).unwrap_err();
    assert!(matches!(error, JailError::CpuSpent { .. }), "{error}");
}

#[test]
fn who_takes_too_long_is_killed() {
    let limits = Limits { patience: Duration::from_millis(1), ..LIMITS };
    let error = run(&Jail { limits, ..bash("exec sleep 1000") }).unwrap_err();
    assert!(matches!(error, JailError::TimedOut { .. }), "{error}");
}

#[test]
fn who_writes_too_much_is_killed() {
    let limits = Limits { output: 1 << 20, ..LIMITS };
    let mut taken = 0;
    let yes = Jail { program: "/usr/bin/yes".into(), args: Vec::new(), limits };
    let error = yes
        .run(&Cancel::default(), &mut &[][..], &mut |piece| {
            taken += piece.len();
            Ok::<_, JailError>(())
        })
        .unwrap_err();
    assert!(matches!(error, JailError::OutputTooLarge { limit: 0x10_0000, .. }), "{error}");
    assert!(taken <= 1 << 20);
}

#[test]
fn who_is_cancelled_is_killed_and_buried() {
    let cancel = Cancel::default();
    let mut said = Vec::new();
    let error = bash("echo $$; exec sleep 1000")
        .run(&cancel, &mut &[][..], &mut |piece| {
            said.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                cancel.cancel();
            }
            Ok::<_, JailError>(())
        })
        .unwrap_err();
    assert!(matches!(error, JailError::Cancelled { .. }), "{error}");
    assert_eq!(test_kill_process(pid(std::str::from_utf8(&said).unwrap())), Err(Errno::SRCH));
}

#[test]
fn a_failure_carries_status_and_last_words() {
    let error = run(&bash("echo no room on the shelf >&2; exit 3")).unwrap_err();
    assert_eq!(error.to_string(), "/bin/bash failed (exit status: 3): no room on the shelf");
    let error = run(&bash("printf '%*s' 100000 '' >&2; echo the end >&2; exit 1")).unwrap_err();
    let JailError::Failed { stderr, .. } = &error else { panic!("{error}") };
    assert!(stderr == "the end", "only the end is kept");
}

#[test]
fn who_needs_no_more_input_has_done_its_work() {
    let none = Jail { program: "/bin/true".into(), args: Vec::new(), limits: LIMITS };
    let outcome = none.run(&Cancel::default(), &mut &vec![0; 8 << 20][..], &mut |_| Ok::<_, JailError>(()));
    assert_eq!(outcome.unwrap(), "");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = run(&Jail { program: "/nowhere/x264".into(), args: Vec::new(), limits: LIMITS }).unwrap_err();
    assert_eq!(error.to_string(), "cannot start /nowhere/x264 in its jail");
}

#[test]
fn a_jailed_program_dies_with_its_keeper() {
    let mut keeper = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "jail::keeper", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.contains("prisoner ")).unwrap();
    let prisoner = pidfd_open(pid(line.rsplit(' ').next().unwrap()), PidfdFlags::empty()).unwrap();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    let ended = poll(&mut [PollFd::new(&prisoner, PollFlags::IN)], None).unwrap();
    assert_eq!(ended, 1);
}

#[test]
#[ignore = "is the keeper that a_jailed_program_dies_with_its_keeper kills"]
fn keeper() {
    let outcome = bash("echo prisoner $$; exec sleep 1000").run(&Cancel::default(), &mut &[][..], &mut |piece| {
        print!("{}", String::from_utf8_lossy(piece));
        Ok::<_, JailError>(())
    });
    panic!("it ended: {outcome:?}");
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}
