//! Processes that stand for what runs inside the lab's own process: they have a program's name and words, do nothing, and end as any other.
//!
//! A child of a node's first process, without a program of its own: it shares all memory, so that a node's two dozen cost next to
//! nothing. Its words are written over the arguments and the environment that this program was started with, as `setproctitle(3)` does.

use std::io;

/// How much environment a node's first process is started with, for words to have room.
pub const ROOM: usize = 4000;

/// Where the words of a process are: what `/proc/PID/cmdline` shows.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    start: usize,
    end: usize,
}

impl Words {
    /// Where this process's own are (`proc(5)`, `/proc/pid/stat`, fields 48 to 51).
    pub fn own() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let fields: Vec<usize> =
            stat.rsplit(')').next()?.split_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
        // The list begins with field 3.
        let field = |number: usize| fields.get(number - 3).copied().filter(|at| *at != 0);
        let (start, end) = (field(48)?, field(51)?);
        (field(49)? == field(50)? && end > start).then_some(Self { start, end })
    }

    /// Writes other words; what has no room is cut off.
    ///
    /// # Safety
    ///
    /// Nobody may read this process's arguments or environment afterwards.
    pub unsafe fn write(self, words: &str) {
        let words = words.as_bytes();
        // The kernel shows one page at most.
        let length = words.len().min(self.end - self.start - 1).min(4095);
        // SAFETY: these are the bytes of this process's arguments and environment, mapped and writable for as long as it lives.
        unsafe {
            std::ptr::write_bytes(self.start as *mut u8, 0, self.end - self.start);
            std::ptr::copy_nonoverlapping(words.as_ptr(), self.start as *mut u8, length);
        }
    }
}

/// Starts a process that stands for a program; its process id comes back.
pub fn start(words: Option<Words>, title: &str, name: &str) -> io::Result<i32> {
    let name: Vec<u8> = name.bytes().filter(|b| *b != 0).take(15).chain([0]).collect();
    // SAFETY: this process has one thread, so the child may go on as it likes; the name ends with a zero.
    unsafe {
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                libc::setsid();
                let mut none = std::mem::zeroed();
                libc::sigemptyset(&raw mut none);
                libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
                for signal in 1..32 {
                    libc::signal(signal, libc::SIG_DFL);
                }
                libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
                libc::prctl(libc::PR_SET_NAME, name.as_ptr());
                if let Some(words) = words {
                    words.write(title);
                }
                loop {
                    libc::pause();
                }
            }
            child => Ok(child),
        }
    }
}
