//! The attempts, as data.

/// Something that is tried from inside a node.
pub struct Attempt {
    /// What is tried; `SECURITY.md` names some of them.
    pub name: &'static str,
    /// A line of bash on node01. MACHINE is a directory of the machine with a `secret` and a `socket`, BYSTANDER a process
    /// of the machine, ABSTRACT an abstract socket's name, PORT a port of its loopback where TCP and UDP are served.
    pub script: &'static str,
    /// What it prints when it was held.
    pub held: &'static str,
}

const fn attempt(name: &'static str, script: &'static str, held: &'static str) -> Attempt {
    Attempt { name, script, held }
}

/// The number of a system call (of x86-64), its arguments, and what became of it.
macro_rules! call {
    ($name:literal, $words:literal) => {
        attempt(
            $name,
            concat!("perl -e 'my $r = syscall(", $words, "); print $r < 0 ? \"held\" : \"done\"'"),
            "held",
        )
    };
}

/// All of them.
pub const ALL: &[Attempt] = &[
    // Files.
    attempt("a file of the machine", "cat MACHINE/secret 2>/dev/null || echo held", "held"),
    attempt("above the root", "cat /../../../..MACHINE/secret 2>/dev/null || echo held", "held"),
    attempt(
        "a hard link to a file of the machine",
        "ln MACHINE/secret /root/h 2>/dev/null || echo held",
        "held",
    ),
    attempt(
        "homes and secrets of the machine",
        "ls -A /home; ls /etc/shadow /var/lib/dpkg /etc/ssh/sshd_config 2>/dev/null; echo held",
        "held",
    ),
    attempt("programs of the machine", "{ : > /usr/bin/x; } 2>/dev/null || echo held", "held"),
    attempt("the lab's own program", "{ : >> /opt/cks-lab/cks-lab; } 2>/dev/null || echo held", "held"),
    attempt(
        "removing what is mounted",
        "rm -rf /usr/bin /opt/cks-lab 2>/dev/null; test -x /usr/bin/env && test -s /opt/cks-lab/cks-lab && echo held",
        "held",
    ),
    attempt(
        "the control sockets of the machine",
        "ls /run/docker.sock /run/dbus /run/user /tmp/.X11-unix /var/run/docker.sock 2>/dev/null; echo held",
        "held",
    ),
    // /proc.
    attempt("the first process's root", "cat /proc/1/rootMACHINE/secret 2>/dev/null || echo held", "held"),
    attempt("the first process's environment", "cat /proc/1/environ 2>/dev/null || echo held", "held"),
    attempt("the first process's descriptors", "ls /proc/1/fd 2>/dev/null || echo held", "held"),
    attempt("the first process's memory", "{ exec 3<>/proc/1/mem; } 2>/dev/null || echo held", "held"),
    attempt("kernel memory in /proc", "head -c 4 /proc/kcore 2>/dev/null | wc -c", "0"),
    attempt("keys in /proc", "cat /proc/keys 2>/dev/null | wc -l", "0"),
    attempt(
        "kernel parameters",
        "{ echo x > /proc/sys/kernel/core_pattern; } 2>/dev/null || echo held",
        "held",
    ),
    attempt(
        "kernel parameters of the network",
        "{ echo 1 > /proc/sys/net/ipv4/ip_forward; } 2>/dev/null || echo held",
        "held",
    ),
    attempt("the system request key", "{ echo h > /proc/sysrq-trigger; } 2>/dev/null || echo held", "held"),
    attempt("what /sys tells", "ls -A /sys", ""),
    attempt(
        "paths that core dumps take",
        "ulimit -c; ulimit -c unlimited 2>/dev/null || echo held",
        "0\nheld",
    ),
    // Mounts and namespaces.
    attempt("a new mount", "mount -t tmpfs x /mnt 2>/dev/null || echo held", "held"),
    attempt("a bind mount", "mount --bind /root /usr 2>/dev/null || echo held", "held"),
    attempt(
        "mounting what was hidden away",
        "umount /proc/kcore 2>/dev/null || umount -l /usr 2>/dev/null || echo held",
        "held",
    ),
    attempt(
        "making a read-only mount writable",
        "mount -o remount,rw,bind /usr 2>/dev/null || echo held",
        "held",
    ),
    attempt("a user namespace", "unshare -Ur true 2>/dev/null || echo held", "held"),
    attempt("a mount namespace", "unshare -m true 2>/dev/null || echo held", "held"),
    attempt("another process's namespaces", "nsenter -t 1 -m -n true 2>/dev/null || echo held", "held"),
    attempt(
        "a root inside the root",
        "mkdir -p /root/j; perl -e 'open my $d, \"<\", \"/\"; chroot(\"/root/j\"); chdir(\"..\") for 1..50; chroot(\".\"); print -e \"MACHINE/secret\" ? \"out\" : \"held\"'",
        "held",
    ),
    attempt(
        "a control group",
        "mount -t cgroup2 x /mnt 2>/dev/null; ls -d /sys/fs/cgroup 2>/dev/null || echo held",
        "held",
    ),
    // Processes.
    attempt("a signal to a process of the machine", "kill -9 BYSTANDER 2>/dev/null || echo held", "held"),
    attempt("seeing a process of the machine", "ls -d /proc/BYSTANDER 2>/dev/null || echo held", "held"),
    attempt("a signal to everything", "bash -c 'kill -9 -1' 2>/dev/null; true", ""),
    attempt(
        "a signal to the first process",
        "kill -9 1; kill -TERM 1; kill -SEGV 1; cat /proc/1/comm",
        "init",
    ),
    call!("tracing the first process", "101, 16, 1, 0, 0"),
    call!("reading the first process's memory", "310, 1, 0, 0, 0, 0, 0) + syscall(101, 16, 1, 0, 0"),
    attempt("new privileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
    attempt(
        "programs that give privileges",
        "awk '$5 !~ \"^/proc\" && $6 !~ /nosuid/ {print $5}' /proc/self/mountinfo",
        "",
    ),
    attempt("powers over the machine", "grep CapEff /proc/self/status", "CapEff:\t00000000a00425fb"),
    // Sockets and the network.
    attempt("a socket file of the machine", "ls MACHINE/socket 2>/dev/null || echo held", "held"),
    attempt("an abstract socket of the machine", "grep ABSTRACT /proc/net/unix || echo held", "held"),
    attempt(
        "connecting to an abstract socket",
        "perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0); print connect($s, pack(\"Sxa*\", AF_UNIX, \"ABSTRACT\")) ? \"out\" : \"held\"'",
        "held",
    ),
    attempt(
        "a service on the machine's loopback",
        "{ exec 3<>/dev/tcp/127.0.0.1/PORT; } 2>/dev/null || echo held",
        "held",
    ),
    attempt(
        "datagrams to the machine's loopback",
        "{ echo x > /dev/udp/127.0.0.1/PORT; } 2>/dev/null; echo sent",
        "sent",
    ),
    attempt("names of the internet", "timeout 20 getent hosts name.invalid; echo $?", "2"),
    attempt(
        "routes",
        "tail -n +2 /proc/net/route | cut -f 1,2 | sort -u",
        "enp1s0\t00011EAC\nenp1s0\t00021EAC",
    ),
    attempt(
        "interfaces of the machine",
        "tail -n +3 /proc/net/dev | cut -d : -f 1 | tr -d ' ' | sort",
        "enp1s0\nlo",
    ),
    attempt(
        "changing the network",
        "perl -e 'socket(my $s, 2, 2, 0); my $r = pack(\"a16sx22\", \"lo\", 0); print ioctl($s, 0x8914, $r) ? \"out\" : \"held\"'",
        "held",
    ),
    attempt(
        "sockets of the hypervisor",
        "perl -e 'print socket(my $s, 40, 1, 0) ? \"out\" : \"held\"'",
        "held",
    ),
    // Devices, time, the kernel.
    attempt(
        "a device node",
        "mknod /root/d b 8 0 2>/dev/null || mknod /root/d c 1 1 2>/dev/null || echo held",
        "held",
    ),
    attempt(
        "devices of the machine",
        "ls /dev | tr '\\n' ' '",
        "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ",
    ),
    attempt("terminals of the machine", "ls /dev/pts", "ptmx"),
    attempt("the terminal that the lab was started at", "{ : > /dev/tty; } 2>/dev/null || echo held", "held"),
    attempt("the clock", "date -s 2000-01-01 >/dev/null 2>&1 || echo held", "held"),
    attempt("the host name", "hostname other 2>/dev/null || echo held", "held"),
    attempt("the kernel's log", "dmesg 2>/dev/null | wc -l", "0"),
    call!("the kernel's keyrings", "250, 0, 4294967293, 0"),
    call!("a program in the kernel", "321, 0, 0, 0"),
    call!("performance counters", "298, 0, 0, -1, -1, 0"),
    call!("asynchronous rings", "425, 1, 0"),
    call!("faults in user space", "323, 0"),
    call!("a file by its handle", "304, -100, 0, 0"),
    call!("another kernel", "246, 0, 0, 0, 0"),
    call!("a kernel module", "175, 0, 0, 0"),
    call!("setting the clock", "227, 0, 0"),
    call!("restarting the machine", "169, 0, 0, 0, 0"),
    attempt(
        "calls of 32 bits by another number",
        "perl -e 'print syscall(0x40000000 + 39) < 0 ? \"held\" : \"done\"'",
        "held",
    ),
    // What the lab was started with.
    attempt(
        "the environment of whoever started the lab",
        "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c -e ^CARGO -e ^SSH_AUTH_SOCK -e ^DISPLAY -e ^XDG",
        "0",
    ),
    attempt("descriptors that the lab was started with", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "),
    attempt("shared memory of the machine", "tail -n +2 /proc/sysvipc/shm | wc -l; ls -A /dev/shm", "0"),
    attempt("a higher priority", "nice -n -5 true 2>&1 | grep -c 'Permission denied'", "1"),
    // Taking too much.
    attempt(
        "too many processes",
        "timeout -s KILL 2 bash -c 'for i in $(seq 400); do sleep 30 & done' 2>/root/e
         for p in /proc/[0-9]*; do read c < $p/comm; [ $c = sleep ] && kill ${p#/proc/}; done 2>/dev/null
         grep -q 'Resource temporarily' /root/e && echo held",
        "held",
    ),
    attempt(
        "too much memory",
        "head -c 400M /dev/zero | tail -n 1 >/dev/null 2>&1; echo ${PIPESTATUS[1]}",
        "1",
    ),
    attempt(
        "too large a file",
        "dd if=/dev/zero of=/root/big bs=1M count=64 2>&1 | grep -o 'File too large'; stat -c %s /root/big; rm /root/big",
        "File too large\n25165824",
    ),
    attempt(
        "a disk in memory that grows",
        "dd if=/dev/zero of=/dev/shm/big bs=1M count=200 2>/dev/null; test $(stat -c %s /dev/shm/big) -le 67108864 && echo held; rm /dev/shm/big",
        "held",
    ),
    attempt(
        "too many watches",
        "cat /proc/sys/user/max_inotify_instances /proc/sys/user/max_user_namespaces",
        "32\n0",
    ),
    attempt(
        "raising a limit",
        "ulimit -Hu 5000 2>/dev/null || ulimit -Hf unlimited 2>/dev/null || echo held",
        "held",
    ),
];
