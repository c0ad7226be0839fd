//! The system calls that a node's processes are left with (seccomp, `Documentation/userspace-api/seccomp_filter.rst`).
//!
//! The filter forbids what acts on the machine rather than on the node, and what a node's root has no use for but attackers
//! of kernels have. Everything else is allowed: editors, compilers, debuggers and the real control plane's programs run.

use std::io;

use libc::c_long;

/// `Operation not permitted`, as for anybody who is not root of the machine.
const DENIED: u32 = libc::EPERM.cast_unsigned();
/// `Function not implemented`: programs then take the older way.
const MISSING: u32 = libc::ENOSYS.cast_unsigned();

/// System calls and the error that they get.
const REFUSED: &[(c_long, u32)] = &[
    // File systems and namespaces of other shapes.
    (libc::SYS_mount, DENIED),
    (libc::SYS_umount2, DENIED),
    (libc::SYS_pivot_root, DENIED),
    (libc::SYS_fsopen, DENIED),
    (libc::SYS_fsconfig, DENIED),
    (libc::SYS_fsmount, DENIED),
    (libc::SYS_fspick, DENIED),
    (libc::SYS_open_tree, DENIED),
    (libc::SYS_move_mount, DENIED),
    (libc::SYS_mount_setattr, DENIED),
    (libc::SYS_setns, DENIED),
    (libc::SYS_open_by_handle_at, DENIED),
    (libc::SYS_quotactl, DENIED),
    (libc::SYS_quotactl_fd, DENIED),
    (libc::SYS_swapon, DENIED),
    (libc::SYS_swapoff, DENIED),
    // Keys belong to the machine's user, not to a namespace.
    (libc::SYS_add_key, DENIED),
    (libc::SYS_request_key, DENIED),
    (libc::SYS_keyctl, DENIED),
    // The kernel, its clock and its log.
    (libc::SYS_reboot, DENIED),
    (libc::SYS_kexec_load, DENIED),
    (libc::SYS_kexec_file_load, DENIED),
    (libc::SYS_init_module, DENIED),
    (libc::SYS_finit_module, DENIED),
    (libc::SYS_delete_module, DENIED),
    (libc::SYS_acct, DENIED),
    (libc::SYS_syslog, DENIED),
    (libc::SYS_settimeofday, DENIED),
    (libc::SYS_clock_settime, DENIED),
    (libc::SYS_clock_adjtime, DENIED),
    (libc::SYS_adjtimex, DENIED),
    (libc::SYS_sethostname, DENIED),
    (libc::SYS_setdomainname, DENIED),
    (libc::SYS_vhangup, DENIED),
    // Large parts of the kernel that nothing on a node needs.
    (libc::SYS_bpf, DENIED),
    (libc::SYS_perf_event_open, DENIED),
    (libc::SYS_userfaultfd, DENIED),
    (libc::SYS_fanotify_init, DENIED),
    (libc::SYS_io_uring_setup, MISSING),
    (libc::SYS_io_uring_enter, MISSING),
    (libc::SYS_io_uring_register, MISSING),
    (libc::SYS_kcmp, DENIED),
    (libc::SYS_pidfd_getfd, DENIED),
    (libc::SYS_migrate_pages, DENIED),
    (libc::SYS_move_pages, DENIED),
    (libc::SYS_nfsservctl, MISSING),
    // Its flags are behind a pointer, where a filter cannot look.
    (libc::SYS_clone3, MISSING),
];

/// What only this kind of machine has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[(c_long, u32)] = &[
    (libc::SYS_iopl, DENIED),
    (libc::SYS_ioperm, DENIED),
    (libc::SYS_modify_ldt, DENIED),
    (libc::SYS_uselib, MISSING),
    (libc::SYS_ustat, MISSING),
    (libc::SYS_sysfs, MISSING),
    (libc::SYS__sysctl, MISSING),
    (libc::SYS_lookup_dcookie, MISSING),
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[(c_long, u32)] = &[];

/// `AUDIT_ARCH_*` of the system calls above.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// `CLONE_NEW*`: cgroup, uts, ipc, user, pid, net, mount, time.
const NEW_NAMESPACES: u32 =
    0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000 | 0x0002_0000 | 0x80;
/// Sockets that a network namespace holds: `AF_UNIX`, `AF_INET`, `AF_INET6`, `AF_NETLINK`, `AF_PACKET`. Virtual machines'
/// sockets, for one, are the whole machine's.
const SOCKETS: [u32; 5] = [1, 2, 10, 16, 17];
/// Requests to terminals that put words into somebody's mouth: `TIOCSTI`, `TIOCLINUX`, `TIOCCONS`.
const TERMINAL_REQUESTS: [u32; 3] = [0x5412, 0x541c, 0x541d];

/// A part of `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;

/// The lower half of an argument.
const fn argument(index: u32) -> u32 {
    16 + 8 * index + if cfg!(target_endian = "big") { 4 } else { 0 }
}

const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const ERROR: u32 = 0x0005_0000;

/// A program of the kernel's packet filter.
#[derive(Default)]
struct Program(Vec<libc::sock_filter>);

