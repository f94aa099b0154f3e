"""The system calls an Android app process may use: name -> x86_64 number (targets.md section 3).

The list is the part of bionic's seccomp allow list that both CPUs share; a call outside it kills
the process with SIGSYS on a device. Names are what `qemu-user -strace` prints, too.
"""

# fmt: off
ALLOWED_SYSCALLS: dict[str, int] = {
    "read": 0, "write": 1, "readv": 19, "writev": 20, "pread64": 17, "pwrite64": 18, "openat": 257,
    "close": 3, "lseek": 8, "fstat": 5, "newfstatat": 262, "statx": 332, "faccessat": 269,
    "unlinkat": 263, "mkdirat": 258, "renameat": 264, "renameat2": 316, "readlinkat": 267,
    "getdents64": 217, "ftruncate": 77, "flock": 73, "fsync": 74, "fchmodat": 268, "getcwd": 79,
    "chdir": 80, "mmap": 9, "mprotect": 10, "munmap": 11, "mremap": 25, "madvise": 28, "brk": 12,
    "clone": 56, "clone3": 435, "execve": 59, "execveat": 322, "memfd_create": 319, "exit": 60,
    "exit_group": 231, "wait4": 61, "waitid": 247, "futex": 202, "gettid": 186, "getpid": 39,
    "tgkill": 234, "kill": 62, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
    "rt_sigsuspend": 130, "rt_sigtimedwait": 128, "rt_sigpending": 127, "rt_sigqueueinfo": 129,
    "rt_tgsigqueueinfo": 297, "sigaltstack": 131, "clock_gettime": 228, "clock_getres": 229,
    "clock_nanosleep": 230, "nanosleep": 35, "gettimeofday": 96, "getrandom": 318,
    "sched_yield": 24, "sched_setaffinity": 203, "sched_getaffinity": 204, "pipe2": 293, "dup": 32,
    "dup3": 292, "fcntl": 72, "ioctl": 16, "ppoll": 271, "pselect6": 270, "epoll_create1": 291,
    "epoll_pwait": 281, "socket": 41, "connect": 42, "accept4": 288, "bind": 49, "listen": 50,
    "shutdown": 48, "getsockname": 51, "getpeername": 52, "setsockopt": 54, "getsockopt": 55,
    "sendto": 44, "sendmsg": 46, "sendmmsg": 307, "sendfile": 40, "recvfrom": 45, "recvmsg": 47,
    "recvmmsg": 299, "uname": 63, "sysinfo": 99, "prlimit64": 302,
    # x86_64 alone: bionic's linker sets the thread pointer with it in every program that starts.
    "arch_prctl": 158,
}
# fmt: on
