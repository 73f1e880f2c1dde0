//! The system calls a jailed program may not make.
//!
//! A list of what is denied rather than of what is allowed: encoders and decoders differ in what they need between
//! versions, processors and C libraries, and a missing call would show as a broken video on somebody's machine. Denied is
//! each way to the network, to another process, to new privileges and to changing a file. Two filters, because a filter
//! has one answer: `EPERM` says no; `ENOSYS` makes the C library take the older call that the first filter can look into.

use std::{collections::BTreeMap, sync::OnceLock};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Calls that are refused whatever their arguments.
const FORBIDDEN: &[libc::c_long] = &[
    // The network, and sockets to programs on this machine.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // Other processes.
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_setrlimit,
    libc::SYS_setpgid,
    libc::SYS_setsid,
    libc::SYS_execveat,
    // Files: no change of any kind. Opening for writing is below.
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_open_by_handle_at,
    // The system and its privileges.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
];

/// The same, where a processor still has the older calls.
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_OLDER: &[libc::c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_creat,
    libc::SYS_unlink,
    libc::SYS_rmdir,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const FORBIDDEN_OLDER: &[libc::c_long] = &[];

/// Calls whose arguments lie in memory, where a filter cannot look, or which reach around the filter altogether.
const ABSENT: &[libc::c_long] = &[libc::SYS_clone3, libc::SYS_openat2, libc::SYS_io_uring_setup];

/// The compiled filters, made once per process.
pub(super) fn filters() -> Result<&'static [BpfProgram], seccompiler::Error> {
    static FILTERS: OnceLock<[BpfProgram; 2]> = OnceLock::new();
    if FILTERS.get().is_none() {
        let compiled = [compile(forbidden()?, libc::EPERM)?, compile(always(ABSENT), libc::ENOSYS)?];
        // Another thread may have compiled the same ones meanwhile.
        let _ = FILTERS.set(compiled);
    }
    Ok(FILTERS.get().map_or(&[], |filters| filters))
}

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

fn compile(rules: Rules, errno: i32) -> Result<BpfProgram, seccompiler::Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), arch)?;
    Ok(BpfProgram::try_from(filter)?)
}

/// A call with no rule of its own matches always.
fn always(calls: &[libc::c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn forbidden() -> Result<Rules, seccompiler::Error> {
    let mut rules = always(FORBIDDEN);
    rules.append(&mut always(FORBIDDEN_OLDER));
    // A thread shares its creator's process, anything else that clone makes is a process.
    rules.insert(libc::SYS_clone, vec![flags(0, libc::CLONE_THREAD, 0)?]);
    // Asking for a limit is what the C library does at start; setting one undoes the jail's where this runs as root.
    let new_limit = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![new_limit])?]);
    rules.insert(libc::SYS_openat, opening_for_change(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, opening_for_change(1)?);
    Ok(rules)
}

/// Matches an open whose flags, at this argument, ask for more than reading.
fn opening_for_change(argument: u8) -> Result<Vec<SeccompRule>, seccompiler::Error> {
    [
        (libc::O_ACCMODE, libc::O_WRONLY),
        (libc::O_ACCMODE, libc::O_RDWR),
        // Write access of its own kind in Linux: both bits.
        (libc::O_ACCMODE, libc::O_ACCMODE),
        (libc::O_CREAT, libc::O_CREAT),
        (libc::O_TRUNC, libc::O_TRUNC),
    ]
    .into_iter()
    .map(|(mask, value)| flags(argument, mask, value))
    .collect()
}

fn flags(argument: u8, mask: i32, value: i32) -> Result<SeccompRule, seccompiler::Error> {
    let compare = SeccompCmpOp::MaskedEq(mask as u64);
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value as u64)?;
    Ok(SeccompRule::new(vec![condition])?)
}