impl Program {
    fn add(&mut self, code: u16, k: u32, jt: u8, jf: u8) {
        self.0.push(libc::sock_filter { code, jt, jf, k });
    }

    fn load(&mut self, part: u32) {
        self.add(LOAD, part, 0, 0);
    }

    /// Ends with `result` where the comparison holds.
    fn when(&mut self, comparison: u16, k: u32, result: u32) {
        self.add(comparison, k, 0, 1);
        self.add(RETURN, result, 0, 0);
    }

    /// Looks at an argument of one system call: `rest` has to end the program.
    fn of_call(&mut self, call: c_long, rest: Self) {
        let length = u8::try_from(rest.0.len()).unwrap_or(u8::MAX);
        self.add(EQUAL, number(call), 0, length);
        self.0.extend(rest.0);
    }
}

fn number(call: c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn program() -> Program {
    let mut all = Program::default();
    all.load(ARCH);
    all.add(EQUAL, ARCHITECTURE, 1, 0);
    all.add(RETURN, ERROR | MISSING, 0, 0);
    all.load(NUMBER);
    if cfg!(target_arch = "x86_64") {
        // The same calls by other numbers (x32).
        all.when(AT_LEAST, 0x4000_0000, ERROR | MISSING);
    }
    for (call, error) in REFUSED.iter().chain(REFUSED_HERE) {
        all.when(EQUAL, number(*call), ERROR | error);
    }
    for call in [libc::SYS_clone, libc::SYS_unshare] {
        let mut flags = Program::default();
        flags.load(argument(0));
        flags.when(ANY_BIT, NEW_NAMESPACES & !if call == libc::SYS_clone { 0xff } else { 0 }, ERROR | DENIED);
        flags.add(RETURN, ALLOW, 0, 0);
        all.of_call(call, flags);
    }
    let mut families = Program::default();
    families.load(argument(0));
    for family in SOCKETS {
        families.when(EQUAL, family, ALLOW);
    }
    families.add(RETURN, ERROR | libc::EAFNOSUPPORT.cast_unsigned(), 0, 0);
    all.of_call(libc::SYS_socket, families);
    let mut requests = Program::default();
    requests.load(argument(1));
    for request in TERMINAL_REQUESTS {
        requests.when(EQUAL, request, ERROR | DENIED);
    }
    requests.add(RETURN, ALLOW, 0, 0);
    all.of_call(libc::SYS_ioctl, requests);
    all.add(RETURN, ALLOW, 0, 0);
    all
}

/// Puts the filter on this process and all that come of it; no new privileges have been given up before.
pub fn apply() -> io::Result<()> {
    let mut program = program().0;
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the program lives until the call is over, and its length is what is said.
    let done =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would answer: the program run on a system call with its first two arguments.
    fn answer(arch: u32, call: u32, arguments: [u32; 2]) -> u32 {
        let program = program().0;
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            let mut jump = |is: bool| at += usize::from(if is { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    loaded = match step.k {
                        NUMBER => call,
                        ARCH => arch,
                        k => arguments[usize::try_from((k - 16) / 8).unwrap_or_default()],
                    }
                }
                EQUAL => jump(loaded == step.k),
                AT_LEAST => jump(loaded >= step.k),
                ANY_BIT => jump(loaded & step.k != 0),
                _ => return step.k,
            }
        }
    }

    #[test]
    fn what_acts_on_the_machine_is_refused_and_the_rest_is_not() {
        let refused = ERROR | DENIED;
        for (call, arguments, expected) in [
            (libc::SYS_read, [0, 0], ALLOW),
            (libc::SYS_execve, [0, 0], ALLOW),
            (libc::SYS_ptrace, [0, 0], ALLOW),
            (libc::SYS_mount, [0, 0], refused),
            (libc::SYS_keyctl, [0, 0], refused),
            (libc::SYS_io_uring_setup, [0, 0], ERROR | MISSING),
            (libc::SYS_clone3, [0, 0], ERROR | MISSING),
            // fork(2) and a thread, and new namespaces.
            (libc::SYS_clone, [0x0120_0011, 0], ALLOW),
            (libc::SYS_clone, [0x003d_0f00, 0], ALLOW),
            (libc::SYS_clone, [0x1000_0011, 0], refused),
            (libc::SYS_unshare, [0x1000_0000, 0], refused),
            (libc::SYS_unshare, [0x80, 0], refused),
            (libc::SYS_unshare, [0x400, 0], ALLOW),
            (libc::SYS_socket, [2, 1], ALLOW),
            (libc::SYS_socket, [40, 1], ERROR | 97),
            (libc::SYS_ioctl, [0, 0x5413], ALLOW),
            (libc::SYS_ioctl, [0, 0x5412], refused),
        ] {
            assert_eq!(answer(ARCHITECTURE, number(call), arguments), expected, "{call} {arguments:x?}");
        }
        assert_eq!(answer(0x4000_0003, 0, [0, 0]), ERROR | MISSING, "calls of 32 bits");
        if cfg!(target_arch = "x86_64") {
            assert_eq!(answer(ARCHITECTURE, 0x4000_0000, [0, 0]), ERROR | MISSING, "x32");
        }
    }
}
